//! What a killed ektp or a killed server may have left behind: a server that is still stopping, and its lock files.
//!
//! Called only by the holder of the data folder's lock, so whatever still runs there is nobody's. Easily got wrong:
//! a process number in such a file proves nothing, for numbers are used again; the process must be seen in the
//! folder.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::EmbeddedError;

/// A server whose ektp was killed has been told so by the kernel; this long it may take before we tell it ourselves.
const GRACE: Duration = Duration::from_secs(3);

/// A fast stop writes at most the shared buffers to the disk, which even a slow one takes in this time.
const STOP_MAX: Duration = Duration::from_secs(60);

/// Between two looks; short against the time a server needs to stop.
const PAUSE: Duration = Duration::from_millis(20);

/// Returns when no process uses the cluster and no leftover file would keep a new server from starting.
pub(super) fn settle(cluster: &Path, socket_lock: &Path) -> Result<(), EmbeddedError> {
    let begun = Instant::now();
    let mut told = false;
    let file = cluster.join("postmaster.pid");
    let postmaster = read_number(&file);
    while let Some(alive) = first_alive(cluster, postmaster) {
        if !told && begun.elapsed() >= GRACE {
            // A process that has ended meanwhile is what we want, so the answer does not matter.
            let _ = kill(Pid::from_raw(postmaster.unwrap_or(alive)), Signal::SIGINT);
            told = true;
        }
        if begun.elapsed() >= GRACE + STOP_MAX {
            let seconds = (GRACE + STOP_MAX).as_secs();
            return Err(EmbeddedError::StaleServer {
                cluster: cluster.to_owned(),
                pid: alive,
                seconds,
            });
        }
        thread::sleep(PAUSE);
    }
    forget_reused_number(&file)?;
    forget_reused_number(socket_lock)
}

/// The process number in the first line of one of the server's own lock files.
fn read_number(file: &Path) -> Option<i32> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .next()?
        .trim()
        .parse()
        .ok()
        .filter(|pid| *pid > 1)
}

/// A process that works in the cluster's folder; every server process makes it its working folder.
#[cfg(target_os = "linux")]
fn first_alive(cluster: &Path, _postmaster: Option<i32>) -> Option<i32> {
    fs::read_dir("/proc").ok()?.find_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        (fs::read_link(entry.path().join("cwd")).ok()? == cluster).then_some(pid)
    })
}

/// The process of `postmaster.pid`, if its command line names the cluster: here is no `/proc` to look into.
#[cfg(not(target_os = "linux"))]
fn first_alive(cluster: &Path, postmaster: Option<i32>) -> Option<i32> {
    let pid = postmaster?;
    let said = std::process::Command::new("ps")
        .args(["-o", "args=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    String::from_utf8_lossy(&said.stdout)
        .contains(cluster.to_str()?)
        .then_some(pid)
}

/// Removes a lock file of the server (`postmaster.pid`, or the one beside its socket) whose number now belongs to somebody
/// else, or to a killed server that nobody has waited for yet.
///
/// Postgres itself sees through a number that is free, but takes any living process of its account for a server and
/// would refuse to start until that process happens to end. Only after `first_alive` has looked at every process.
fn forget_reused_number(file: &Path) -> Result<(), EmbeddedError> {
    let reused = cfg!(target_os = "linux")
        && read_number(file).is_some_and(|pid| kill(Pid::from_raw(pid), None).is_ok());
    match if reused {
        fs::remove_file(file)
    } else {
        Ok(())
    } {
        Ok(()) => Ok(()),
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(other) => Err(EmbeddedError::io("remove", file)(other)),
    }
}
