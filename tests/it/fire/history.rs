//! What a stream was told, and what the tables say it should have been told. The comparison is made when all is over.
//!
//! What is easily got wrong: a commit that came in parts counts when its last part has come, for only that carries a token.
//! A reader that is cut in the middle gets the commit again, whole, and that is no repetition.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::wire::TOPICS;

/// Who is further behind than this is given a picture instead.
const BEHIND_MAX: u64 = 10_000;
/// Violations of one history that are worth reading.
const WORTH_READING: usize = 5;

/// An entry's bytes in eight.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// One thing that a stream said, or that happened to it.
#[derive(Debug, Clone)]
pub enum Seen {
    /// The stream was opened: with the token of before, or without one.
    Opened { fresh: bool },
    /// A whole picture: digest of each entry by its id.
    Picture {
        revision: u64,
        topic_revision: u64,
        as_of: OffsetDateTime,
        entries: BTreeMap<String, u64>,
    },
    /// A commit, or a part of one.
    Change {
        prior_revision: u64,
        revision: u64,
        more: bool,
        entries: Vec<u64>,
    },
    /// A bookmark; of those that follow one another at the same place only the last one.
    Bookmark {
        revision: u64,
        topic_revision: u64,
        as_of: OffsetDateTime,
    },
    /// The reader was too far behind.
    Expired,
    /// The position was lost for another reason; never in a fire that loses nothing.
    Lost(String),
}

/// All that one reader saw.
#[derive(Debug)]
pub struct History {
    pub name: String,
    pub district: i32,
    pub topic: i16,
    pub seen: Vec<Seen>,
}

/// One commit that somebody was told of.
#[derive(Debug)]
pub struct Acknowledged {
    pub district: i32,
    /// The ledger's head after it.
    pub head: u64,
    /// The digests of what it appended last; empty where the writer cannot know them.
    pub entries: Vec<u64>,
    /// When the writer knew, by the clock of this machine, which is also the database's.
    pub at: OffsetDateTime,
}

/// One event of the table.
#[derive(Debug)]
struct Event {
    revision: u64,
    last_in_commit: bool,
    id: String,
    open: bool,
    digest: u64,
}

/// One district's ledger as the tables have it.
#[derive(Debug)]
pub struct Ledger {
    pub district: i32,
    pub head: u64,
    /// Digests of all events of all topics; the first one is number 1.
    all: Vec<u64>,
    /// Of each topic, in order.
    topics: HashMap<i16, Vec<Event>>,
    /// Who was told when of which head, by time; and the highest head up to there.
    told: Vec<(OffsetDateTime, u64)>,
}

impl Ledger {
    /// Reads a ledger and checks that it is dense and that every event names the one before it in its topic.
    pub async fn read(
        db: &mut PgConnection,
        district: i32,
        told: &[Acknowledged],
        entry: fn(i16, &[u8]) -> (String, bool),
    ) -> Self {
        let rows: Vec<(i64, i16, i64, bool, Vec<u8>)> = sqlx::query_as(
            "select revision, topic, prior_revision, last_in_commit, body from feed_event
             where district = $1 order by revision",
        )
        .bind(district)
        .fetch_all(db)
        .await
        .expect("the ledger can be read");
        let (mut all, mut heads) = (Vec::new(), BTreeMap::new());
        let mut topics: HashMap<i16, Vec<Event>> = TOPICS.map(|topic| (topic, Vec::new())).into();
        for (number, (revision, topic, prior, last_in_commit, body)) in (1..).zip(rows) {
            assert_eq!(revision, number, "the ledger of {district} is dense");
            let before = heads.insert(topic, revision).unwrap_or(0);
            assert_eq!(prior, before, "{district}/{revision} names the one before");
            all.push(digest(&body));
            let (id, open) = entry(topic, &body);
            topics.entry(topic).or_default().push(Event {
                revision: revision.unsigned_abs(),
                last_in_commit,
                id,
                open,
                digest: digest(&body),
            });
        }
        let mut told: Vec<_> = (told.iter())
            .filter(|told| told.district == district)
            .map(|told| (told.at, told.head))
            .collect();
        told.sort_unstable();
        let mut highest = 0;
        for (_, head) in &mut told {
            highest = highest.max(*head);
            *head = highest;
        }
        Self {
            district,
            head: all.len() as u64,
            all,
            topics,
            told,
        }
    }

