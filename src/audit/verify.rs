//! The verification: every row, every chain, every head, against the heads that were kept.
//!
//! It reads the database in one view and believes nothing that is said there but what the digests say. What is easily got
//! wrong: without a kept head it shows only that the log is consistent; whoever owns the database could have made it so.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use sqlx::{Connection as _, PgConnection};

use super::{
    Head, PublicKey, Report,
    chain::{End, Walk},
    copy::{self, Reader, Row},
    heads::Heads,
};
use crate::error::{Error, Result};

/// Rows between two words about the progress.
const TELL_EVERY: u64 = 4_096;

/// A head that was kept outside the database.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The head.
    pub head: Head,
    /// The file that has it, for the report.
    pub from: String,
}

/// What is believed without the database.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The heads that were kept.
    pub kept: Vec<Kept>,
    /// The keys that may have signed; with none given any key may.
    pub keys: Vec<PublicKey>,
}

/// How many rows a verification has to read, for its progress.
#[tracing::instrument(name = "sql.audit_rows", skip_all)]
pub async fn rows(db: &mut PgConnection) -> Result<u64> {
    // A sum of a bigint is a numeric; a log of 2^63 rows is out of reach.
    let rows = sqlx::query_scalar!(
        r#"select coalesce(sum(audit_head), 0)::bigint as "rows!" from feed_head"#
    )
    .fetch_one(db)
    .await?;
    Ok(rows.unsigned_abs())
}

/// Verifies the whole log; `progress` hears how many rows were read so far.
#[tracing::instrument(name = "sql.verify_audit", skip_all)]
pub async fn verify(
    db: &mut PgConnection,
    trust: &Trust,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report> {
    let mut report = Report::default();
    let mut view = db
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let heads = Heads::read(&mut view, trust, &mut report).await?;
    let ends = ends(&mut view).await?;
    let mut chains = Chains::new(heads, ends);
    let mut reader = Reader::default();
    let mut rest = Vec::new();
    let mut sent = view.copy_out_raw(copy::COPY).await?;
    while let Some(bytes) = sent.try_next().await? {
        reader.push(&bytes);
        while let Some(row) = reader.next(&mut rest).map_err(corrupt)? {
            chains.row(&row, &rest, &mut report);
            report.rows += 1;
            if report.rows.is_multiple_of(TELL_EVERY) {
                progress(report.rows);
            }
        }
    }
    drop(sent);
    if !reader.has_ended() {
        return Err(Error::corrupt("audit", "the rows ended early"));
    }
    chains.finish(&mut report);
    progress(report.rows);
    view.rollback().await?;
    Ok(report)
}

fn corrupt(error: copy::Malformed) -> Error {
    Error::corrupt("audit", error)
}

#[tracing::instrument(name = "sql.audit_ends", skip_all)]
async fn ends(db: &mut PgConnection) -> Result<BTreeMap<i32, End>> {
    let rows = sqlx::query!("select district, audit_head, audit_digest from feed_head")
        .fetch_all(db)
        .await?;
    let ends = rows.into_iter().map(|row| {
        let end = End {
            number: row.audit_head,
            digest: row.audit_digest,
        };
        (row.district, end)
    });
    Ok(ends.collect())
}

/// The chains in ascending order, one walk at a time.
struct Chains {
    heads: Heads,
    /// Of the chains that are still to come. One that has no row at all is walked too.
    ends: BTreeMap<i32, Option<End>>,
    walk: Option<(i32, Walk)>,
}

impl Chains {
    fn new(heads: Heads, ends: BTreeMap<i32, End>) -> Self {
        let mut all: BTreeMap<i32, Option<End>> =
            heads.districts().map(|district| (district, None)).collect();
        all.extend(
            ends.into_iter()
                .map(|(district, end)| (district, Some(end))),
        );
        Self {
            heads,
            ends: all,
            walk: None,
        }
    }

    fn row(&mut self, row: &Row, rest: &[u8], report: &mut Report) {
        if self
            .walk
            .as_ref()
            .is_none_or(|(district, _)| *district != row.district)
        {
            self.finish_below(Some(row.district), report);
            report.chains += 1;
            let end = self.ends.remove(&row.district).flatten();
            let marks = self.heads.take_marks(row.district);
            self.walk = Some((row.district, Walk::begin(row.district, end, marks)));
        }
        if let Some((_, walk)) = &mut self.walk {
            walk.row(row, rest, report);
        }
    }

    /// Ends the walk under way, and passes by the chains without rows up to the next one; or all.
    fn finish_below(&mut self, next: Option<i32>, report: &mut Report) {
        if let Some((_, walk)) = self.walk.take() {
            self.heads.grow(&walk.finish(report));
        }
        while let Some(entry) = self.ends.first_entry() {
            let district = *entry.key();
            if next.is_some_and(|next| district >= next) {
                return;
            }
            let walk = Walk::begin(district, entry.remove(), self.heads.take_marks(district));
            self.heads.grow(&walk.finish(report));
        }
    }

    fn finish(mut self, report: &mut Report) {
        self.finish_below(None, report);
        self.heads.finish(report);
    }
}
