//! Open files: each terminal is a connection here and one in the server, which inherits this process's limit.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::cli::Failure;

/// Files that are no connection of a terminal: the database's, logs, pipes.
const OTHERS: u64 = 200;

/// Raises the limit as far as it may be raised, and refuses where that is too little.
pub fn make_room(connections: u64) -> Result<(), Failure> {
    let needed = connections + OTHERS;
    let failed = |errno: nix::Error| {
        Failure::Call(format!("the limit of open files cannot be had: {errno}"))
    };
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if hard < needed {
        return Err(Failure::Call(format!(
            "{connections} connections need {needed} open files, and this session may have {hard}: ask for fewer \
             streams, or raise the limit (ulimit -Hn, LimitNOFILE= of a service)"
        )));
    }
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    }
    Ok(())
}