    /// The topic's last event at or below a revision.
    pub fn topic_revision(&self, topic: i16, revision: u64) -> u64 {
        self.up_to(topic, revision)
            .last()
            .map_or(0, |event| event.revision)
    }

    /// Whether the table ends at `head` with these, or has them there.
    pub fn has(&self, told: &Acknowledged) -> bool {
        let Ok(end) = usize::try_from(told.head) else {
            return false;
        };
        let begin = end.checked_sub(told.entries.len());
        begin.and_then(|begin| self.all.get(begin..end)) == Some(&told.entries[..])
    }

    /// Everything that was ever appended.
    pub fn digests(&self) -> &[u64] {
        &self.all
    }

    /// The topic's events up to a revision.
    fn up_to(&self, topic: i16, revision: u64) -> &[Event] {
        let events = &self.topics[&topic];
        &events[..events.partition_point(|event| event.revision <= revision)]
    }

    /// What somebody had been told before that time.
    fn told_before(&self, as_of: OffsetDateTime) -> u64 {
        let count = self.told.partition_point(|(at, _)| *at < as_of);
        count.checked_sub(1).map_or(0, |last| self.told[last].1)
    }

    /// The picture of a topic at a revision.
    fn picture(&self, topic: i16, revision: u64) -> BTreeMap<String, u64> {
        let mut picture = BTreeMap::new();
        for event in self.up_to(topic, revision) {
            if event.open {
                picture.insert(event.id.clone(), event.digest);
            } else {
                picture.remove(&event.id);
            }
        }
        picture
    }
}

/// Where a reader stands while its history is walked.
#[derive(Debug, Clone, Copy)]
struct Place {
    revision: u64,
    topic_revision: u64,
}

/// Walks one history against the ledger.
struct Walk<'a> {
    ledger: &'a Ledger,
    topic: i16,
    /// Whether the requests of this district stand in their tables, so that a picture can be more than empty.
    real: bool,
    place: Option<Place>,
    /// At the last token.
    kept: Option<Place>,
    /// Why the next picture is allowed to come.
    expired: bool,
    wrong: Vec<String>,
}

/// Everything in a history that a promise forbids; nothing, if all is well. `real` districts have pictures.
pub fn violations(history: &History, ledger: &Ledger, real: bool) -> Vec<String> {
    let mut walk = Walk {
        ledger,
        topic: history.topic,
        real,
        place: None,
        kept: None,
        expired: false,
        wrong: Vec::new(),
    };
    for (number, seen) in history.seen.iter().enumerate() {
        let before = walk.wrong.len();
        walk.step(seen);
        for wrong in &mut walk.wrong[before..] {
            *wrong = format!("{} #{number}: {wrong}", history.name);
        }
        if walk.wrong.len() >= WORTH_READING {
            return walk.wrong;
        }
    }
    let end = walk.place.map(|place| place.topic_revision);
    let wanted = ledger.topic_revision(history.topic, ledger.head);
    if end != Some(wanted) {
        let wrong = format!("{} ends at {end:?}, not at {wanted}", history.name);
        walk.wrong.push(wrong);
    }
    walk.wrong
}

