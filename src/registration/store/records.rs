//! Recording: what is known of a NIK, new persons with their enrolments, late biometric packages.
//!
//! Everything for a whole chunk of an import goes in one statement of each kind.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{Row, district};
use crate::{
    error::Result,
    ids::{EnrolmentId, Sex},
    registration::{Draft, Enrolment, EnrolmentReason, EnrolmentState, Known, Life},
};

/// A new person with the enrolment, ready to be inserted.
#[derive(Debug)]
pub struct New<'a> {
    /// As an event and an answer see it.
    pub enrolment: Enrolment,
    /// What the terminal sent.
    pub draft: &'a Draft,
    /// The keyed index of the NIK.
    pub nik_index: Vec<u8>,
    /// The sealed person.
    pub sealed: Vec<u8>,
    /// The local day.
    pub enrolled_on: Date,
}

/// What is known of these NIKs (by their index), with the district's own enrolments locked.
#[tracing::instrument(name = "sql.lock_known", skip_all, fields(niks = nik_indexes.len()))]
pub async fn lock_known(
    db: &mut PgConnection,
    nik_indexes: &[Vec<u8>],
) -> Result<Vec<(Vec<u8>, Known)>> {
    // In the order of the persons, so that two imports with common people cannot wait for each other crosswise. The
    // function tells of everybody which district, and of the scope's own people who they are. Its columns are never null
    // but the person.
    let rows = sqlx::query!(
        r#"
        with holder as materialized (
            select nik_index, resident_id, district, enrolled_on from nik_holders($1)
        ), own as materialized (
            select e.resident_id, e.enrolment_id, e.state, r.life
            from enrolment e
            join resident r on r.resident_id = e.resident_id
            where e.resident_id = any (array (select h.resident_id from holder h))
            order by e.resident_id
            for update of e
        )
        select h.nik_index as "nik_index!", h.district as "district!", h.enrolled_on as "enrolled_on!",
            o.enrolment_id as "enrolment_id?", o.state as "state?: EnrolmentState",
            o.life as "life?: Life"
        from holder h
        left join own o on o.resident_id = h.resident_id
        "#,
        nik_indexes,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let known = Known {
                district: district(row.district)?,
                enrolled_on: row.enrolled_on,
                own: match (row.enrolment_id, row.state, row.life) {
                    (Some(id), Some(state), Some(life)) => Some((id.into(), state, life)),
                    (None, _, _) | (_, None, _) | (_, _, None) => None,
                },
            };
            Ok((row.nik_index, known))
        })
        .collect()
}

/// Inserts new persons with their enrolments in one statement. Answers how many NIKs were free: a person whom another
/// office has just recorded is left out.
#[tracing::instrument(name = "sql.insert_enrolments", skip_all, fields(enrolments = new.len()))]
pub async fn insert(db: &mut PgConnection, new: &[New<'_>]) -> Result<usize> {
    let residents: Vec<Uuid> = new.iter().map(|n| n.enrolment.resident_id.uuid()).collect();
    let enrolments: Vec<Uuid> = new
        .iter()
        .map(|n| n.enrolment.enrolment_id.uuid())
        .collect();
    let districts: Vec<i32> = new.iter().map(|n| n.enrolment.district.number()).collect();
    let villages: Vec<i64> = new.iter().map(|n| n.enrolment.village.number()).collect();
    let births: Vec<Date> = new.iter().map(|n| n.draft.birth_date).collect();
    let sexes: Vec<String> = new.iter().map(|n| sex(n.draft.sex).to_owned()).collect();
    let sealed: Vec<Vec<u8>> = new.iter().map(|n| n.sealed.clone()).collect();
    let phones: Vec<bool> = new.iter().map(|n| n.draft.person.phone.is_some()).collect();
    let indexes: Vec<Vec<u8>> = new.iter().map(|n| n.nik_index.clone()).collect();
    let days: Vec<Date> = new.iter().map(|n| n.enrolled_on).collect();
    let packages: Vec<Option<String>> = new
        .iter()
        .map(|n| n.draft.biometric_package.clone())
        .collect();
    let states: Vec<EnrolmentState> = new.iter().map(|n| n.enrolment.state).collect();
    let reasons: Vec<Option<EnrolmentReason>> = new.iter().map(|n| n.enrolment.reason).collect();
    let captured: Vec<OffsetDateTime> = new.iter().map(|n| n.enrolment.captured_at).collect();
    let received: Vec<OffsetDateTime> = new.iter().map(|n| n.enrolment.received_at).collect();
    // The NIK is claimed first; only claimed ones go on. Foreign keys are checked when the whole statement has ended.
    let claimed = sqlx::query_scalar!(
        r#"
        with draft as (
            select * from unnest(
                $1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::date[], $6::text[], $7::bytea[], $8::boolean[],
                $9::bytea[], $10::date[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[]
            ) as d (
                resident_id, enrolment_id, district, village, birth_date, sex, sealed, has_phone,
                nik_index, enrolled_on, package, state, reason, captured_at, received_at
            )
        ), claimed as (
            insert into resident_nik (nik_index, resident_id, district, enrolled_on)
            select nik_index, resident_id, district, enrolled_on from draft order by nik_index
            on conflict (nik_index) do nothing
            returning resident_id
        ), person as (
            insert into resident (
                resident_id, district, subdistrict, village, birth_date, sex, sealed, has_phone, recorded_at
            )
            select resident_id, district, (village / 10000)::integer, village, birth_date, sex, sealed, has_phone, received_at
            from draft join claimed using (resident_id)
        )
        insert into enrolment (
            enrolment_id, district, subdistrict, village, resident_id, state, reason, state_at,
            biometric_package, captured_at, received_at
        )
        select enrolment_id, district, (village / 10000)::integer, village, resident_id, state, reason, received_at,
            package, captured_at, received_at
        from draft join claimed using (resident_id)
        returning resident_id
        "#,
        &residents,
        &enrolments,
        &districts,
        &villages,
        &births,
        &sexes,
        &sealed,
        &phones,
        &indexes,
        &days,
        &packages as &[Option<String>],
        &states as &[EnrolmentState],
        &reasons as &[Option<EnrolmentReason>],
        &captured,
        &received,
    )
    .fetch_all(db)
    .await?;
    Ok(claimed.len())
}

/// Gives recorded enrolments their biometric packages and sends them.
#[tracing::instrument(name = "sql.complete_enrolments", skip_all, fields(enrolments = packages.len()))]
pub async fn complete(
    db: &mut PgConnection,
    packages: &[(EnrolmentId, &str)],
    at: OffsetDateTime,
) -> Result<Vec<Enrolment>> {
    let ids: Vec<Uuid> = packages.iter().map(|(id, _)| id.uuid()).collect();
    let references: Vec<String> = packages
        .iter()
        .map(|(_, package)| (*package).to_owned())
        .collect();
    // Received again: without biometrics there was nothing that could have stood in the national order.
    let rows = sqlx::query_as!(
        Row,
        r#"
        update enrolment as e
        set state = 'SENT', reason = 'AWAITING_CENTRE', state_at = $3, biometric_package = p.package, received_at = $3
        from unnest($1::uuid[], $2::text[]) as p (enrolment_id, package)
        where e.enrolment_id = p.enrolment_id and e.state = 'RECORDED'
        returning e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at,
            (select r.life from resident r where r.resident_id = e.resident_id) as "life!: Life"
        "#,
        &ids,
        &references,
        at,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Enrolment::try_from).collect()
}

pub(super) fn sex(sex: Sex) -> &'static str {
    match sex {
        Sex::Female => "FEMALE",
        Sex::Male => "MALE",
    }
}
