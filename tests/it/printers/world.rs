//! The physical world: hoppers, trays, and what each printer has written down before it said so to anybody.
//!
//! One append-only file for each printer and each officer; a line is on the disk before anything follows from it. What is
//! compared with the database at the end is read from the files, never from memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// What became of a blank, physically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A good card.
    Printed,
    /// Ruined, or taken out by an officer: never to be printed.
    Bad,
}

/// All offices' rooms.
pub struct World {
    folder: PathBuf,
    fates: Mutex<BTreeMap<i64, Fate>>,
    hoppers: BTreeMap<String, AtomicI64>,
}

impl World {
    /// Hoppers that begin with these serials.
    pub fn new(folder: &Path, hoppers: &[(&str, i64)]) -> Self {
        Self {
            folder: folder.to_owned(),
            fates: Mutex::default(),
            hoppers: hoppers
                .iter()
                .map(|(district, first)| ((*district).to_owned(), AtomicI64::new(*first)))
                .collect(),
        }
    }

    /// The next blank of a district's hopper.
    pub fn take(&self, district: &str) -> i64 {
        self.hoppers[district].fetch_add(1, Ordering::Relaxed)
    }

    /// Somebody's file.
    pub fn journal(&self, name: &str) -> Journal {
        let path = self.folder.join(name);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .expect("the folder is ours");
        Journal { path, file }
    }

    /// Puts a blank through the printer, or ruins it, unless something has become of it before. Written down in the same
    /// moment: who looks into the tray later sees it.
    pub fn becomes(&self, journal: &mut Journal, fate: Fate, (serial, words): (i64, &str)) -> bool {
        let mut fates = self.fates.lock().expect("nobody panicked with it");
        if fates.contains_key(&serial) {
            return false;
        }
        let word = match fate {
            Fate::Printed => "printed",
            Fate::Bad => "bad",
        };
        journal.write(&format!("{word} {serial} {words}"));
        fates.insert(serial, fate);
        true
    }

    /// What an officer sees who looks for a blank.
    pub fn look(&self, serial: i64) -> Option<Fate> {
        let fates = self.fates.lock().expect("nobody panicked with it");
        fates.get(&serial).copied()
    }

    /// Everything that was ever written down.
    pub fn read(&self) -> Book {
        let mut book = Book::default();
        for entry in fs::read_dir(&self.folder).expect("the folder is ours") {
            let path = entry.expect("an entry").path();
            for line in fs::read_to_string(path).expect("a text").lines() {
                book.add(line);
            }
        }
        book
    }
}

/// One append-only file.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Writes a line to the disk.
    pub fn write(&mut self, line: &str) {
        // The server shares these threads; it must not wait for a printer's disk.
        tokio::task::block_in_place(|| {
            writeln!(self.file, "{line}").expect("the disk has room");
            self.file.sync_data().expect("the disk works");
        });
    }

    /// Everything that stands in it.
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).expect("it is ours");
        text.lines().map(str::to_owned).collect()
    }
}

/// What all files say together.
#[derive(Default)]
pub struct Book {
    /// Good cards: the serial, then the request and the fence under which it was bound.
    pub printed: BTreeMap<i64, (String, i64)>,
    /// Blanks that are no cards.
    pub bad: BTreeSet<i64>,
    /// Blanks of which the server said that they are bound.
    pub bound: BTreeMap<i64, (String, i64)>,
    /// What contradicts itself.
    pub wrong: Vec<String>,
}

impl Book {
    fn add(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let serial = || words[1].parse::<i64>().expect("a serial");
        let under = || {
            let fence = words[3].parse::<i64>().expect("a fence");
            (words[2].to_owned(), fence)
        };
        match words[0] {
            "printed" => {
                if let Some(before) = self.printed.insert(serial(), under()) {
                    self.wrong.push(format!("{line}, and before: {before:?}"));
                }
            }
            "bad" => {
                self.bad.insert(serial());
            }
            "bound" => {
                if let Some(before) = self.bound.insert(serial(), under())
                    && before != under()
                {
                    self.wrong.push(format!("{line}, and before: {before:?}"));
                }
            }
            "try" | "report" | "told" | "given-up" => {}
            other => self.wrong.push(format!("unknown: {other}")),
        }
    }
}
