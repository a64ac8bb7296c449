//! One act under way: the transaction, who acts, one reading of the clock, and what goes into the ledgers at the end.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;

use crate::{
    caller::Caller,
    error::{Error, Result},
    feed::{
        Topic,
        bell::Bell,
        journal::{self, Actor, Answer, Closing, Record},
    },
    ids::{District, RequestId},
    seal::Keys,
    telemetry,
};

/// One act under way.
pub struct Work {
    transaction: Transaction<'static, Postgres>,
    caller: Caller,
    now: OffsetDateTime,
    keys: Arc<Keys>,
    bell: Bell,
    lease_length: Duration,
    records: Vec<Record>,
    about: BTreeSet<String>,
    method: &'static str,
    /// The act, as its client named it; absent for chores and for batches whose items have their own.
    request_id: Option<RequestId>,
    keep: bool,
}

impl Work {
    pub(super) fn new(
        transaction: Transaction<'static, Postgres>,
        caller: Caller,
        method: &'static str,
        now: OffsetDateTime,
        (keys, bell, lease_length): (Arc<Keys>, Bell, Duration),
    ) -> Self {
        Self {
            transaction,
            caller,
            now,
            keys,
            bell,
            lease_length,
            records: Vec::new(),
            about: BTreeSet::new(),
            method,
            request_id: None,
            keep: false,
        }
    }

    /// The act has this name from now on.
    pub(super) fn name(&mut self, request_id: RequestId) {
        self.request_id = Some(request_id);
    }

    /// The act, as its client named it.
    pub fn request_id(&self) -> Result<RequestId> {
        self.request_id
            .ok_or_else(|| Error::internal("a step for named acts was reached without a name"))
    }

    /// The transaction's connection, for the `store` rooms.
    pub fn db(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Who acts.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The district whose terminal acts; the role table lets no other caller into a step that asks.
    pub fn district(&self) -> Result<District> {
        self.caller
            .district()
            .ok_or_else(|| Error::internal("a step for districts was reached by another caller"))
    }

    /// The act's one reading of the business clock.
    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The keys, for sealing and for finding.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How long a printer's lease is good for, from now or from its renewal.
    pub fn lease_length(&self) -> Duration {
        self.lease_length
    }

    /// Notes the state of one thing after the act, for the district's ledger; and which thing it is (a noun and an id), for
    /// the audit log.
    pub fn record(
        &mut self,
        district: District,
        topic: Topic,
        (noun, id): (&'static str, impl fmt::Display),
        body: Vec<u8>,
    ) {
        self.touch(noun, id);
        self.records.push(Record {
            district,
            topic,
            body,
        });
    }

    /// Notes one more thing that the act is about, for the audit log: a noun and an id, never a person's own data.
    pub fn touch(&mut self, noun: &'static str, id: impl fmt::Display) {
        self.about.insert(format!("{noun}/{id}"));
    }

    /// What was touched so far, as the audit log has it; an act on many requests takes it item by item.
    pub fn take_touched(&mut self) -> String {
        let about: Vec<String> = std::mem::take(&mut self.about).into_iter().collect();
        about.join(",")
    }

    /// Who acts, for the audit log.
    pub(super) fn actor(&self) -> Actor {
        actor(&self.caller, self.method)
    }

    /// What the act has done so far stays even if it ends in a refusal: the refusal itself changed something.
    pub fn keep_on_refusal(&mut self) {
        self.keep = true;
    }

    /// Whether a refusal commits what was done.
    pub(super) fn keeps_on_refusal(&self) -> bool {
        self.keep
    }

    /// Stores the answers, appends the events, commits, rings; answers the revision of the caller's own ledger.
    pub(super) async fn commit(mut self, answers: &[Answer]) -> Result<i64> {
        let home = self.caller.walls().ledger();
        let about = self.take_touched();
        // A chore that found nothing to do did nothing that could be told.
        let heads = if answers.is_empty() && self.records.is_empty() && about.is_empty() {
            Vec::new()
        } else {
            let actor = self.actor();
            let closing = Closing {
                actor: &actor,
                home,
                answers,
                about: &about,
                records: &self.records,
            };
            journal::close(&mut self.transaction, &closing).await?
        };
        match self.transaction.commit().await {
            Ok(()) => {}
            // The database said no: the act did not happen. Everything else leaves the outcome open.
            Err(error @ sqlx::Error::Database(_)) => return Err(error.into()),
            Err(error) => return Err(Error::outcome_unknown(error.to_string())),
        }
        let revision = heads
            .iter()
            .find(|(district, _)| *district == home)
            .map_or(0, |(_, head)| *head);
        if !heads.is_empty() {
            self.bell
                .ring(heads.into_iter().map(|(district, _)| district));
        }
        Ok(revision)
    }

    /// Undoes everything.
    pub(super) async fn roll_back(self) {
        if let Err(error) = self.transaction.rollback().await {
            // The connection is broken and will be closed; the database rolls back by itself.
            tracing::warn!(cause = %error, "a rollback did not reach the database");
        }
    }
}

/// Who acts, for the audit log.
pub(super) fn actor(caller: &Caller, method: &'static str) -> Actor {
    Actor {
        terminal: caller.name(),
        certificate_begins: caller.certificate.map(|certificate| certificate.begins_at),
        officer: caller
            .officer
            .as_ref()
            .map(|officer| (officer.officer_id, officer.shift_id)),
        method,
        trace_id: telemetry::trace_id(),
    }
}
