//! The house's rules, read from the source text: who may import whom, who writes which table, how long things are.
//!
//! A failure quotes the rule. A rule that has to change is changed here, in the open, with its reason.

mod owners;

use std::{
    fs,
    path::{Path, PathBuf},
};

use owners::OWNERS;

/// From the top of the hill to its foot; a feature may use those behind it in this list, never those before it.
const HILL: [&str; 7] = [
    // Beside the hill: it may knock everywhere, and nobody knocks there.
    "administration",
    "registration",
    "print_queue",
    "handover",
    "inventory",
    "certificate",
    "policy",
];

/// What may not stand in a room. A room is a file `<room>.rs` or a folder `<room>/` of a feature.
const ROOMS: [(&str, &[&str]); 5] = [
    (
        "decide",
        &[
            "tonic::", "prost", "sqlx", "async ", "tracing", "clock", "rand::", "store", "wire",
            "proto::",
        ],
    ),
    (
        "store",
        &[
            "tonic::", "proto::", "decide", "wire::", ".begin(", ".commit(",
        ],
    ),
    ("wire", &["sqlx", "async ", "store", "decide"]),
    (
        "steps",
        &["tonic", "prost", "proto::", ".begin(", ".commit(", "query!"],
    ),
    ("rpc", &["sqlx", "query!", "store::lock", "store::save"]),
];

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The path below the repository, with slashes.
    fn name(&self) -> String {
        self.path.to_string_lossy().replace('\\', "/")
    }

    /// The feature or kernel name: the first part below `src`.
    fn owner(&self) -> String {
        let below = self.path.strip_prefix("src").unwrap_or(&self.path);
        let first = below.components().next().expect("a path has parts");
        first
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned()
    }

    /// The room inside a feature: the second part below `src`.
    fn room(&self) -> String {
        let below = self.path.strip_prefix("src").unwrap_or(&self.path);
        below.components().nth(1).map_or_else(String::new, |part| {
            part.as_os_str()
                .to_string_lossy()
                .trim_end_matches(".rs")
                .to_owned()
        })
    }

    /// The lines that are neither comment nor in the test module at the end, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(number, line)| (number + 1, line))
    }
}

fn sources(folder: &str) -> Vec<Source> {
    fn collect(folder: &Path, into: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("the file can be read");
                into.push(Source { path, text });
            }
        }
    }
    let mut found = Vec::new();
    collect(Path::new(folder), &mut found);
    assert!(!found.is_empty(), "there are sources in {folder}");
    found
}

/// Whether the line has the word; a bare name counts only as a whole word.
fn has(line: &str, word: &str) -> bool {
    let bare = word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (
            line[..at].chars().next_back(),
            line[at + word.len()..].chars().next(),
        );
        !bare || !(is_part(before) || is_part(after))
    })
}

fn report(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}\n  {}", breaches.join("\n  "));
}

#[test]
fn a_room_holds_only_what_belongs_there() {
    let mut breaches = Vec::new();
    for source in sources("src")
        .iter()
        .filter(|s| HILL.contains(&s.owner().as_str()))
    {
        let room = source.room();
        let Some((_, forbidden)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            continue;
        };
        for (number, line) in source.code() {
            for word in forbidden.iter().filter(|word| has(line, word)) {
                breaches.push(format!("{}:{number} has '{word}'", source.name()));
            }
        }
    }
    report(
        "decide, store and wire never know each other; SQL stands in store, the contract in wire and rpc, \
         begin and commit in work.rs:",
        &breaches,
    );
}

#[test]
fn no_feature_looks_uphill() {
    let mut breaches = Vec::new();
    for source in sources("src") {
        let Some(height) = HILL.iter().position(|feature| *feature == source.owner()) else {
            continue;
        };
        for (number, line) in source.code() {
            for above in HILL.iter().take(height) {
                if line.contains(&format!("{above}::")) && !line.contains("proto::") {
                    breaches.push(format!("{}:{number} uses {above}", source.name()));
                }
            }
        }
    }
    report(
        "paper flows downhill, nobody calls a feature above:",
        &breaches,
    );
}

