//! The commands of Postgres: making a cluster, running the server, stopping it.
//!
//! Easily got wrong: every command is started on the keeper's thread (see `keeper`), with `/` as working folder and its
//! own process group, so that Ctrl-C in the terminal reaches ektp alone and the database outlives its last requests.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Durability, EmbeddedError, OWNER, PORT, Settings,
    find::{self, Programs},
    place::Place,
};

/// `initdb` takes half a second; on a slow, busy disk it has been seen to take three.
const INITDB_MAX: Duration = Duration::from_secs(120);

/// A start after a crash replays up to `max_wal_size` (1 GB) of log.
const START_MAX: Duration = Duration::from_secs(300);

/// A fast stop writes at most the shared buffers to the disk.
pub(super) const STOP_MAX: Duration = Duration::from_secs(60);

/// After a fast stop that did not end: an immediate stop costs a recovery at the next start, but no data. It waits for
/// nothing, so it is a matter of moments.
const QUIT_MAX: Duration = Duration::from_secs(2);

/// Between two looks at a child or its file; a warm start takes about this long.
const PAUSE: Duration = Duration::from_millis(10);

/// How much of the end of the log is searched for the reason of a failure.
const LOG_TAIL_BYTES: u64 = 4096;

/// Makes the cluster if there is none, starts the server, and waits until it accepts connections.
pub(super) fn launch(place: &Place, settings: &Settings) -> Result<Child, EmbeddedError> {
    let programs = find::find(&place.cluster, place.made_by)?;
    if let Some(closed) = place.account.first_closed(&programs.bin) {
        return Err(EmbeddedError::Closed {
            closed,
            target: programs.bin,
            user: place.account.name.clone(),
        });
    }
    remove_half_made(place);
    if place.made_by.is_none() {
        make_cluster(&programs, place, settings.durability)?;
    }
    let program = programs.path("postgres");
    let mut child = command(place, &program, Signal::SIGINT)?
        .args(server_options(place, settings))
        .spawn()
        .map_err(EmbeddedError::io("run", &program))?;
    match wait_until_ready(&mut child, place) {
        Ok(()) => Ok(child),
        Err(error) => {
            drop(end(child, STOP_MAX));
            Err(error)
        }
    }
}

/// A fast stop: sessions are ended, everything is written. Falls back to an immediate stop after `patience`.
pub(super) fn end(mut child: Child, patience: Duration) -> Result<(), EmbeddedError> {
    let pid = child.id();
    let number = Pid::from_raw(
        i32::try_from(pid).expect("process numbers fit, the kernel's own type is i32"),
    );
    for (signal, patience) in [(Signal::SIGINT, patience), (Signal::SIGQUIT, QUIT_MAX)] {
        // The child has not been waited for, so the number is still its own even if it has ended.
        let _ = kill(number, signal);
        if let Ok(Some(_)) = wait(&mut child, patience) {
            return Ok(());
        }
    }
    Err(EmbeddedError::NotStopped {
        pid,
        seconds: (patience + QUIT_MAX).as_secs(),
    })
}

/// A new cluster is made beside its place and moved there when it is whole, so a killed start leaves none half made.
fn make_cluster(
    programs: &Programs,
    place: &Place,
    durability: Durability,
) -> Result<(), EmbeddedError> {
    let program = programs.path("initdb");
    let making = making_folder(place, process::id());
    place.account.make_private(&making)?;
    let mut initdb = command(place, &program, Signal::SIGTERM)?;
    initdb.arg("--pgdata").arg(&making).args([
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        "--auth=trust",
        "--no-instructions",
    ]);
    initdb.arg(format!("--username={OWNER}"));
    if durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }
    let mut child = initdb.spawn().map_err(EmbeddedError::io("run", &program))?;
    match wait(&mut child, INITDB_MAX)? {
        Some(status) if status.success() => {}
        Some(status) => return Err(failed(place, "initdb", status)),
        None => {
            // Nothing of value is in the folder yet, so the hard way is right.
            drop(child.kill());
            drop(child.wait());
            return Err(too_slow(place, "initdb", INITDB_MAX));
        }
    }
    fs::rename(&making, &place.cluster).map_err(EmbeddedError::io("put in place", &making))?;
    // The new name must reach the disk before anything written inside can be promised to anybody.
    File::open(&place.folder)
        .and_then(|folder| folder.sync_all())
        .map_err(EmbeddedError::io("flush the folder", &place.folder))
}

