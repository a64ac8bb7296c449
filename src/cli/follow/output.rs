//! How what a stream tells is shown: a picture drawn in place for people, and one line for each message for scripts.
//!
//! What is easily got wrong: "live as of" is the time of the last thing told, never a sign that a connection is open.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use prost_types::Timestamp;
use time::OffsetDateTime;

use super::{Picture, Told, Watched};

/// The last changes that are shown.
const CHANGES_SHOWN: usize = 6;

/// What one of the streams looks like.
pub trait View {
    /// Of which stream.
    type Of: Watched;

    /// What the screen is headed with.
    const HEADING: &'static str;

    /// A changed entry as a word of a line for scripts.
    fn word(entry: &<Self::Of as Watched>::Entry) -> String;

    /// A changed entry for people.
    fn change(entry: &<Self::Of as Watched>::Entry) -> String;

    /// Words about all that is shown, at the end of each line for scripts that tells of something new.
    fn sums(_shown: &Self::Of) -> String {
        String::new()
    }

    /// What stands on the screen between its heading and the last changes.
    fn body(&self, shown: &Self::Of) -> String;

    /// Something is new.
    fn changed(&mut self) {}

    /// What came in beside the stream, as lines for scripts; nothing, where nothing came since this was called last.
    fn beside(&mut self) -> Option<Vec<String>> {
        None
    }
}

/// A stream's entry.
type EntryOf<V> = <<V as View>::Of as Watched>::Entry;

/// Where what is told is shown.
pub struct Output<V> {
    view: V,
    on: On,
    /// Something was told since the screen was drawn.
    news: bool,
}

enum On {
    Screen(Screen),
    Lines,
}

impl<V: View> Output<V> {
    /// On a screen, unless there is none or lines are asked for.
    pub fn new(title: &str, plain: bool, view: V) -> Self {
        let on = if plain || !io::stdout().is_terminal() {
            On::Lines
        } else {
            On::Screen(Screen::new(title))
        };
        Self {
            view,
            on,
            news: true,
        }
    }

    pub fn told(&mut self, picture: &Picture<V::Of>, told: &Told<EntryOf<V>>) {
        self.news = true;
        if let Told::Snapshot { .. } | Told::Change(_) = told {
            self.view.changed();
        }
        match &mut self.on {
            On::Screen(screen) => screen.told::<V>(told),
            On::Lines => {
                if let Some(line) = line::<V>(picture, told) {
                    say(&line);
                }
            }
        }
    }

    pub fn notice(&mut self, notice: &str) {
        match &mut self.on {
            On::Screen(screen) => notice.clone_into(&mut screen.notice),
            On::Lines => eprintln!("{notice}"),
        }
    }

    /// Shows what was told since this was called last, and what came in beside the stream.
    pub fn refresh(&mut self, picture: &Picture<V::Of>) {
        let beside = self.view.beside();
        match &self.on {
            On::Screen(_) => {
                if self.news || beside.is_some() {
                    self.draw(picture);
                }
            }
            On::Lines => {
                for line in beside.unwrap_or_default() {
                    say(&line);
                }
            }
        }
    }

