//! What tests share: a database of their own (`cluster`), folders that vanish, and child processes of this binary.

use std::{
    env,
    ffi::OsStr,
    fs::{self, DirBuilder, Permissions},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use uuid::Uuid;

pub mod cards;
pub mod cluster;
pub mod collector;
pub mod office;
pub mod people;
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
