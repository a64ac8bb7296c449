//! What tests share: a database of their own (`cluster`), folders that vanish, and child processes of this binary.

use std::{
    env,
    ffi::OsStr,
    fs::{self, DirBuilder, Permissions},
    io::{BufRead as _, BufReader, Write as _},
    mem,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use ektp::telemetry::{Telemetry, TelemetryConfig};
use uuid::Uuid;

pub mod cards;
pub mod cluster;
pub mod collector;
pub mod front_door;
pub mod look;
pub mod office;
pub mod officers;
pub mod people;
pub mod policies;
pub mod program;
pub mod raw;
pub mod soak;
pub mod stream;

/// How long a test waits for what must come; a slow machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Marks the one line that a child process says to the test that started it, among the lines of the test harness.
const MARK: &str = "[it] ";

/// A new folder in the temporary folder, which also the server's own account can enter; removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = env::temp_dir().join(format!("ektp-it-{}", Uuid::new_v4().simple()));
        DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .expect("the temporary folder is writable");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn chmod(&self, mode: u32) {
        fs::set_permissions(&self.0, Permissions::from_mode(mode)).expect("the folder is ours");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// This test binary once more, to run the one test `name` with one variable set: how a test gets a process to kill,
/// or one with another environment. Without the variable such a test has nothing to do and passes at once.
pub fn again(name: &str, variable: &str, value: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(env::current_exe().expect("a running test has a path"));
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(variable, value);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What the child says with [`tell`], waited for at most `patience`; `None` if it ends without a word.
pub fn hear(child: &mut Child, patience: Duration) -> Option<String> {
    let mut lines = BufReader::new(child.stdout.take().expect("it was started with a pipe"))
        .lines()
        .map_while(Result::ok);
    let (tell, told) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // The harness may have begun this line with the name of the test.
        let said = lines.find_map(|line| line.split_once(MARK).map(|(_, words)| words.to_owned()));
        drop(tell.send(said));
        // The harness says more, and must not find a closed pipe.
        lines.for_each(drop);
    });
    told.recv_timeout(patience)
        .unwrap_or_else(|_| panic!("the child process said nothing within {patience:?}"))
}

/// The child's side of [`hear`]; false when nobody listens any more. Not `println!`, which would panic then.
pub fn tell(words: &str) -> bool {
    let mut out = std::io::stdout();
    writeln!(out, "{MARK}{words}")
        .and_then(|()| out.flush())
        .is_ok()
}

/// The log of the servers that run inside the tests' process, on standard error with the filter in `EKTP_LOG`; without
/// one they are silent.
pub fn logs() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let config = TelemetryConfig {
            log: env::var("EKTP_LOG").unwrap_or_else(|_| "off".to_owned()),
            log_json: false,
            otlp_endpoint: None,
        };
        // It belongs to the process and has nothing to send at its end.
        mem::forget(Telemetry::start(&config).expect("EKTP_LOG is a filter"));
    });
}

/// Whether this is a process for the one test `name`; if not, starts one and waits until the test has passed there. For
/// tests of what a process has only once.
pub async fn in_own_process(name: &str) -> bool {
    const ALONE: &str = "EKTP_IT_ALONE";
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = tokio::process::Command::from(again(name, ALONE, "1"));
    let child = command
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("this binary can be started again");
    let output = tokio::time::timeout(PATIENCE * 3, child.wait_with_output())
        .await
        .unwrap_or_else(|_| panic!("{name} did not end in its own process"))
        .expect("a child can be waited for");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(
        output.status.success(),
        "{name} failed in its own process:\n{out}\n{err}"
    );
    assert!(
        out.contains("1 passed"),
        "{name} is the name of a test:\n{out}"
    );
    false
}