    /// Draws the screen, if there is one.
    pub fn draw(&mut self, picture: &Picture<V::Of>) {
        if let On::Screen(screen) = &self.on {
            self.news = false;
            // From the upper left corner: counting lines would go wrong where a narrow window wraps them.
            let text = format!("\x1b[H\x1b[J{}", screen.frame(picture, &self.view));
            let mut out = io::stdout().lock();
            // A window that is gone ends the program by its signal; there is nobody left to tell.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// What a message told, so that a script can check the revisions; nothing for a picture that is not whole yet.
fn line<V: View>(picture: &Picture<V::Of>, told: &Told<EntryOf<V>>) -> Option<String> {
    Some(match told {
        Told::Building => return None,
        Told::Snapshot {
            revision,
            topic_revision,
            entries,
        } => {
            let sums = V::sums(picture.shown());
            format!(
                "snapshot revision={revision} topic_revision={topic_revision} entries={entries}{sums}"
            )
        }
        Told::Change(change) => {
            let mut line = format!(
                "change prior={} revision={}",
                change.prior_revision, change.revision
            );
            if change.more {
                line.push_str(" more");
            }
            for entry in &change.entries {
                let _ = write!(line, " {}", V::word(entry));
            }
            line + &V::sums(picture.shown())
        }
        Told::Bookmark {
            revision,
            topic_revision,
        } => {
            format!("bookmark revision={revision} topic_revision={topic_revision}")
        }
        Told::Stale => {
            let since = picture.stale_since().map(clock_face).unwrap_or_default();
            format!("stale since={}", since.replace(' ', ""))
        }
        Told::Resync(reason) => {
            format!(
                "resync reason={}",
                reason.as_str_name().trim_start_matches("RESYNC_REASON_")
            )
        }
        Told::Drain(after, spread) => {
            format!(
                "drain after={}s spread={}s",
                after.as_secs_f64(),
                spread.as_secs_f64()
            )
        }
        Told::Unknown => "unknown".to_owned(),
    })
}

/// What stands around a view, drawn over itself.
struct Screen {
    title: String,
    changes: VecDeque<String>,
    notice: String,
}

impl Screen {
    fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            changes: VecDeque::new(),
            notice: String::new(),
        }
    }

    fn told<V: View>(&mut self, told: &Told<EntryOf<V>>) {
        match told {
            Told::Change(change) => {
                let at = change.as_of_time.as_ref().map(clock_face);
                let at = at.unwrap_or_default();
                for entry in &change.entries {
                    self.changes
                        .push_front(format!("{at}  {}", V::change(entry)));
                }
                self.changes.truncate(CHANGES_SHOWN);
                self.notice.clear();
            }
            Told::Snapshot { .. } | Told::Bookmark { .. } => self.notice.clear(),
            Told::Stale => "the server cannot see the ledger; the picture may be old"
                .clone_into(&mut self.notice),
            Told::Resync(reason) => {
                let reason = reason.as_str_name().trim_start_matches("RESYNC_REASON_");
                self.notice = format!("resync ({reason}): a fresh picture follows");
            }
            Told::Drain(..) => {
                "the server goes away; this window follows it".clone_into(&mut self.notice)
            }
            Told::Building | Told::Unknown => {}
        }
    }

    fn frame<V: View>(&self, picture: &Picture<V::Of>, view: &V) -> String {
        let as_of = picture
            .as_of()
            .map_or_else(|| "not live yet".to_owned(), clock_face);
        let live = match picture.stale_since() {
            Some(since) => format!("STALE since {}", clock_face(since)),
            None => format!("live as of {as_of}"),
        };
        let mut frame = format!(
            "{} at {} - {live} - revision {}\n",
            V::HEADING,
            self.title,
            picture.revision()
        );
        let _ = writeln!(frame, "{}", view.body(picture.shown()).trim_end());
        frame.push_str("last changes\n");
        for place in 0..CHANGES_SHOWN {
            let _ = writeln!(
                frame,
                "  {}",
                self.changes.get(place).map_or("", String::as_str)
            );
        }
        let _ = writeln!(frame, "{}", self.notice);
        frame
    }
}

/// Hours, minutes and seconds of the database's time.
fn clock_face(at: &Timestamp) -> String {
    let instant =
        OffsetDateTime::from_unix_timestamp(at.seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:02}:{:02}:{:02} UTC",
        instant.hour(),
        instant.minute(),
        instant.second()
    )
}

/// Prints a line at once: a script that reads along must not wait for a full buffer.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    // A reader that is gone is no reason to fail.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::terminal::{Queue, QueueView},
        proto::{QueueEntry, ResyncReason},
        stream::Changed,
    };

    fn changed(entries: usize) -> Told<QueueEntry> {
        Told::Change(Changed {
            prior_revision: 5,
            revision: 7,
            entries: vec![QueueEntry::default(); entries],
            more: true,
            resume_token: Vec::new(),
            as_of_time: None,
        })
    }

    #[test]
    fn a_frame_keeps_its_height() {
        let mut screen = Screen::new("https://127.0.0.1:50575 35.75");
        let picture = Picture::new(Queue::default());
        let empty = screen.frame(&picture, &QueueView);
        screen.told::<QueueView>(&changed(40));
        "reconnecting in 1.0 s".clone_into(&mut screen.notice);
        let full = screen.frame(&picture, &QueueView);
        assert_eq!(empty.lines().count(), full.lines().count());
        assert!(full.contains("not live yet"));
    }

    #[test]
    fn a_line_tells_a_script_where_the_stream_is() {
        let picture = Picture::new(Queue::default());
        let line = |told| line::<QueueView>(&picture, &told);
        assert_eq!(line(Told::Building), None);
        for (told, expected) in [
            (
                Told::Snapshot {
                    revision: 7,
                    topic_revision: 5,
                    entries: 0,
                },
                "snapshot revision=7 topic_revision=5 entries=0",
            ),
            (changed(1), "change prior=5 revision=7 more =UNSPECIFIED"),
            (
                Told::Bookmark {
                    revision: 9,
                    topic_revision: 7,
                },
                "bookmark revision=9 topic_revision=7",
            ),
            (Told::Resync(ResyncReason::Expired), "resync reason=EXPIRED"),
            (Told::Unknown, "unknown"),
        ] {
            assert_eq!(line(told).as_deref(), Some(expected));
        }
    }
}
