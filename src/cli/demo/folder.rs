//! Where the demo keeps its data, and the certificate with which a second window can watch.
//!
//! What is easily got wrong: started as root, the database runs as another user, who must be able to reach the folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::place::Place;
use crate::{
    authority::{Authority, TERMINAL_VALID},
    caller::Principal,
    cli::Failure,
    clock::Clock,
};

/// Others may pass through the folder (the database's user has to); its files guard themselves.
const FOLDER_MODE: u32 = 0o755;

/// A certificate with which a second window can watch.
pub fn write_watcher(
    authority: &Authority,
    place: &Place,
    data: &Path,
) -> Result<PathBuf, Failure> {
    let principal: Principal =
        format!("ektp://district/{}/site/office/terminal/9", place.district).parse()?;
    // Certificates live in real time, whatever the clock of the office shows.
    let identity = authority.terminal_identity(&principal, TERMINAL_VALID, Clock::System.now())?;
    let folder = data.join("watcher");
    identity.write_to(&folder)?;
    Ok(folder)
}

/// Where the demo's data is; a temporary one is removed when it is dropped.
pub struct Folder {
    pub path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// The folder that was asked for, or a temporary one.
    pub fn open(kept: Option<PathBuf>) -> Result<Self, Failure> {
        let temporary = kept.is_none();
        // Started as root, the database runs as another user and must get there: the system's folder lets everybody pass.
        let path = kept.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("ektp-demo-{}", Uuid::new_v4().simple()))
        });
        let failed = |error| Failure::Folder(path.clone(), error);
        if path.exists() && fs::read_dir(&path).map_err(failed)?.next().is_some() {
            let words = format!(
                "{} is not empty; the demo begins its story in a new folder",
                path.display()
            );
            return Err(Failure::Call(words));
        }
        fs::create_dir_all(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(FOLDER_MODE)).map_err(failed)?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("{} could not be removed: {error}", self.path.display());
        }
    }
}