#[test]
fn the_kernel_knows_no_feature() {
    let above = ["cli", "server", "chores", "lib", "main", "proto"];
    let mut breaches = Vec::new();
    for source in sources("src") {
        let owner = source.owner();
        if HILL.contains(&owner.as_str()) || above.contains(&owner.as_str()) {
            continue;
        }
        let mut in_ours = false;
        for (number, line) in source.code() {
            if line.starts_with("use ") {
                in_ours = line.starts_with("use crate::");
            }
            for feature in HILL {
                let named = line.contains(&format!("crate::{feature}::"));
                let listed = in_ours && line.trim_start().starts_with(&format!("{feature}::"));
                if named || listed {
                    breaches.push(format!("{}:{number} uses {feature}", source.name()));
                }
            }
        }
    }
    report("the kernel imports no feature:", &breaches);
}

#[test]
fn a_table_is_written_by_its_owner_alone() {
    let mut breaches = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code() {
            for verb in ["insert into ", "update ", "delete from "] {
                let Some((_, rest)) = line.trim_start().split_once(verb) else {
                    continue;
                };
                let table: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                if let Some((_, owner)) = OWNERS.iter().find(|(name, _)| *name == table)
                    && *owner != source.owner()
                {
                    breaches.push(format!("{}:{number} writes {table}", source.name()));
                }
            }
        }
    }
    report("a table is written by one feature only:", &breaches);
}

#[test]
fn every_statement_is_traced() {
    let mut breaches = Vec::new();
    for source in sources("src").iter().filter(|s| s.room() == "store") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let public = line.starts_with("pub async fn ")
                || line.starts_with("pub(super) async fn ")
                || line.starts_with("pub(in ");
            let traced = lines[..index]
                .iter()
                .rev()
                .take_while(|above| !above.is_empty() && !above.starts_with('}'))
                .any(|above| above.contains("tracing::instrument"));
            if public && !traced {
                breaches.push(format!("{}:{}", source.name(), index + 1));
            }
        }
    }
    report(
        "every function of a store room has a span named sql.…:",
        &breaches,
    );
}

#[test]
fn files_and_functions_stay_short() {
    let mut breaches = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")) {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            breaches.push(format!("{} has {} lines", source.name(), lines.len()));
        }
        for (start, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.contains("fn "))
        {
            let indent = line.len() - line.trim_start().len();
            let closing = format!("{}}}", " ".repeat(indent));
            let header = line.trim_start();
            let is_function = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(super) ",
                "pub(crate) ",
            ]
            .iter()
            .any(|start| header.starts_with(start));
            if !is_function {
                continue;
            }
            let length = lines[start..]
                .iter()
                .position(|line| *line == closing)
                .unwrap_or(0)
                + 1;
            // What a statement of SQL needs to be legible does not make a function hard to follow.
            let sql = lines[start..start + length]
                .iter()
                .filter(|l| l.starts_with("            "))
                .count();
            let counted = if source.room() == "store" {
                length - sql
            } else {
                length
            };
            if counted > FUNCTION_LINES_MAX {
                breaches.push(format!(
                    "{}:{} is {counted} lines long",
                    source.name(),
                    start + 1
                ));
            }
        }
    }
    report("files have at most 400 lines, functions 70:", &breaches);
}

#[test]
fn every_file_says_what_it_is() {
    let breaches: Vec<String> = sources("src")
        .into_iter()
        .chain(sources("tests"))
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.name())
        .collect();
    report(
        "every file opens with //! and says which room it is:",
        &breaches,
    );
}

#[test]
fn nothing_unfinished_stays() {
    let mut breaches = Vec::new();
    for source in sources("src") {
        for (number, line) in source.text.lines().enumerate() {
            for word in [
                ".unwrap()",
                "TODO",
                "FIXME",
                "XXX",
                "unimplemented",
                "placeholder",
            ] {
                if line.contains(word) {
                    breaches.push(format!("{}:{} has {word}", source.name(), number + 1));
                }
            }
        }
    }
    let sleep = ["sleep", "("].concat();
    let ignore = ["#[", "ignore"].concat();
    for source in sources("tests") {
        for (number, line) in source.text.lines().enumerate() {
            if line.contains(&sleep) || line.contains(&ignore) {
                breaches.push(format!(
                    "{}:{} sleeps or is ignored",
                    source.name(),
                    number + 1
                ));
            }
        }
    }
    report(
        "no unwrap and nothing unfinished in src, no sleep and nothing ignored in tests:",
        &breaches,
    );
}
