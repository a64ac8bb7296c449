//! Whom, and which PINs, `.ci/scan` looks for in everything that tests and demos printed. Run by the gate, which says where to write.

use std::{env, fs};

use ektp::cli::demo;

use crate::support::{front_door, people::residents};

/// The people of all tests and of the demos that the gate runs, and the PINs of those who really have one, for its scan of everything that was printed.
#[test]
fn the_people_of_tests_and_demos_are_written_for_the_scan() {
    /// More than any test asks for; the first of them are the same however many are asked for.
    const OF_TESTS: usize = 1_000;
    /// The seeds of the demos that `.ci/run` shows.
    const SEEDS: [u64; 3] = [1, 2, demo::SEED_DEFAULT];
    let Some(file) = env::var_os("EKTP_SCAN_PEOPLE") else {
        return;
    };
    let mut everybody = Vec::new();
    for district in ["35.75", "35.76", "35.77", "35.78", "32.73"] {
        everybody.extend(residents(district, OF_TESTS));
    }
    everybody.extend(SEEDS.into_iter().flat_map(demo::everybody));
    let mut lines = String::new();
    for person in everybody {
        // A name of one word is also a word: it would be found everywhere and prove nothing.
        let names = [&person.name, &person.mother_name];
        let names = names.into_iter().filter(|name| name.contains(' '));
        for value in [&person.nik]
            .into_iter()
            .chain(names)
            .chain(person.phone.as_ref())
        {
            lines.push_str(value);
            lines.push('\n');
        }
    }
    let pins = front_door::pins().chain(SEEDS.into_iter().flat_map(demo::pins));
    for pin in pins {
        lines.push_str(&pin);
        lines.push('\n');
    }
    fs::write(file, lines).expect("EKTP_SCAN_PEOPLE names a file that can be written");
}