/// Named by our process, so that a straggling `initdb` of a killed start cannot write into ours.
fn making_folder(place: &Place, number: u32) -> PathBuf {
    place.folder.join(format!("postgres.making-{number}"))
}

/// Removes the unfinished clusters of killed starts; we hold the lock, so nobody is working on them.
fn remove_half_made(place: &Place) {
    let Ok(entries) = fs::read_dir(&place.folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with("postgres.making-"))
        {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// A command under the server's account that the kernel ends with `signal` when our thread ends.
fn command(place: &Place, program: &Path, signal: Signal) -> Result<Command, EmbeddedError> {
    let mut command = if can_tether(place, program) {
        let mut tethered = Command::new("setpriv");
        tethered
            .args([
                "--pdeathsig",
                signal.as_str().trim_start_matches("SIG"),
                "--",
            ])
            .arg(program);
        tethered
    } else {
        Command::new(program)
    };
    let log = place.open_log()?;
    let same_log = log
        .try_clone()
        .map_err(EmbeddedError::io("open the log", &place.log))?;
    command.stdin(Stdio::null()).stdout(log).stderr(same_log);
    as_account(&mut command, place);
    Ok(command)
}

/// Whether util-linux's `setpriv` is here. It sets the parent-death signal and then becomes the program: the way to
/// that signal without unsafe code, and after the change of account, which would clear it. Elsewhere (macOS, busybox)
/// a server that outlives a killed ektp is stopped by the next start (`stale`).
fn can_tether(place: &Place, program: &Path) -> bool {
    let mut probe = Command::new("setpriv");
    probe
        .args(["--pdeathsig", "INT", "--"])
        .arg(program)
        .arg("--version");
    probe
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    as_account(&mut probe, place);
    probe.status().is_ok_and(|status| status.success())
}

fn as_account(command: &mut Command, place: &Place) {
    // Messages are searched for English words; the account may be unable to enter our working folder.
    command.env("LC_ALL", "C").current_dir("/").process_group(0);
    if place.account.dropped {
        // The standard library clears the supplementary groups as well when root sets a uid.
        command.uid(place.account.uid).gid(place.account.gid);
    }
}

fn server_options(place: &Place, settings: &Settings) -> Vec<OsString> {
    let mut options: Vec<OsString> = vec!["-D".into(), place.cluster.clone().into()];
    options.extend([
        "-k".into(),
        place.socket.clone().into(),
        "-p".into(),
        PORT.to_string().into(),
    ]);
    let mut set = |setting: &str| options.extend(["-c".into(), setting.into()]);
    // Reachable through the socket alone, by its owner (and root) alone.
    set("listen_addresses=");
    set("unix_socket_permissions=0700");
    set(&format!("max_connections={}", settings.max_connections));
    // Modest: the server shares a small machine with ektp, and the kernel caches the rest.
    set("shared_buffers=128MB");
    // A prepared transaction would hold its locks for ever after a crash; we use none.
    set("max_prepared_transactions=0");
    // A statement of a client that has gone stops within this time instead of holding its locks to the end.
    set("client_connection_check_interval=1s");
    set("timezone=UTC");
    set("log_timezone=UTC");
    // No personal data in the log: no statements, no values, no DETAIL lines (they quote rows). Error messages quote
    // values too, so errors are logged by us (by code) and not by the server; `log` keeps its own events.
    set("logging_collector=off");
    set("log_min_messages=log");
    set("log_statement=none");
    set("log_min_error_statement=panic");
    set("log_min_duration_statement=-1");
    set("log_parameter_max_length=0");
    set("log_parameter_max_length_on_error=0");
    set("log_error_verbosity=terse");
    // A line every five minutes for ever would fill the disk of a machine that nobody looks at.
    set("log_checkpoints=off");
    // Acts are planned once (docs/decisions/0020): a table that fills on its first day is known for what it is within seconds,
    // and not after a minute.
    set("autovacuum_naptime=3s");
    if settings.durability == Durability::Throwaway {
        set("fsync=off");
        set("synchronous_commit=off");
        set("full_page_writes=off");
        set("autovacuum=off");
    }
    options
}

/// Watches the server's own status file, which needs no connection: line 1 is its number, line 8 its state.
fn wait_until_ready(child: &mut Child, place: &Place) -> Result<(), EmbeddedError> {
    let begun = Instant::now();
    let file = place.cluster.join("postmaster.pid");
    while begun.elapsed() < START_MAX {
        if let Some(status) = child
            .try_wait()
            .map_err(EmbeddedError::io("watch the server of", &place.cluster))?
        {
            return Err(failed(place, "postgres", status));
        }
        if fs::read_to_string(&file).is_ok_and(|text| says_ready(&text, child.id())) {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    Err(too_slow(place, "postgres", START_MAX))
}

fn says_ready(text: &str, pid: u32) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6) == Some("ready")
}

/// The child's status, or `None` if it is still running after `patience`.
fn wait(child: &mut Child, patience: Duration) -> Result<Option<ExitStatus>, EmbeddedError> {
    let begun = Instant::now();
    loop {
        let status = child.try_wait().map_err(EmbeddedError::io(
            "wait for",
            Path::new("the child process"),
        ))?;
        if status.is_some() || begun.elapsed() >= patience {
            return Ok(status);
        }
        thread::sleep(PAUSE);
    }
}

fn failed(place: &Place, program: &str, status: ExitStatus) -> EmbeddedError {
    let words = tail(&place.log)
        .and_then(|text| last_words(&text))
        .unwrap_or_else(|| status.to_string());
    EmbeddedError::ProgramFailed {
        program: program.to_owned(),
        words,
        log: place.log.clone(),
    }
}

fn too_slow(place: &Place, program: &str, patience: Duration) -> EmbeddedError {
    EmbeddedError::TooSlow {
        program: program.to_owned(),
        seconds: patience.as_secs(),
        log: place.log.clone(),
    }
}

/// The last thing that the server said, for whoever finds it dead.
pub(super) fn last_said(place: &Place) -> String {
    let said = tail(&place.log).and_then(|text| last_words(&text));
    said.unwrap_or_else(|| "it said nothing".to_owned())
}

fn tail(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line that gives a reason, without the time before it; where none is marked, the last line.
fn last_words(text: &str) -> Option<String> {
    let lines = || {
        text.lines()
            .rev()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    ["FATAL:", "PANIC:", "error:"]
        .iter()
        .find_map(|mark| lines().find_map(|line| line.split_once(mark)))
        .map(|(_, words)| words.trim_start().to_owned())
        .or_else(|| lines().next().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str =
        "4711\n/var/lib/ektp/postgres\n1700000000\n5432\n/var/lib/ektp/socket\n\n  1 2\nready   \n";

    #[test]
    fn a_server_is_ready_when_its_own_status_file_says_so() {
        assert!(says_ready(STATUS, 4711));
        assert!(!says_ready(STATUS, 4712));
        assert!(!says_ready(&STATUS.replace("ready   ", "starting"), 4711));
        assert!(!says_ready("4711\n", 4711));
        assert!(!says_ready("", 4711));
    }

    #[test]
    fn the_reason_of_a_failure_is_read_from_the_log() {
        let log = "2017-04-01 UTC [1] LOG:  starting\n2017-04-01 UTC [1] FATAL:  no room\n2017-04-01 UTC [1] LOG:  end\n";
        assert_eq!(last_words(log).as_deref(), Some("no room"));
        assert_eq!(
            last_words("initdb: error: no such folder\n").as_deref(),
            Some("no such folder")
        );
        assert_eq!(
            last_words("one\nuser does not exist\n\n").as_deref(),
            Some("user does not exist")
        );
        assert_eq!(last_words("\n"), None);
    }
}
