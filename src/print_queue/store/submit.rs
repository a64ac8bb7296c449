//! The statements of submission: what is known of the persons, and what is kept of the answers.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::Result,
    ids::{District, PrintRequestId, ResidentId, Subdistrict},
    policy::ApplicantClass,
    print_queue::{
        Applicant, CardState, Certificate, EnrolmentState, Life, PrintRequest, RequestState,
        Verdict,
        store::{
            corrupt,
            decision::{Columns, Decision, DecisionOutcome},
        },
    },
};

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
            select r.resident_id, r.subdistrict, r.identity_version, r.facts_version, r.has_phone, r.life
            from resident r
            where r.resident_id = any($1) and r.district = $2 and ($3::integer is null or r.subdistrict = $3)
            order by r.resident_id
            for share
        )
        select p.resident_id, p.subdistrict, p.identity_version, p.facts_version, p.has_phone,
            p.life as "life: Life", e.received_at,
            e.state as "enrolment: EnrolmentState", e.state_at as since,
            exists (
                select from print_ready v
                where v.resident_id = p.resident_id and v.identity_version = p.identity_version
            ) as "on_current_identity!",
            c.issued_at as "certificate_issued_at?", c.expires_on as "certificate_expires_on?",
            array (
                select k.state from card k where k.resident_id = p.resident_id order by k.bound_at, k.serial
            ) as "cards!: Vec<CardState>",
            (
                select o.print_request_id from print_request o
                where o.resident_id = p.resident_id and o.state not in ('PRINTED', 'CANCELLED')
            ) as open_request
        from person p
        join enrolment e on e.resident_id = p.resident_id
        left join interim_certificate c on c.resident_id = p.resident_id and c.state = 'ACTIVE'
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
                life: row.life,
                has_phone: row.has_phone,
                certificate: row
                    .certificate_issued_at
                    .zip(row.certificate_expires_on)
                    .map(|(issued_at, expires_on)| Certificate {
                        issued_at,
                        expires_on,
                    }),
                cards: row.cards,
                open_request: row.open_request.map(PrintRequestId::from),
            })
        })
        .collect()
}

/// Takes new requests, each with its first stage, and keeps the decisions, in one statement. Answers how many requests were
/// taken: fewer, if another terminal has just taken one of the persons.
#[tracing::instrument(name = "sql.insert_print_requests", skip_all, fields(requests = requests.len()))]
pub async fn insert(
    db: &mut PgConnection,
    (district, at): (District, OffsetDateTime),
    requests: &[PrintRequest],
    decisions: &[Decision],
) -> Result<usize> {
    let ids: Vec<Uuid> = requests.iter().map(|r| r.print_request_id.uuid()).collect();
    let subdistricts: Vec<i32> = requests.iter().map(|r| r.subdistrict.number()).collect();
    let sites: Vec<String> = requests.iter().map(|r| r.site.clone()).collect();
    let residents: Vec<Uuid> = requests.iter().map(|r| r.resident_id.uuid()).collect();
    let classes: Vec<ApplicantClass> = requests.iter().map(|r| r.applicant_class).collect();
    let seniorities: Vec<OffsetDateTime> = requests.iter().map(|r| r.seniority_at).collect();
    let enrolled: Vec<Date> = requests.iter().map(|r| r.enrolled_on).collect();
    let states: Vec<RequestState> = requests.iter().map(|r| r.standing.state()).collect();
    let holds: Vec<String> = requests
        .iter()
        .map(|r| r.standing.hold_reasons().names())
        .collect();
    let policies: Vec<i32> = requests.iter().map(|r| r.policy_version).collect();
    let identities: Vec<i32> = requests.iter().map(|r| r.identity_version).collect();
    let facts: Vec<i32> = requests.iter().map(|r| r.facts_version).collect();
    let of = Columns::of(decisions);
    // In the order of the persons: two submissions wait for each other at the unique index, and never crosswise.
    let taken = sqlx::query_scalar!(
        r#"
        with decided as (
            insert into print_decision (
                decision_id, district, resident_id, print_request_id, applicant_class, policy_version, outcome, reasons,
                facts, decided_at
            )
            select d.decision_id, $1, d.resident_id, d.print_request_id, d.class, d.policy_version, d.outcome,
                coalesce(string_to_array(nullif(d.reasons, ''), ','), '{}'), d.facts, $2
            from unnest(
                $15::uuid[], $16::uuid[], $17::uuid[], $18::text[], $19::integer[], $20::text[], $21::text[], $22::jsonb[]
            ) as d (decision_id, resident_id, print_request_id, class, policy_version, outcome, reasons, facts)
        ), taken as (
            insert into print_request (
                print_request_id, district, subdistrict, site, resident_id, applicant_class, seniority_at, requested_at,
                enrolled_on, state, state_at, hold_reasons, policy_version, identity_version, facts_version
            )
            select s.id, $1, s.subdistrict, s.site, s.resident_id, s.class, s.seniority_at, $2, s.enrolled_on, s.state, $2,
                coalesce(string_to_array(nullif(s.holds, ''), ','), '{}'), s.policy_version, s.identity, s.facts
            from unnest(
                $3::uuid[], $4::integer[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[], $9::date[], $10::text[],
                $11::text[], $12::integer[], $13::integer[], $14::integer[]
            ) as s (
                id, subdistrict, site, resident_id, class, seniority_at, enrolled_on, state, holds, policy_version,
                identity, facts
            )
            order by s.resident_id
            on conflict (resident_id) where state not in ('PRINTED', 'CANCELLED') do nothing
            returning print_request_id, stage, district, state, hold_reasons, applicant_class, seniority_at, state_at
        )
        insert into request_stage (
            print_request_id, stage, district, state, hold_reasons, applicant_class, seniority_at, began_at
        )
        select * from taken
        returning print_request_id
        "#,
        district.number(),
        at,
        &ids,
        &subdistricts,
        &sites,
        &residents,
        &classes as &[ApplicantClass],
        &seniorities,
        &enrolled,
        &states as &[RequestState],
        &holds,
        &policies,
        &identities,
        &facts,
        &of.ids,
        &of.residents,
        &of.requests as &[Option<Uuid>],
        &of.classes as &[ApplicantClass],
        &of.policies,
        &of.outcomes as &[DecisionOutcome],
        &of.reasons,
        &of.facts,
    )
    .fetch_all(db)
    .await?;
    Ok(taken.len())
}
