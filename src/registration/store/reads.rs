//! What is read of enrolments: one with its sealed person, a page of a district's, and those that ask for a certificate.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;
use crate::{
    error::Result,
    ids::{District, EnrolmentId, Subdistrict},
    registration::{Applicant, Enrolment, EnrolmentReason, EnrolmentState, Filter, Life},
};

/// An enrolment with what is personal, still sealed.
#[derive(Debug)]
pub struct Sealed {
    /// The enrolment.
    pub enrolment: Enrolment,
    /// The sealed person.
    pub person: Vec<u8>,
}

/// The enrolment of this id, or of the person with this NIK (by its index), if the caller may see it.
#[tracing::instrument(name = "sql.find_enrolment", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    id: Option<EnrolmentId>,
    nik_index: Option<&[u8]>,
    filter: &Filter,
) -> Result<Option<Sealed>> {
    let row = sqlx::query!(
        r#"
        select e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at, r.life as "life: Life", r.sealed
        from enrolment e
        join resident r on r.resident_id = e.resident_id
        where (e.enrolment_id = $1 or e.resident_id = (select n.resident_id from resident_nik n where n.nik_index = $2))
            and e.district = $3
            and ($4::integer is null or e.subdistrict = $4)
        "#,
        id.map(EnrolmentId::uuid),
        nik_index,
        filter.district.number(),
        filter.limit.map(Subdistrict::number),
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let enrolment = Enrolment::try_from(Row {
            enrolment_id: row.enrolment_id,
            resident_id: row.resident_id,
            district: row.district,
            subdistrict: row.subdistrict,
            village: row.village,
            state: row.state,
            reason: row.reason,
            state_at: row.state_at,
            captured_at: row.captured_at,
            received_at: row.received_at,
            life: row.life,
        })?;
        Ok(Sealed {
            enrolment,
            person: row.sealed,
        })
    })
    .transpose()
}

/// A page of a district's enrolments, oldest receipt first, from behind `after`.
#[tracing::instrument(name = "sql.list_enrolments", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    filter: &Filter,
    after: Option<(OffsetDateTime, EnrolmentId)>,
    limit: i64,
) -> Result<Vec<Enrolment>> {
    let (after_at, after_id) = after.unwrap_or_else(beginning);
    let rows = sqlx::query_as!(
        Row,
        r#"
        select enrolment_id, resident_id, district, subdistrict, village,
            state as "state: EnrolmentState", reason as "reason: EnrolmentReason",
            state_at, captured_at, received_at,
            (select r.life from resident r where r.resident_id = enrolment.resident_id) as "life!: Life"
        from enrolment
        where district = $1
            and ($2::integer is null or subdistrict = $2)
            and ($3::integer is null or subdistrict = $3)
            and ($4::text is null or state = $4)
            and (received_at, enrolment_id) > ($5, $6)
        order by received_at, enrolment_id
        limit $7
        "#,
        filter.district.number(),
        filter.limit.map(Subdistrict::number),
        filter.subdistrict.map(Subdistrict::number),
        filter.state as Option<EnrolmentState>,
        after_at,
        after_id.uuid(),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Enrolment::try_from).collect()
}

/// A page of a district's enrolments that are not print-ready, of people who live there, from behind `after`.
#[tracing::instrument(name = "sql.page_of_open_enrolments", skip_all)]
pub async fn page_of_open(
    db: &mut PgConnection,
    district: District,
    after: Option<(OffsetDateTime, EnrolmentId)>,
    size: i64,
) -> Result<Vec<Enrolment>> {
    let (after_at, after_id) = after.unwrap_or_else(beginning);
    // The first condition is the index's own.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at, r.life as "life: Life"
        from enrolment e
        join resident r on r.resident_id = e.resident_id
        where e.state <> 'PRINT_READY' and e.district = $1 and (e.received_at, e.enrolment_id) > ($2, $3)
            and r.life = 'RESIDENT'
        order by e.received_at, e.enrolment_id
        limit $4
        "#,
        district.number(),
        after_at,
        after_id.uuid(),
        size,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Enrolment::try_from).collect()
}

/// Nothing was received before this.
fn beginning() -> (OffsetDateTime, EnrolmentId) {
    (OffsetDateTime::UNIX_EPOCH, EnrolmentId::from(Uuid::nil()))
}

/// The enrolments whose persons ask for a certificate, if the caller may see them, with the persons' facts locked.
#[tracing::instrument(name = "sql.lock_applicants", skip_all, fields(enrolments = ids.len()))]
pub async fn lock_applicants(
    db: &mut PgConnection,
    ids: &[EnrolmentId],
    filter: &Filter,
) -> Result<BTreeMap<EnrolmentId, Applicant>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // The cards are inventory's, further down; only read. Two questions, because each has an index of its own. An exists
    // is never null.
    let rows = sqlx::query!(
        r#"
        select e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at, r.life as "life: Life",
            exists (
                select 1 from card c where c.resident_id = e.resident_id and c.state = 'AT_SITE'
            ) as "card_awaits!",
            exists (
                select 1 from card c where c.resident_id = e.resident_id and c.state = 'HANDED_OVER'
            ) as "card_held!"
        from enrolment e
        join resident r on r.resident_id = e.resident_id
        where e.enrolment_id = any($1)
            and e.district = $2
            and ($3::integer is null or e.subdistrict = $3)
        order by e.resident_id
        for share of r
        "#,
        &ids,
        filter.district.number(),
        filter.limit.map(Subdistrict::number),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let enrolment = Enrolment::try_from(Row {
                enrolment_id: row.enrolment_id,
                resident_id: row.resident_id,
                district: row.district,
                subdistrict: row.subdistrict,
                village: row.village,
                state: row.state,
                reason: row.reason,
                state_at: row.state_at,
                captured_at: row.captured_at,
                received_at: row.received_at,
                life: row.life,
            })?;
            let (card_awaits, card_held) = (row.card_awaits, row.card_held);
            Ok((
                enrolment.enrolment_id,
                Applicant {
                    enrolment,
                    card_awaits,
                    card_held,
                },
            ))
        })
        .collect()
}