impl Walk<'_> {
    fn says(&mut self, right: bool, wrong: impl FnOnce() -> String) {
        if !right {
            self.wrong.push(wrong());
        }
    }

    fn step(&mut self, seen: &Seen) {
        match seen {
            Seen::Opened { fresh: true } => (self.place, self.kept) = (None, None),
            Seen::Opened { fresh: false } => self.place = self.kept,
            Seen::Expired => {
                self.place = None;
                self.expired = true;
            }
            Seen::Lost(why) => self.wrong.push(format!("the position was lost: {why}")),
            Seen::Picture {
                revision,
                topic_revision,
                as_of,
                entries,
            } => {
                let place = Place {
                    revision: *revision,
                    topic_revision: *topic_revision,
                };
                self.picture(place, *as_of, entries);
            }
            Seen::Change {
                prior_revision,
                revision,
                more,
                entries,
            } => self.change(*prior_revision, *revision, *more, entries),
            Seen::Bookmark {
                revision,
                topic_revision,
                as_of,
            } => {
                let place = Place {
                    revision: *revision,
                    topic_revision: *topic_revision,
                };
                self.bookmark(place, *as_of);
            }
        }
    }

    /// A mark at a place says that nothing before its time is missing.
    fn mark(&mut self, place: Place, as_of: OffsetDateTime) {
        let wanted = self.ledger.topic_revision(self.topic, place.revision);
        self.says(place.topic_revision == wanted, || {
            format!("{place:?}, and the topic stands at {wanted} there")
        });
        let told = self.ledger.told_before(as_of);
        self.says(told <= place.revision, || {
            format!("{place:?} as of {as_of}, when {told} had been acknowledged")
        });
    }

    fn picture(&mut self, place: Place, as_of: OffsetDateTime, entries: &BTreeMap<String, u64>) {
        if let Some(kept) = self.kept.filter(|_| self.expired) {
            self.says(place.revision > kept.revision + BEHIND_MAX, || {
                format!("begun anew at {place:?} without need, from {kept:?}")
            });
        } else {
            let is_due = self.place.is_none();
            self.says(is_due, || {
                format!("a picture at {place:?} that nobody asked for")
            });
        }
        self.expired = false;
        self.mark(place, as_of);
        let wanted = if self.real {
            self.ledger.picture(self.topic, place.revision)
        } else {
            BTreeMap::new()
        };
        self.says(*entries == wanted, || {
            let (is, should) = (entries.len(), wanted.len());
            format!("the picture of {is} at {place:?} is not the table's of {should}")
        });
        (self.place, self.kept) = (Some(place), Some(place));
    }

    fn change(&mut self, prior_revision: u64, revision: u64, more: bool, entries: &[u64]) {
        let Some(before) = self.place else {
            return self
                .wrong
                .push(format!("a change to {revision} from nowhere"));
        };
        self.says(prior_revision == before.topic_revision, || {
            format!("{prior_revision}..{revision} does not follow {before:?}")
        });
        self.says(revision > before.revision, || {
            format!("{revision} comes again, or a bookmark overtook it: {before:?}")
        });
        let begin = self.ledger.up_to(self.topic, before.topic_revision).len();
        let events = self.ledger.up_to(self.topic, revision);
        let events = events.get(begin..).unwrap_or(&[]);
        let written: Vec<u64> = events.iter().map(|event| event.digest).collect();
        self.says(written == entries, || {
            let (is, should) = (entries.len(), written.len());
            format!("{is} entries of {prior_revision}..{revision}, and the table has {should}, or others")
        });
        let ends = events.iter().position(|event| event.last_in_commit);
        let whole = ends == events.len().checked_sub(1);
        let open = ends.is_none();
        self.says(if more { open } else { whole }, || {
            format!("{prior_revision}..{revision}, more: {more}, is not cut as it was committed")
        });
        let place = Place {
            revision,
            topic_revision: revision,
        };
        self.place = Some(place);
        if !more {
            self.kept = self.place;
        }
    }

    fn bookmark(&mut self, place: Place, as_of: OffsetDateTime) {
        let Some(before) = self.place else {
            return self
                .wrong
                .push(format!("a bookmark {place:?} from nowhere"));
        };
        self.says(place.topic_revision == before.topic_revision, || {
            format!("the bookmark {place:?} is not at {before:?}")
        });
        self.says(place.revision >= before.revision, || {
            format!("the bookmark {place:?} goes back from {before:?}")
        });
        let is_whole = (self.kept).is_some_and(|kept| kept.topic_revision == before.topic_revision);
        self.says(is_whole, || {
            format!("the bookmark {place:?} inside a commit")
        });
        self.mark(place, as_of);
        (self.place, self.kept) = (Some(place), Some(place));
    }
}
