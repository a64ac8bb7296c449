//! The program's own terminal renews its certificate while it follows a queue.

use std::{os::unix::fs::PermissionsExt as _, process::Stdio};

use ektp::authority::{Identity, TERMINAL_VALID};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::*;
use crate::support::{Folder, officers::caller_of};

/// Past the middle of a week.
const AGE: time::Duration = time::Duration::days(4);

#[tokio::test]
async fn a_terminal_renews_its_certificate_from_the_middle_of_its_life_on() {
    let office = Office::open().await;
    let folder = Folder::new();
    let principal: Principal = terminal(1).parse().expect("a principal");
    let old = authority()
        .terminal_identity(&principal, TERMINAL_VALID, Clock::System.now() - AGE)
        .expect("the authority signs");
    old.write_to(folder.path()).expect("the folder is ours");
    let mut window = Command::new(env!("CARGO_BIN_EXE_ektp"))
        .args(["terminal", "--plain", "--server"])
        .arg(format!("https://{}", office.server(0).address()))
        .arg("--certificate")
        .arg(folder.path())
        .env("EKTP_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program can be started");
    let mut lines = BufReader::new(window.stdout.take().expect("a pipe")).lines();

    let ends_at = |identity: &Identity| identity.validity().expect("a certificate").1;
    until("the files are renewed", PATIENCE, async || {
        let now = Identity::read_from(folder.path()).expect("a pair that fits");
        ends_at(&now) > ends_at(&old)
    })
    .await;
    let renewed = Identity::read_from(folder.path()).expect("a pair that fits");
    assert_eq!(caller_of(&renewed.certificate_pem).principal, principal);
    assert_ne!(renewed.key_pem, old.key_pem);
    let key = std::fs::metadata(folder.join("terminal-key.pem")).expect("the key is there");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    until("it has come back with them", PATIENCE, async || {
        let seen: Option<time::OffsetDateTime> =
            sqlx::query_scalar("select certificate_ends_at from terminal where terminal = $1")
                .bind(terminal(1))
                .fetch_optional(&office.sql)
                .await
                .expect("the database answers");
        seen == Some(ends_at(&renewed))
    })
    .await;
    let mut pictures = 0;
    let mut window = Some(window);
    loop {
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .expect("a line in time");
        let Some(line) = line.expect("lines of text") else {
            break;
        };
        assert!(!line.starts_with("resync"), "{line}");
        pictures += usize::from(line.starts_with("snapshot"));
        // It may have been renewed before the first picture was whole, and not be told the next one yet.
        if pictures > 0 {
            window = None;
        }
    }
    assert!(window.is_none() && pictures <= 2, "it follows its queue");
}
