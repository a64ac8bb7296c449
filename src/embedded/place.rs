//! The data folder: its lock, what lies in it, and where the socket goes.
//!
//! Easily got wrong: the lock belongs to the open file, and a process that is just being started holds a copy of every
//! open file for a moment; so the lock is given back by a call and not by closing.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{self, Path, PathBuf},
    process,
};

use nix::unistd::geteuid;
use sha2::{Digest as _, Sha256};

use super::{Durability, EmbeddedError, PORT, account::Account, major_of};

/// The room for a path in a socket address, less the closing zero byte (`sun_path`).
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Eight bytes of a hash tell apart more data folders than one machine will ever have.
const HASH_BYTES: usize = 8;

/// A log beyond this is set aside at the next start (one older log is kept), so that it cannot fill the disk.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The prepared folders of one private server.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) log: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) account: Account,
    /// The major version of the cluster that is there; `None` before the first start.
    pub(super) made_by: Option<u32>,
}

/// The right to use a data folder, until dropped or until the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // If this fails, closing the file does the same a moment later.
        let _ = self.0.unlock();
    }
}

/// Makes the data folder if need be and takes its lock for the life of the returned value.
pub(super) fn take(data: &Path) -> Result<(PathBuf, Lock), EmbeddedError> {
    let folder = path::absolute(data).map_err(EmbeddedError::io("find the data folder", data))?;
    if !folder.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&folder)
            .map_err(EmbeddedError::io("make the data folder", &folder))?;
        // Keys lie beside the cluster, so nobody may list the folder; as root the server's account must pass through.
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        fs::set_permissions(&folder, Permissions::from_mode(mode))
            .map_err(EmbeddedError::io("close the data folder", &folder))?;
    }
    let folder = folder
        .canonicalize()
        .map_err(EmbeddedError::io("find the data folder", &folder))?;

    let path = folder.join("ektp.lock");
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(EmbeddedError::io("open the lock file", &path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The holder may not have written its number yet; then the sentence goes without it.
            if lock.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                holder = "just starting".to_owned();
            }
            return Err(EmbeddedError::InUse {
                folder,
                holder: holder.trim().to_owned(),
            });
        }
        Err(TryLockError::Error(other)) => return Err(EmbeddedError::io("lock", &path)(other)),
    }
    lock.set_len(0)
        .and_then(|()| lock.write_all(process::id().to_string().as_bytes()))
        .map_err(EmbeddedError::io("write the lock file", &path))?;
    Ok((folder, Lock(lock)))
}

impl Place {
    /// Looks at what is there, chooses the account, and makes the folders beside the cluster.
    pub(super) fn prepare(folder: PathBuf, durability: Durability) -> Result<Self, EmbeddedError> {
        let cluster = folder.join("postgres");
        // The server's working folder, by which `stale` knows its processes, has no links in it.
        let cluster = cluster.canonicalize().unwrap_or(cluster);
        let account = Account::choose(&cluster)?;
        if let Some(closed) = account.first_closed(&folder) {
            return Err(EmbeddedError::Closed {
                closed,
                target: folder,
                user: account.name,
            });
        }
        let made_by = major_of(&cluster)?;
        if made_by.is_some() && durability == Durability::Throwaway {
            return Err(EmbeddedError::NotNew { cluster });
        }
        let log = folder.join("postgres.log");
        if fs::metadata(&log).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
            fs::rename(&log, folder.join("postgres.log.1"))
                .map_err(EmbeddedError::io("set aside", &log))?;
        }
        let socket = socket_folder(&folder, &account)?;
        Ok(Self {
            folder,
            cluster,
            log,
            socket,
            account,
            made_by,
        })
    }

    /// The server's lock file beside its socket.
    pub(super) fn socket_lock(&self) -> PathBuf {
        self.socket.join(format!(".s.PGSQL.{PORT}.lock"))
    }

    /// The server's log, opened for appending and owned by the server's account.
    pub(super) fn open_log(&self) -> Result<File, EmbeddedError> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(EmbeddedError::io("open the log", &self.log))?;
        log.set_permissions(Permissions::from_mode(0o600))
            .map_err(EmbeddedError::io("close the log", &self.log))?;
        self.account.own(&self.log)?;
        Ok(log)
    }

    /// Removes what must not stay behind: a socket folder outside the data, and everything of a throwaway cluster.
    ///
    /// Best effort: what cannot be removed does no harm to the next start.
    pub(super) fn leave(&self, durability: Durability) {
        let mut gone = Vec::new();
        if !self.socket.starts_with(&self.folder) {
            gone.push(self.socket.clone());
        }
        if durability == Durability::Throwaway {
            gone.extend([self.cluster.clone(), self.folder.join("socket")]);
        }
        for folder in gone {
            drop(fs::remove_dir_all(folder));
        }
        if durability == Durability::Throwaway {
            drop(fs::remove_file(&self.log));
            drop(fs::remove_file(self.folder.join("ektp.lock")));
            // Succeeds only when the caller has put nothing of its own there.
            drop(fs::remove_dir(&self.folder));
        }
    }
}

