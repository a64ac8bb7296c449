//! The program's own terminal as a child process, line by line: a person's window that stays open while the server dies.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{follower::Position, server_address};

/// A window on the queue.
pub struct Window {
    lines: Lines<BufReader<ChildStdout>>,
    position: Position,
    /// Killed when the window is dropped.
    _child: Child,
}

impl Window {
    /// Opens it with the identity in a folder and waits for its first picture.
    pub async fn open(address: std::net::SocketAddr, certificate: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ektp"))
            .args(["terminal", "--plain", "--server"])
            .arg(server_address(address))
            .arg("--certificate")
            .arg(certificate)
            .env("EKTP_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It tells there that it reconnects.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program can be started");
        let out = child.stdout.take().expect("a pipe");
        let mut window = Self {
            lines: BufReader::new(out).lines(),
            position: Position::default(),
            _child: child,
        };
        while window.position.snapshots == 0 {
            window.read().await;
        }
        window
    }

    /// Reads on until so many changes were shown; answers what the window went through.
    pub async fn until(mut self, changes: usize) -> Position {
        while self.position.changes < changes {
            self.read().await;
        }
        self.position
    }

    async fn read(&mut self) {
        let line = self.lines.next_line().await.expect("lines of text");
        let line = line.expect("the window stays open");
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default();
        let numbers: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let number = |key: &str| -> u64 {
            let mut found = numbers.iter().filter(|(name, _)| *name == key);
            let (_, value) = found.next().unwrap_or_else(|| panic!("{key} in {line}"));
            value.parse().expect("a revision")
        };
        match first {
            "snapshot" => self
                .position
                .begin(number("revision"), number("topic_revision")),
            "change" => self.position.change(number("prior"), number("revision")),
            "bookmark" => self.position.mark(number("topic_revision")),
            "stale" | "drain" => {}
            _ => panic!("the position was lost: {line}"),
        }
    }
}
