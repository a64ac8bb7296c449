//! The account under which the server runs: ourselves, or as root somebody else.
//!
//! Easily got wrong: as root, files for the server must be given to that account, and a folder is open to it only when
//! every folder above is.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User, getegid, geteuid};

use super::EmbeddedError;

/// The account under which the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether we are root and have to become somebody else.
    pub(super) dropped: bool,
}

impl Account {
    /// Ourselves; as root the owner of the existing cluster, else `postgres`, else `nobody`.
    pub(super) fn choose(cluster: &Path) -> Result<Self, EmbeddedError> {
        let me = geteuid();
        // An empty folder is nobody's cluster yet: the new one will replace it.
        let owner = match fs::metadata(cluster.join("PG_VERSION")) {
            Ok(_) => fs::metadata(cluster)
                .ok()
                .map(|found| (found.uid(), found.gid())),
            Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => {
                fs::metadata(cluster)
                    .ok()
                    .map(|found| (found.uid(), found.gid()))
            }
            Err(_) => None,
        };
        let name_of = |uid: u32| match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => user.name,
            Ok(None) | Err(_) => format!("user number {uid}"),
        };
        if !me.is_root() {
            return match owner {
                Some((uid, _)) if uid != me.as_raw() => Err(EmbeddedError::NotYours {
                    cluster: cluster.to_owned(),
                    owner: name_of(uid),
                }),
                Some(_) | None => Ok(Self {
                    name: name_of(me.as_raw()),
                    uid: me.as_raw(),
                    gid: getegid().as_raw(),
                    dropped: false,
                }),
            };
        }
        match owner {
            Some((0, _)) => Err(EmbeddedError::NotYours {
                cluster: cluster.to_owned(),
                owner: name_of(0),
            }),
            Some((uid, gid)) => Ok(Self {
                name: name_of(uid),
                uid,
                gid,
                dropped: true,
            }),
            None => ["postgres", "nobody"]
                .iter()
                .find_map(|name| User::from_name(name).ok().flatten())
                .map(|user| Self {
                    name: user.name,
                    uid: user.uid.as_raw(),
                    gid: user.gid.as_raw(),
                    dropped: true,
                })
                .ok_or(EmbeddedError::NoAccount),
        }
    }

    /// The first folder on the way to `target`, itself included, that this account cannot enter.
    ///
    /// Only a dropped account is looked at: for ourselves the operating system answers with its own words.
    pub(super) fn first_closed(&self, target: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> = if self.dropped {
            target.ancestors().collect()
        } else {
            Vec::new()
        };
        way.reverse();
        way.into_iter()
            .find(|folder| {
                fs::metadata(folder)
                    .is_ok_and(|found| !self.may_enter(found.mode(), found.uid(), found.gid()))
            })
            .map(Path::to_owned)
    }

    fn may_enter(&self, mode: u32, owner: u32, group: u32) -> bool {
        // The first class that fits decides, as in the kernel: an owner without x stays out even when others may pass.
        let bit = match (owner == self.uid, group == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        mode & bit != 0
    }

    /// Gives a file or folder to this account.
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        if !self.dropped {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(EmbeddedError::io("give to the server's account", path))
    }

    /// Makes a folder that only this account may enter; one that is already there must be exactly that.
    pub(super) fn make_private(&self, folder: &Path) -> Result<(), EmbeddedError> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => self.own(folder),
            Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {
                // Not following links: in a shared temporary folder somebody else could have put one there.
                let found =
                    fs::symlink_metadata(folder).map_err(EmbeddedError::io("look at", folder))?;
                if found.is_dir() && found.uid() == self.uid && found.mode() & 0o077 == 0 {
                    return Ok(());
                }
                Err(EmbeddedError::io("trust the folder", folder)(
                    io::Error::other(format!(
                        "it must be a folder of {} with mode 0700",
                        self.name
                    )),
                ))
            }
            Err(other) => Err(EmbeddedError::io("make the folder", folder)(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs::Permissions, os::unix::fs::PermissionsExt as _, process};

    use super::*;

    fn stranger() -> Account {
        Account {
            name: "stranger".to_owned(),
            uid: 101,
            gid: 104,
            dropped: true,
        }
    }

    #[test]
    fn the_first_class_that_fits_decides_who_may_enter() {
        let account = stranger();
        assert!(account.may_enter(0o711, 0, 0));
        assert!(!account.may_enter(0o710, 0, 0));
        assert!(account.may_enter(0o710, 0, 104));
        assert!(!account.may_enter(0o701, 0, 104));
        assert!(account.may_enter(0o700, 101, 0));
        assert!(!account.may_enter(0o077, 101, 104));
    }

    #[test]
    fn the_closed_folder_nearest_to_the_root_is_named() {
        let base = env::temp_dir().join(format!("ektp-closed-{}", process::id()));
        let inner = base.join("shut/inner");
        fs::create_dir_all(&inner).expect("the temporary folder is writable");
        fs::set_permissions(base.join("shut"), Permissions::from_mode(0o700)).expect("it is ours");
        let nobody = Account {
            uid: u32::MAX - 1,
            gid: u32::MAX - 1,
            ..stranger()
        };
        let closed = nobody.first_closed(&inner);
        let ours = Account {
            dropped: false,
            ..nobody
        }
        .first_closed(&inner);
        fs::remove_dir_all(&base).expect("it is ours");
        assert_eq!(closed, Some(base.join("shut")));
        assert_eq!(ours, None);
    }
}
