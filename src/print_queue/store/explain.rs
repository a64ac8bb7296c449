//! What is read to say why somebody waits. Nothing is locked: the answer is true of one moment.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::Result,
    ids::{District, PrintRequestId, ResidentId, Subdistrict},
    policy::{ApplicantClass, Document},
    print_queue::{
        Applicant, CardState, Certificate, Draft, EnrolmentState, HoldReason, HoldReasons, Known,
        Life, Place, PrintRequest, Verdict, store::corrupt,
    },
};

/// What stands around a request.
#[tracing::instrument(name = "sql.surroundings", skip_all)]
pub async fn surroundings(db: &mut PgConnection, request: &PrintRequest) -> Result<Known> {
    // Across: stock and cards are inventory's, person and enrolment registration's.
    let row = sqlx::query!(
        r#"
        select exists (
            select from resident r
            join enrolment e on e.resident_id = r.resident_id and e.state = 'PRINT_READY'
            where r.resident_id = $2 and r.identity_version = $3
        ) as "print_ready!", exists (
            select from card k where k.print_request_id = $4 and k.resident_id = $2 and k.state = 'AT_SITE'
        ) as "awaits_holder!", (
            select coalesce(sum(upper(u.serials) - lower(u.serials)), 0)
            from location l
            join custody u on u.location = l.location and u.state = 'IN_STOCK'
            where l.district = $1
        )::bigint - (
            select count(*) from print_request where district = $1 and state = 'LEASED'
        ) as "blanks!"
        "#,
        request.district.number(),
        request.resident_id.uuid(),
        request.identity_version,
        request.print_request_id.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(Known {
        print_ready: row.print_ready,
        blanks: row.blanks,
        awaits_holder: row.awaits_holder,
    })
}

/// How many queued requests of the district stand before a place, class by class, in this order of the classes.
#[tracing::instrument(name = "sql.count_ahead_by_class", skip_all)]
pub async fn count_ahead_by_class(
    db: &mut PgConnection,
    district: District,
    place: &Place,
    order: &[ApplicantClass],
) -> Result<Vec<(ApplicantClass, i64)>> {
    let upto: Vec<ApplicantClass> = order
        .iter()
        .copied()
        .take_while(|class| *class != place.applicant_class)
        .chain([place.applicant_class])
        .collect();
    // One stretch of the index for each class.
    let rows = sqlx::query!(
        r#"
        select c.class as "class!: ApplicantClass", n.ahead as "ahead!"
        from unnest($2::text[]) with ordinality as c (class, place)
        cross join lateral (
            select count(*) as ahead from print_request p
            where p.district = $1 and p.state = 'QUEUED' and p.applicant_class = c.class
                and (c.class <> $3 or (p.seniority_at, p.print_request_id) < ($4, $5))
        ) as n
        where n.ahead > 0
        order by c.place
        "#,
        district.number(),
        &upto as &[ApplicantClass],
        place.applicant_class as ApplicantClass,
        place.seniority_at,
        place.print_request_id.uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.class, row.ahead)).collect())
}

/// Since when each of these reasons has held a request without a break.
#[tracing::instrument(name = "sql.held_since", skip_all)]
pub async fn held_since(
    db: &mut PgConnection,
    request: PrintRequestId,
    reasons: HoldReasons,
) -> Result<Vec<(HoldReason, OffsetDateTime)>> {
    let reasons: Vec<HoldReason> = reasons.iter().collect();
    let rows = sqlx::query!(
        r#"
        select h.reason as "reason!: HoldReason", (
            select min(s.began_at) from request_stage s
            where s.print_request_id = $1 and s.stage > coalesce((
                select max(b.stage) from request_stage b
                where b.print_request_id = $1 and not h.reason = any(b.hold_reasons)
            ), 0)
        ) as "since!"
        from unnest($2::text[]) with ordinality as h (reason, place)
        order by h.place
        "#,
        request.uuid(),
        &reasons as &[HoldReason],
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.reason, row.since))
        .collect())
}

/// A person of the district as a submission would see it, and the request to be told about: the open one, or the one
/// whose card awaits its holder.
#[tracing::instrument(name = "sql.look_at_applicant", skip_all)]
pub async fn look_at_applicant(
    db: &mut PgConnection,
    resident: ResidentId,
    district: District,
) -> Result<Option<(Applicant, Option<PrintRequestId>)>> {
    // Across, as submission reads them, without its lock: registration's, certificate's and inventory's tables.
    let row = sqlx::query!(
        r#"
        select r.resident_id, r.subdistrict, r.identity_version, r.facts_version, r.has_phone, r.life as "life: Life",
            e.received_at, e.state as "enrolment: EnrolmentState", e.state_at as since,
            exists (
                select from print_ready v
                where v.resident_id = r.resident_id and v.identity_version = r.identity_version
            ) as "on_current_identity!",
            c.issued_at as "issued_at?", c.expires_on as "expires_on?",
            array (
                select k.state from card k where k.resident_id = r.resident_id order by k.bound_at, k.serial
            ) as "cards!: Vec<CardState>",
            (
                select o.print_request_id from print_request o
                where o.resident_id = r.resident_id and o.state not in ('PRINTED', 'CANCELLED')
            ) as open_request,
            (
                select k.print_request_id from card k where k.resident_id = r.resident_id and k.state = 'AT_SITE'
            ) as awaiting
        from resident r
        join enrolment e on e.resident_id = r.resident_id
        left join interim_certificate c on c.resident_id = r.resident_id and c.state = 'ACTIVE'
        where r.resident_id = $1 and r.district = $2
        "#,
        resident.uuid(),
        district.number(),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let told = row.open_request.or(row.awaiting).map(PrintRequestId::from);
    let certificate = row.issued_at.zip(row.expires_on);
    let applicant = Applicant {
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
        certificate: certificate.map(|(issued_at, expires_on)| Certificate {
            issued_at,
            expires_on,
        }),
        cards: row.cards,
        open_request: row.open_request.map(PrintRequestId::from),
    };
    Ok(Some((applicant, told)))
}

/// What was asked for last and refused, if nothing was taken since.
#[tracing::instrument(name = "sql.last_refusal", skip_all)]
pub async fn last_refusal(
    db: &mut PgConnection,
    resident: ResidentId,
) -> Result<Option<(Draft, OffsetDateTime)>> {
    let row = sqlx::query!(
        r#"
        select d.applicant_class as "class: ApplicantClass", d.outcome = 'REFUSED' as "refused!", d.facts, d.decided_at
        from print_decision d
        where d.resident_id = $1
        order by d.decided_at desc
        limit 1
        "#,
        resident.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.refused).map(|row| {
        let draft = Draft {
            resident_id: resident,
            applicant_class: row.class,
            documents: shown(&row.facts),
        };
        (draft, row.decided_at)
    }))
}

/// The papers that the officer had seen.
fn shown(facts: &Value) -> Vec<Document> {
    let names = facts["documents_shown"].as_str().unwrap_or_default();
    let names: Vec<&str> = names.split(',').collect();
    let wanted = |document: &Document| names.contains(&document.name());
    Document::ALL.into_iter().filter(wanted).collect()
}
