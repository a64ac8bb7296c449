//! Whether a stream may go on from a position, judged by what the ledger knows of it.
//!
//! What is easily got wrong: a position ahead of the ledger is never waited for. The numbers will come, but with other
//! contents: what was once seen there is gone.

use time::OffsetDateTime;

use crate::feed::{
    chain::Position,
    journal::Facts,
    token::{Token, short},
};

/// Who is further behind gets a snapshot: it is shorter than what would be replayed.
pub(crate) const BEHIND_MAX: i64 = 10_000;

/// Why a position cannot be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resync {
    /// It is older than what is kept, or too far behind.
    Expired,
    /// The database was restored since.
    Restored,
    /// The number exists with another history.
    Diverged,
    /// The ledger has not reached it: what was seen is gone.
    Ahead,
}

/// From where a stream goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The place in the ledger.
    pub position: Position,
    /// The topic's last event at or below it.
    pub topic_revision: i64,
    /// The ledger's head when it was found, and the database's time of that.
    pub head: i64,
    pub as_of: OffsetDateTime,
}

/// Judges a token.
pub(super) fn judge(token: &Token, facts: &Facts) -> Result<Place, Resync> {
    if token.feed_id != facts.feed_id {
        return Err(Resync::Restored);
    }
    if token.revision > facts.head {
        return Err(Resync::Ahead);
    }
    if token.revision < facts.floor {
        return Err(Resync::Expired);
    }
    let stored = if token.revision == facts.head {
        Some(&facts.digest)
    } else if token.revision == facts.floor {
        Some(&facts.floor_digest)
    } else {
        facts.asked.digest.as_ref()
    };
    let digest = stored
        .filter(|digest| short(digest) == token.digest)
        .ok_or(Resync::Diverged)?;
    if facts.head - token.revision > BEHIND_MAX {
        return Err(Resync::Expired);
    }
    Ok(Place {
        position: Position {
            revision: token.revision,
            digest: digest.clone(),
            day: token.day,
        },
        topic_revision: facts.asked.next_prior.unwrap_or(facts.topic_revision),
        head: facts.head,
        as_of: facts.as_of,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};
    use uuid::Uuid;

    use super::*;
    use crate::feed::{Topic, journal::Asked};

    fn facts() -> Facts {
        Facts {
            feed_id: Uuid::from_u128(7),
            head: 20_000,
            digest: vec![20; 32],
            floor: 12_000,
            floor_digest: vec![12; 32],
            topic_revision: 19_990,
            as_of: datetime!(2017-04-18 08:00 UTC),
            asked: Asked {
                digest: Some(vec![15; 32]),
                next_prior: Some(14_990),
            },
        }
    }

    fn token(revision: i64, digest: u8) -> Token {
        Token {
            feed_id: Uuid::from_u128(7),
            district: "35.75".parse().expect("a district"),
            topic: Topic::Queue,
            revision,
            digest: [digest; 16],
            day: date!(2017 - 04 - 18),
        }
    }

    fn topic_revision(token: &Token) -> Result<i64, Resync> {
        judge(token, &facts()).map(|place| place.topic_revision)
    }

    #[test]
    fn a_known_position_goes_on() {
        assert_eq!(topic_revision(&token(15_000, 15)), Ok(14_990));
        let mut quiet = facts();
        quiet.asked.next_prior = None;
        let place = judge(&token(20_000, 20), &quiet).expect("it is the head");
        assert_eq!(place.topic_revision, 19_990);
        assert_eq!(place.position.digest, vec![20; 32]);
    }

    #[test]
    fn a_position_exactly_at_the_floor_goes_on_and_one_below_does_not() {
        assert_eq!(topic_revision(&token(11_999, 12)), Err(Resync::Expired));
        assert_eq!(topic_revision(&token(12_000, 12)), Ok(14_990));
        assert_eq!(topic_revision(&token(12_001, 15)), Ok(14_990));
    }

    #[test]
    fn another_history_is_told_from_ours() {
        let mut other = token(15_000, 15);
        other.feed_id = Uuid::from_u128(8);
        assert_eq!(topic_revision(&other), Err(Resync::Restored));
        assert_eq!(topic_revision(&token(15_000, 16)), Err(Resync::Diverged));
        assert_eq!(topic_revision(&token(20_000, 19)), Err(Resync::Diverged));
        assert_eq!(topic_revision(&token(12_000, 13)), Err(Resync::Diverged));
        assert_eq!(topic_revision(&token(20_001, 20)), Err(Resync::Ahead));
    }

    #[test]
    fn who_is_too_far_behind_gets_a_snapshot() {
        let mut long = facts();
        long.floor = 0;
        long.head = 15_000 + BEHIND_MAX;
        assert!(judge(&token(15_000, 15), &long).is_ok());
        long.head += 1;
        assert_eq!(judge(&token(15_000, 15), &long), Err(Resync::Expired));
    }

    #[test]
    fn the_beginning_of_an_empty_ledger_is_a_position() {
        let mut empty = facts();
        (empty.head, empty.floor, empty.topic_revision) = (0, 0, 0);
        (empty.digest, empty.floor_digest) = (Vec::new(), Vec::new());
        empty.asked = Asked::default();
        assert!(judge(&token(0, 0), &empty).is_ok());
    }
}
