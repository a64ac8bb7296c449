//! Decisions of policy about persons: what each says and what it saw. Submission keeps its own in the statement that takes
//! its requests; the review keeps them by [`keep_decisions`].

use serde_json::{Value, json};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::Result,
    ids::{DecisionId, District, PrintRequestId, ResidentId},
    policy::{ApplicantClass, Documents},
    print_queue::Applicant,
};

/// A decision of policy about a person.
#[derive(Debug)]
pub struct Decision {
    /// Its id.
    pub decision_id: DecisionId,
    /// The person.
    pub resident_id: ResidentId,
    /// The request that it admits, holds or releases; none of a refusal.
    pub print_request_id: Option<PrintRequestId>,
    /// Why the card was asked for.
    pub applicant_class: ApplicantClass,
    /// Under which policy.
    pub policy_version: i32,
    /// What it says.
    pub outcome: DecisionOutcome,
    /// The reasons' names in the contract, with commas between them; empty where nothing stands against it.
    pub reasons: String,
    /// What it saw: states and dates, nothing personal.
    pub facts: Value,
}

/// What a decision of policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DecisionOutcome {
    /// Into the queue.
    Admitted,
    /// Taken, and kept out of the queue.
    Held,
    /// Let into the queue after a hold.
    Released,
    /// Not taken.
    Refused,
}

/// What a submission saw of a person, for whoever asks later why.
pub fn facts_of(applicant: &Applicant, shown: Documents, site_room: Option<i64>) -> Value {
    json!({
        "enrolment_state": applicant.verdict.enrolment.name(),
        "enrolment_state_at": applicant.verdict.since.unix_timestamp(),
        "verdict_on_current_identity": applicant.verdict.on_current_identity,
        "interim_certificate_until": applicant.certificate.map(|c| c.expires_on.to_string()),
        "has_phone": applicant.has_phone,
        "enrolment_received_at": applicant.received_at.unix_timestamp(),
        "cards": applicant.cards,
        "documents_shown": shown.names(),
        "site_room": site_room,
    })
}

/// Keeps decisions about requests of one district.
#[tracing::instrument(name = "sql.keep_decisions", skip_all, fields(decisions = decisions.len()))]
pub async fn keep_decisions(
    db: &mut PgConnection,
    (district, at): (District, OffsetDateTime),
    decisions: &[Decision],
) -> Result<()> {
    let of = Columns::of(decisions);
    sqlx::query!(
        r#"
        insert into print_decision (
            decision_id, district, resident_id, print_request_id, applicant_class, policy_version, outcome, reasons,
            facts, decided_at
        )
        select d.decision_id, $1, d.resident_id, d.print_request_id, d.class, d.policy_version, d.outcome,
            coalesce(string_to_array(nullif(d.reasons, ''), ','), '{}'), d.facts, $2
        from unnest(
            $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::jsonb[]
        ) as d (decision_id, resident_id, print_request_id, class, policy_version, outcome, reasons, facts)
        "#,
        district.number(),
        at,
        &of.ids,
        &of.residents,
        &of.requests as &[Option<Uuid>],
        &of.classes as &[ApplicantClass],
        &of.policies,
        &of.outcomes as &[DecisionOutcome],
        &of.reasons,
        &of.facts,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Decisions, column by column.
pub(super) struct Columns {
    pub(super) ids: Vec<Uuid>,
    pub(super) residents: Vec<Uuid>,
    pub(super) requests: Vec<Option<Uuid>>,
    pub(super) classes: Vec<ApplicantClass>,
    pub(super) policies: Vec<i32>,
    pub(super) outcomes: Vec<DecisionOutcome>,
    pub(super) reasons: Vec<String>,
    pub(super) facts: Vec<Value>,
}

impl Columns {
    pub(super) fn of(decisions: &[Decision]) -> Self {
        let each = || decisions.iter();
        Self {
            ids: each().map(|d| d.decision_id.uuid()).collect(),
            residents: each().map(|d| d.resident_id.uuid()).collect(),
            requests: each()
                .map(|d| d.print_request_id.map(|id| id.uuid()))
                .collect(),
            classes: each().map(|d| d.applicant_class).collect(),
            policies: each().map(|d| d.policy_version).collect(),
            outcomes: each().map(|d| d.outcome).collect(),
            reasons: each().map(|d| d.reasons.clone()).collect(),
            facts: each().map(|d| d.facts.clone()).collect(),
        }
    }
}