/// Makes the folder of the socket: in the data folder, or in a temporary one named by a hash where that is too long.
fn socket_folder(data: &Path, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let folder = socket_candidates(data, &env::temp_dir())
        .into_iter()
        .find(|folder| {
            folder
                .parent()
                .is_some_and(|parent| parent.is_dir() && account.first_closed(parent).is_none())
        })
        .ok_or_else(|| EmbeddedError::NoSocketFolder {
            folder: data.join("socket"),
            limit: SOCKET_PATH_MAX,
        })?;
    account.make_private(&folder)?;
    Ok(folder)
}

/// The folders that could hold the socket, in the order of preference.
fn socket_candidates(data: &Path, temporary: &Path) -> Vec<PathBuf> {
    let hash = Sha256::digest(data.as_os_str().as_encoded_bytes());
    let name: String = hash
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let short = format!("ektp-{name}");
    [
        data.join("socket"),
        temporary.join(&short),
        Path::new("/tmp").join(&short),
    ]
    .into_iter()
    .filter(|folder| {
        let path = folder.join(format!(".s.PGSQL.{PORT}"));
        // The server reads the folder from a list in which commas and quotes mean something.
        let plain = !path
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .any(|byte| matches!(byte, b',' | b'"'));
        plain && path.is_absolute() && path.as_os_str().len() <= SOCKET_PATH_MAX
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_data_folder_holds_its_own_socket() {
        let found = socket_candidates(Path::new("/var/lib/ektp"), Path::new("/tmp"));
        assert_eq!(found.first(), Some(&PathBuf::from("/var/lib/ektp/socket")));
    }

    #[test]
    fn a_long_data_folder_gets_a_short_socket_folder_of_its_own() {
        let long = PathBuf::from(format!("/{}", "a".repeat(SOCKET_PATH_MAX)));
        let longer = long.join("b");
        let found = socket_candidates(&long, Path::new("/tmp"));
        let other = socket_candidates(&longer, Path::new("/tmp"));
        assert!(
            found
                .iter()
                .all(|folder| folder.parent() == Some(Path::new("/tmp"))),
            "{found:?}"
        );
        assert_ne!(found.first(), other.first());
        assert_eq!(
            found.first(),
            socket_candidates(&long, Path::new("/tmp")).first()
        );
    }

    #[test]
    fn a_long_temporary_folder_falls_back_to_the_systems() {
        let long = PathBuf::from(format!("/{}", "a".repeat(SOCKET_PATH_MAX)));
        let found = socket_candidates(&long, &long);
        assert_eq!(found.len(), 1);
        assert!(
            found.iter().all(|folder| folder.starts_with("/tmp")),
            "{found:?}"
        );
    }

    #[test]
    fn the_longest_socket_path_that_fits_is_used() {
        let rest = "/socket/.s.PGSQL.5432".len();
        let fits = PathBuf::from(format!("/{}", "a".repeat(SOCKET_PATH_MAX - rest - 1)));
        let over = PathBuf::from(format!("/{}", "a".repeat(SOCKET_PATH_MAX - rest)));
        assert!(socket_candidates(&fits, Path::new("/tmp")).contains(&fits.join("socket")));
        assert!(!socket_candidates(&over, Path::new("/tmp")).contains(&over.join("socket")));
    }

    #[test]
    fn a_comma_in_the_path_moves_the_socket_elsewhere() {
        let found = socket_candidates(Path::new("/srv/a,b"), Path::new("/tmp"));
        assert!(
            found.iter().all(|folder| folder.starts_with("/tmp")),
            "{found:?}"
        );
    }
}
