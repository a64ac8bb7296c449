//! Finds the server programs of Postgres, `initdb` and `postgres`, on this machine.
//!
//! The order of the places is a promise to the person who set something: their variable, then what they can run by
//! name, then where the packages of Debian and macOS put it. Easily got wrong: an existing cluster can be run only by
//! the major version that made it, so the first place is not the answer when a later one holds the right major.

use std::{
    cmp::Reverse,
    env, fs,
    path::{self, Path, PathBuf},
    process::{Command, Stdio},
};

use super::EmbeddedError;

/// What ektp is written and tested against: `strategy file_copy` and `client_connection_check_interval` are both there.
pub(super) const MAJOR_MIN: u32 = 15;

/// The variable that names the folder of the programs; when set, no other place is looked at.
const OWN_VARIABLE: &str = "EKTP_PG_BIN";

/// A folder with both programs, and the version they say they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) bin: PathBuf,
    pub(super) major: u32,
}

impl Programs {
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }
}

/// The programs to use: of the major version that made `cluster` if there is one, else the first that is new enough.
pub(super) fn find(cluster: &Path, made_by: Option<u32>) -> Result<Programs, EmbeddedError> {
    let places = places();
    let found: Vec<Programs> = places.iter().filter_map(|bin| look(bin)).collect();
    if found.is_empty() {
        let looked: Vec<String> = places
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        return Err(EmbeddedError::NoPrograms {
            looked: looked.join(", "),
        });
    }
    choose(found, cluster, made_by)
}

fn choose(
    found: Vec<Programs>,
    cluster: &Path,
    made_by: Option<u32>,
) -> Result<Programs, EmbeddedError> {
    if let Some(made_by) = made_by {
        let majors: Vec<String> = found
            .iter()
            .map(|programs| programs.major.to_string())
            .collect();
        return found
            .into_iter()
            .find(|programs| programs.major == made_by)
            .ok_or_else(|| EmbeddedError::OtherMajor {
                cluster: cluster.to_owned(),
                made_by,
                found: majors.join(", "),
            });
    }
    let newest = found.iter().max_by_key(|programs| programs.major).cloned();
    match (
        found
            .into_iter()
            .find(|programs| programs.major >= MAJOR_MIN),
        newest,
    ) {
        (Some(programs), _) => Ok(programs),
        (None, Some(newest)) => Err(EmbeddedError::TooOld {
            found: newest.major,
            bin: newest.bin,
            needed: MAJOR_MIN,
        }),
        (None, None) => Err(EmbeddedError::NoPrograms {
            looked: String::new(),
        }),
    }
}

/// Another program of theirs, of whatever version comes first.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    places()
        .into_iter()
        .map(|bin| bin.join(name))
        .find(|path| path.is_file())
}

/// Every folder to look at, in the order of preference, each once.
fn places() -> Vec<PathBuf> {
    if let Some(own) = env::var_os(OWN_VARIABLE).filter(|value| !value.is_empty()) {
        // Commands run with another working folder, where a relative path would lead astray.
        return vec![path::absolute(&own).unwrap_or_else(|_| own.into())];
    }
    let mut places = Vec::new();
    places.extend(said_by_pg_config());
    places.extend(
        env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .filter(|place| place.is_absolute()),
    );
    places.extend(versions_under("/usr/lib/postgresql", ""));
    for homebrew in ["/opt/homebrew/opt", "/usr/local/opt"] {
        places.extend(versions_under(homebrew, "postgresql@"));
    }
    places.extend(versions_under(
        "/Applications/Postgres.app/Contents/Versions",
        "",
    ));

    let mut once: Vec<PathBuf> = Vec::with_capacity(places.len());
    for place in places {
        if !once.contains(&place) {
            once.push(place);
        }
    }
    once
}

fn said_by_pg_config() -> Option<PathBuf> {
    let said = Command::new("pg_config")
        .arg("--bindir")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    (said.status.success() && !text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
}

/// The `bin` folders of side-by-side installations, `<root>/<prefix><major>/bin`, highest major first.
fn versions_under(root: &str, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let major = entry
                .file_name()
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(major, _)| Reverse(*major));
    versions.into_iter().map(|(_, bin)| bin).collect()
}

fn look(bin: &Path) -> Option<Programs> {
    if !bin.join("initdb").is_file() {
        return None;
    }
    let said = Command::new(bin.join("postgres"))
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let major = parse_major(&String::from_utf8_lossy(&said.stdout))?;
    Some(Programs {
        bin: bin.to_owned(),
        major,
    })
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian ...)`, and also the `18beta1` and `19devel` of unreleased versions.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = version
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(bin: &str, major: u32) -> Programs {
        Programs {
            bin: PathBuf::from(bin),
            major,
        }
    }

    #[test]
    fn the_major_version_is_read_from_what_the_program_says() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(parse_major("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(parse_major("postgres (PostgreSQL) "), None);
        assert_eq!(parse_major("something else 15"), None);
    }

    #[test]
    fn a_new_cluster_takes_the_first_place_that_is_new_enough() {
        let found = vec![programs("/a", 14), programs("/b", 15), programs("/c", 17)];
        assert_eq!(
            choose(found, Path::new("/d"), None).expect("one is new enough"),
            programs("/b", 15)
        );
    }

    #[test]
    fn an_existing_cluster_takes_the_version_that_made_it() {
        let found = vec![programs("/b", 17), programs("/c", 15)];
        assert_eq!(
            choose(found, Path::new("/d"), Some(15)).expect("one is the same"),
            programs("/c", 15)
        );
    }

    #[test]
    fn an_existing_cluster_of_another_version_is_refused() {
        let refusal = choose(
            vec![programs("/b", 17), programs("/c", 16)],
            Path::new("/d"),
            Some(15),
        );
        let sentence = refusal.expect_err("no place has 15").to_string();
        assert!(
            sentence.contains("made by PostgreSQL 15, but this machine has only version 17, 16"),
            "{sentence}"
        );
    }

    #[test]
    fn programs_that_are_all_too_old_are_refused_by_the_newest() {
        let refusal = choose(
            vec![programs("/b", 13), programs("/c", 14)],
            Path::new("/d"),
            None,
        );
        let sentence = refusal.expect_err("both are too old").to_string();
        assert!(
            sentence.contains("version 14 in /c, but ektp needs 15 or later"),
            "{sentence}"
        );
    }

    #[test]
    fn a_folder_without_the_programs_is_passed_over() {
        assert_eq!(look(Path::new("/nonexistent")), None);
    }
}
