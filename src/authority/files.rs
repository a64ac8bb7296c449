//! How the authority's files come to the disk: whole, durable, and for a private key readable by its owner only.
//!
//! What is easily got wrong: a rename replaces what another process has just written and is already using. Only what
//! belongs to one writer is renamed; what several may make at once is hard-linked, which refuses when the name is taken.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::AuthorityError;

/// Owner only: a private key is read by nobody else.
pub(super) const SECRET_MODE: u32 = 0o600;
pub(super) const PUBLIC_MODE: u32 = 0o644;

/// Reads `path`, or writes there what `make` makes. Who loses the race reads what the winner wrote.
pub(super) fn read_or_settle(
    path: &Path,
    mode: u32,
    make: impl FnOnce() -> Result<String, AuthorityError>,
) -> Result<String, AuthorityError> {
    if !path.exists() {
        let text = make()?;
        let aside = write_aside(path, &text, mode).map_err(|cause| file_error(path, cause))?;
        // A rename would replace the winner's file under its feet; a hard link refuses when the name is taken.
        let linked = fs::hard_link(&aside, path);
        fs::remove_file(&aside).map_err(|cause| file_error(&aside, cause))?;
        match linked {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                return Err(file_error(path, cause));
            }
            Ok(()) | Err(_) => {}
        }
    }
    fs::read_to_string(path).map_err(|cause| file_error(path, cause))
}

/// Writes the whole text, down to the disk, under a name of its own beside `path`; nobody sees half a file under `path`.
fn write_aside(path: &Path, text: &str, mode: u32) -> io::Result<PathBuf> {
    let aside = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(aside)
}

/// Writes `path` anew, over an older one.
pub(super) fn write_over(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    write_aside(path, text, mode)
        .and_then(|aside| fs::rename(aside, path))
        .map_err(|cause| file_error(path, cause))
}

pub(super) fn file_error(path: &Path, cause: io::Error) -> AuthorityError {
    AuthorityError::File {
        path: path.to_owned(),
        cause,
    }
}
