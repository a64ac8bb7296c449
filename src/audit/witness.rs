//! The witness file: a line for each head, outside the database, only ever appended to.
//!
//! What is easily got wrong: a server may die in the middle of a line. The line is then begun anew on the next one, so
//! whoever reads the file passes over a line that the next one begins with. Several servers may share a file: who finds it
//! locked leaves the round to the other.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::{Head, HeadError, store};
use crate::{
    caller::{Caller, Principal},
    error::{Error, Result},
    work::Desk,
};

/// The witness file in the data folder, where no other is named.
pub const WITNESS_FILE: &str = "audit-heads.log";
/// So much of the file's end is read to find the last line; a line has some 500 bytes.
const TAIL_BYTES: u64 = 16 * 1024;
/// Heads appended at once; the file of a server that was away for a day is complete after three times.
const APPEND_MAX: i64 = 500;

/// A locked witness file, and what it ends with.
struct Open {
    file: File,
    last: Option<Head>,
    /// The last line has no end: whoever wrote it died.
    torn: bool,
}

/// Appends the heads that the file lacks.
pub(super) async fn catch_up(desk: &Desk, path: &Path) -> Result<()> {
    let path = path.to_owned();
    let Some(mut open) = blocking(move || open(path)).await? else {
        return Ok(());
    };
    loop {
        let known = open.last.as_ref().map_or(0, |head| head.number);
        let heads = {
            let mut read = desk.read_unasked(&Caller::from(Principal::System)).await?;
            store::heads_from(read.db(), known.max(1), APPEND_MAX).await?
        };
        let heads = match &open.last {
            None => heads.as_slice(),
            Some(last) if heads.first() == Some(last) => &heads[1..],
            // Not a failure of the file: somebody has changed the table, or an older state of it was restored.
            Some(last) => {
                return Err(Error::internal(format!(
                    "the database does not have audit head {} as the witness file has it",
                    last.number
                )));
            }
        };
        let Some(newest) = heads.last().cloned() else {
            return Ok(());
        };
        let lines: String = heads.iter().map(|head| head.line() + "\n").collect();
        open = blocking(move || append(open, &lines)).await?;
        open.last = Some(newest);
    }
}

/// None when another process is at it.
fn open(path: PathBuf) -> io::Result<Option<Open>> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    let torn = !tail.is_empty() && !tail.ends_with('\n');
    // The first line of the tail may be half a line too; only one of a head counts.
    let last = tail
        .lines()
        .rev()
        .find_map(|line| Head::from_line(line).ok());
    if last.is_none() && length > TAIL_BYTES {
        return Err(io::Error::other(
            "the witness file ends with something else",
        ));
    }
    Ok(Some(Open { file, last, torn }))
}

fn append(mut open: Open, lines: &str) -> io::Result<Open> {
    if open.torn {
        open.file.write_all(b"\n")?;
        open.torn = false;
    }
    open.file.write_all(lines.as_bytes())?;
    open.file.sync_data()?;
    Ok(open)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Error::internal(format!("the witness file: {error}"))),
        Err(error) => Err(Error::internal(format!("the witness file's task: {error}"))),
    }
}

/// The heads of a file that was kept: a witness file, or one that a client wrote in the same form.
pub fn read(text: &str) -> Result<Vec<Head>, HeadError> {
    let mut lines = text.lines().peekable();
    let mut heads = Vec::new();
    while let Some(line) = lines.next() {
        match Head::from_line(line) {
            Ok(head) => heads.push(head),
            // Begun by somebody who died; the next line has it whole, or it is the last one.
            Err(_) if lines.peek().is_none_or(|next| next.starts_with(line)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(heads)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::audit::Key;

    fn heads() -> Vec<Head> {
        let key = Key::random();
        let head = |number| Head {
            number,
            made_at: datetime!(2017-04-18 01:00 UTC),
            rows: number,
            root: [0; 32],
            prior_root: None,
            signature: [0; 64],
            public_key: [0; 32],
        };
        (1..=3).map(|number| head(number).signed(&key)).collect()
    }

    #[test]
    fn a_line_that_was_begun_and_written_again_is_read_once() {
        let heads = heads();
        let [one, two, three] = [0, 1, 2].map(|place: usize| heads[place].line());
        let begun = &two[..two.len() / 2];
        assert_eq!(
            read(&format!("{one}\n{begun}\n{two}\n{three}\n")).as_ref(),
            Ok(&heads)
        );
        let torn = read(&format!("{one}\n{two}\n{}", &three[..9])).expect("the end may be torn");
        assert_eq!(torn, heads[..2]);
        assert!(
            read(&format!("{one}\n{begun}\n{three}\n")).is_err(),
            "a line that nobody wrote"
        );
    }

    #[test]
    fn what_was_appended_is_found_again_and_a_torn_line_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(WITNESS_FILE);
        let heads = heads();
        let first = open(path.clone()).expect("it opens").expect("it is free");
        assert_eq!(first.last, None);
        assert!(
            open(path.clone()).expect("it opens").is_none(),
            "one at a time"
        );
        append(first, &format!("{}\n{}", heads[0].line(), "{\"numb")).expect("it is written");
        let second = open(path.clone())
            .expect("it opens")
            .expect("it is free again");
        assert_eq!((second.last.as_ref(), second.torn), (Some(&heads[0]), true));
        append(second, &format!("{}\n", heads[1].line())).expect("it is written");
        let text = std::fs::read_to_string(&path).expect("it is there");
        assert_eq!(
            text.lines().count(),
            3,
            "the torn line has an end of its own"
        );
        let third = open(path).expect("it opens").expect("it is free");
        assert_eq!((third.last.as_ref(), third.torn), (Some(&heads[1]), false));
    }
}
