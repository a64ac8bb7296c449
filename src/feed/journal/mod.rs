//! All SQL of the ledger: closing a unit of work here, what is read back in [`reads`], what is dropped in [`retention`].
//!
//! [`close`] must be the last statement before COMMIT: from there on the district's other writers wait.

mod disclosures;
mod reads;
mod retention;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    feed::Topic,
    ids::{District, OfficerId, RequestId, ShiftId},
};

pub use disclosures::{Disclosed, Disclosure, disclose, drop_counts};
pub use reads::{Asked, Event, Facts, Head, Heads, Span, events, facts, heads, read, snapshot};
pub use retention::{Dropped, drop_old, restored};

/// At most so many districts in one commit: their heads are locked one after the other.
pub const DISTRICTS_PER_COMMIT_MAX: usize = 64;
/// At most so many events of one district in one commit.
pub const EVENTS_PER_COMMIT_MAX: usize = 500;

/// One event to be written: the state of one thing after the act.
#[derive(Debug, Clone)]
pub struct Record {
    /// Whose ledger.
    pub district: District,
    /// Which stream.
    pub topic: Topic,
    /// The encoded state; ids and states only.
    pub body: Vec<u8>,
}

/// The answer that is stored under a request id.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which request.
    pub request_id: RequestId,
    /// The gRPC code; 0 for success.
    pub code: i32,
    /// The encoded response, or the encoded google.rpc.Status.
    pub bytes: Vec<u8>,
    /// The reason of a refusal; empty for success.
    pub reason: &'static str,
    /// What it was about, as noun/id with commas between them; for the audit log.
    pub about: String,
}

/// Who acts, for the audit log.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The terminal's identity, or `system`.
    pub terminal: String,
    /// Since when its certificate is valid; a chore has none.
    pub certificate_begins: Option<OffsetDateTime>,
    /// The officer's account and shift.
    pub officer: Option<(OfficerId, ShiftId)>,
    /// The RPC, or the chore.
    pub method: &'static str,
    /// The trace that the act is part of; empty where none is recorded.
    pub trace_id: String,
}

impl Actor {
    /// The account.
    pub fn officer_id(&self) -> Option<Uuid> {
        self.officer.map(|(officer, _)| officer.uuid())
    }

    /// The shift.
    pub fn shift_id(&self) -> Option<Uuid> {
        self.officer.map(|(_, shift)| shift.uuid())
    }
}

/// What an act leaves behind, beside its own rows.
#[derive(Debug)]
pub struct Closing<'a> {
    /// Who acted.
    pub actor: &'a Actor,
    /// The caller's own ledger, whose new revision is kept beside the answers.
    pub home: District,
    /// The answers to be stored; an act that no request asked for has none.
    pub answers: &'a [Answer],
    /// What an act without answers was about.
    pub about: &'a str,
    /// The events.
    pub records: &'a [Record],
}

impl Closing<'_> {
    /// In whose chain the audit rows stand: the caller's own district; for acts of the centre the first district that they
    /// concern, because one chain for all of them would make the nation wait for one row.
    fn audit_district(&self) -> District {
        let concerned = self.records.iter().map(|record| record.district).min();
        if self.home == District::CENTRE {
            concerned.unwrap_or(District::CENTRE)
        } else {
            self.home
        }
    }
}

/// Stores the answers and appends events and audit rows, in one round trip; answers the touched ledgers' new heads.
#[tracing::instrument(name = "sql.close_work", skip_all, fields(records = closing.records.len()))]
pub async fn close(db: &mut PgConnection, closing: &Closing<'_>) -> Result<Vec<(District, i64)>> {
    let Closing {
        actor,
        home,
        answers,
        records,
        ..
    } = closing;
    check_limits(records)?;
    // One audit row for each answer; an act that nobody asked for by id has one row.
    let mut asked: Vec<Option<Uuid>> = answers
        .iter()
        .map(|answer| Some(answer.request_id.uuid()))
        .collect();
    let mut decisions: Vec<i32> = answers.iter().map(|answer| answer.code).collect();
    let mut reasons: Vec<String> = answers
        .iter()
        .map(|answer| answer.reason.to_owned())
        .collect();
    let mut about: Vec<String> = answers.iter().map(|answer| answer.about.clone()).collect();
    if answers.is_empty() {
        asked.push(None);
        decisions.push(0);
        reasons.push(String::new());
        about.push(closing.about.to_owned());
    }
    let requests: Vec<Uuid> = answers
        .iter()
        .map(|answer| answer.request_id.uuid())
        .collect();
    let codes: Vec<i32> = answers.iter().map(|answer| answer.code).collect();
    let bytes: Vec<Vec<u8>> = answers.iter().map(|answer| answer.bytes.clone()).collect();
    let districts: Vec<i32> = records
        .iter()
        .map(|record| record.district.number())
        .collect();
    let topics: Vec<i16> = records.iter().map(|record| record.topic.number()).collect();
    let bodies: Vec<Vec<u8>> = records.iter().map(|record| record.body.clone()).collect();
    // The function returns a row per touched ledger; both columns are never null.
    let heads = sqlx::query!(
        r#"
        select district as "district!", head as "head!"
        from close_work($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        "#,
        actor.terminal,
        actor.certificate_begins,
        actor.officer_id(),
        actor.shift_id(),
        actor.method,
        actor.trace_id,
        closing.audit_district().number(),
        &asked as &[Option<Uuid>],
        &decisions,
        &reasons,
        &about,
        &requests,
        &codes,
        &bytes,
        home.number(),
        &districts,
        &topics,
        &bodies,
    )
    .fetch_all(db)
    .await?;
    heads
        .into_iter()
        .map(|row| Ok((district(row.district)?, row.head)))
        .collect()
}

/// A commit beyond the limits would hold many districts' heads for long; callers split their work before.
fn check_limits(records: &[Record]) -> Result<()> {
    let mut per_district = std::collections::BTreeMap::<District, usize>::new();
    for record in records {
        *per_district.entry(record.district).or_default() += 1;
    }
    if per_district.len() > DISTRICTS_PER_COMMIT_MAX {
        return Err(Error::internal("one commit touches too many districts"));
    }
    if per_district
        .values()
        .any(|events| *events > EVENTS_PER_COMMIT_MAX)
    {
        return Err(Error::internal(
            "one commit writes too many events to one district",
        ));
    }
    Ok(())
}

fn district(number: i32) -> Result<District> {
    if number == District::CENTRE.number() {
        return Ok(District::CENTRE);
    }
    District::from_number(number).map_err(|error| Error::corrupt("feed_head", error))
}
