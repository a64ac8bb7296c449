//! The statements of submission: what is known of the persons, and what is kept of the answers.

use serde_json::json;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::Result,
    ids::{DecisionId, District, PrintRequestId, ResidentId, Subdistrict},
    policy::ApplicantClass,
    print_queue::{Applicant, CardState, EnrolmentState, Verdict, store::corrupt},
};

/// A person who is admitted to the queue.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The new request.
    pub print_request_id: PrintRequestId,
    /// Why the card is asked for.
    pub applicant_class: ApplicantClass,
    /// The person.
    pub applicant: &'a Applicant,
}

/// A refusal by policy.
#[derive(Debug)]
pub struct Decision<'a> {
    /// Its id.
    pub decision_id: DecisionId,
    /// Why the card was asked for.
    pub applicant_class: ApplicantClass,
    /// The reason's name in the contract.
    pub reason: &'static str,
    /// The person, with all that the decision saw.
    pub applicant: &'a Applicant,
}

/// What is known of these persons, each locked against a change of its facts. Persons of another district, and of another
/// subdistrict than the one given, are left out.
#[tracing::instrument(name = "sql.lock_applicants", skip_all, fields(persons = residents.len()))]
pub async fn lock_applicants(
    db: &mut PgConnection,
    residents: &[ResidentId],
    district: District,
    limit: Option<Subdistrict>,
) -> Result<Vec<Applicant>> {
    let ids: Vec<Uuid> = residents.iter().map(|id| id.uuid()).collect();
    // Residents are locked sorted, so that two batches with common persons cannot wait for each other crosswise.
    // Across: the verdict and the enrolment are registration's, the certificate is certificate's, cards are inventory's.
    let rows = sqlx::query!(
        r#"
        with person as materialized (
            select r.resident_id, r.subdistrict, r.identity_version, r.facts_version
            from resident r
            where r.resident_id = any($1) and r.district = $2 and ($3::integer is null or r.subdistrict = $3)
            order by r.resident_id
            for share
        )
        select p.resident_id, p.subdistrict, p.identity_version, p.facts_version, e.received_at,
            e.state as "enrolment: EnrolmentState", e.state_at as since,
            exists (
                select from print_ready v
                where v.resident_id = p.resident_id and v.identity_version = p.identity_version
            ) as "on_current_identity!",
            (
                select c.expires_on from interim_certificate c
                where c.resident_id = p.resident_id and c.state = 'ACTIVE'
            ) as certificate_until,
            array (
                select c.state from card c where c.resident_id = p.resident_id order by c.bound_at, c.serial
            ) as "cards!: Vec<CardState>",
            (
                select o.print_request_id from print_request o
                where o.resident_id = p.resident_id and o.state <> 'PRINTED'
            ) as open_request
        from person p
        join enrolment e on e.resident_id = p.resident_id
        "#,
        &ids,
        district.number(),
        limit.map(Subdistrict::number),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Applicant {
                resident_id: row.resident_id.into(),
                subdistrict: Subdistrict::from_number(row.subdistrict).map_err(corrupt)?,
                identity_version: row.identity_version,
                facts_version: row.facts_version,
                received_at: row.received_at,
                verdict: Verdict {
                    district,
                    enrolment: row.enrolment,
                    since: row.since,
                    on_current_identity: row.on_current_identity,
                },
                certificate_until: row.certificate_until,
                cards: row.cards,
                open_request: row.open_request.map(PrintRequestId::from),
            })
        })
        .collect()
}

/// Queues the submissions and keeps the decisions, in one statement. Answers how many were queued: fewer, if another
/// terminal has just queued one of the persons.
#[tracing::instrument(name = "sql.insert_print_requests", skip_all, fields(queued = submissions.len()))]
pub async fn insert(
    db: &mut PgConnection,
    (district, policy_version, at): (District, i32, OffsetDateTime),
    submissions: &[Submission<'_>],
    decisions: &[Decision<'_>],
) -> Result<usize> {
    let persons = || submissions.iter().map(|s| s.applicant);
    let ids: Vec<Uuid> = submissions
        .iter()
        .map(|s| s.print_request_id.uuid())
        .collect();
    let residents: Vec<Uuid> = persons().map(|p| p.resident_id.uuid()).collect();
    let subdistricts: Vec<i32> = persons().map(|p| p.subdistrict.number()).collect();
    let classes: Vec<ApplicantClass> = submissions.iter().map(|s| s.applicant_class).collect();
    let seniorities: Vec<OffsetDateTime> = persons().map(|p| p.received_at).collect();
    let identities: Vec<i32> = persons().map(|p| p.identity_version).collect();
    let facts: Vec<i32> = persons().map(|p| p.facts_version).collect();
    let refused = || decisions.iter().map(|d| d.applicant);
    let decision_ids: Vec<Uuid> = decisions.iter().map(|d| d.decision_id.uuid()).collect();
    let refused_residents: Vec<Uuid> = refused().map(|p| p.resident_id.uuid()).collect();
    let refused_classes: Vec<ApplicantClass> =
        decisions.iter().map(|d| d.applicant_class).collect();
    let reasons: Vec<String> = decisions.iter().map(|d| d.reason.to_owned()).collect();
    let seen: Vec<serde_json::Value> = refused().map(facts_of).collect();
    // In the order of the persons: two submissions wait for each other at the unique index, and never crosswise.
    let queued = sqlx::query_scalar!(
        r#"
        with decided as (
            insert into print_decision (
                decision_id, district, resident_id, applicant_class, policy_version, reason, facts, decided_at
            )
            select d.decision_id, $1, d.resident_id, d.class, $2, d.reason, d.facts, $3
            from unnest($11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::jsonb[])
                as d (decision_id, resident_id, class, reason, facts)
        )
        insert into print_request (
            print_request_id, district, subdistrict, resident_id, applicant_class, seniority_at,
            state, state_at, policy_version, identity_version, facts_version
        )
        select s.id, $1, s.subdistrict, s.resident_id, s.class, s.seniority_at, 'QUEUED', $3, $2, s.identity, s.facts
        from unnest(
            $4::uuid[], $5::uuid[], $6::integer[], $7::text[], $8::timestamptz[], $9::integer[], $10::integer[]
        ) as s (id, resident_id, subdistrict, class, seniority_at, identity, facts)
        order by s.resident_id
        on conflict (resident_id) where state <> 'PRINTED' do nothing
        returning print_request_id
        "#,
        district.number(),
        policy_version,
        at,
        &ids,
        &residents,
        &subdistricts,
        &classes as &[ApplicantClass],
        &seniorities,
        &identities,
        &facts,
        &decision_ids,
        &refused_residents,
        &refused_classes as &[ApplicantClass],
        &reasons,
        &seen,
    )
    .fetch_all(db)
    .await?;
    Ok(queued.len())
}

/// What a decision saw, for whoever asks later why: states and dates, nothing personal.
fn facts_of(applicant: &Applicant) -> serde_json::Value {
    json!({
        "enrolment_state": applicant.verdict.enrolment.name(),
        "enrolment_state_at": applicant.verdict.since.unix_timestamp(),
        "verdict_on_current_identity": applicant.verdict.on_current_identity,
        "interim_certificate_until": applicant.certificate_until.map(|date| date.to_string()),
        "cards": applicant.cards,
    })
}
