//! All SQL of the interim certificates.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    certificate::{CertificateState, Current, InterimCertificate, ToIssue},
    error::Result,
    ids::{CertificateId, District, ResidentId},
};

/// Digits of the running number; a larger number simply has more.
const NUMBER_DIGITS: i32 = 6;

/// The certificates of one act: all of one office and one day.
#[derive(Debug)]
pub(super) struct Issue<'a> {
    pub(super) district: District,
    pub(super) at: OffsetDateTime,
    pub(super) issued_on: Date,
    pub(super) expires_on: Date,
    pub(super) new: Vec<(CertificateId, &'a ToIssue)>,
    pub(super) renews: Vec<CertificateId>,
}

/// The persons' current certificates, locked; who has none is left out.
#[tracing::instrument(name = "sql.lock_current_certificates", skip_all, fields(residents = residents.len()))]
pub(super) async fn lock_current(
    db: &mut PgConnection,
    residents: &[ResidentId],
) -> Result<BTreeMap<ResidentId, Current>> {
    let residents: Vec<Uuid> = residents.iter().map(|id| id.uuid()).collect();
    // In the order of the persons, so that two acts with common persons cannot wait for each other crosswise.
    let rows = sqlx::query!(
        r#"
        select resident_id, certificate_id, expires_on
        from interim_certificate
        where resident_id = any($1) and state = 'ACTIVE'
        order by resident_id
        for update
        "#,
        &residents,
    )
    .fetch_all(db)
    .await?;
    let current = |row: (Uuid, Uuid, Date)| {
        let (resident, certificate_id, expires_on) = row;
        let certificate_id = certificate_id.into();
        (
            resident.into(),
            Current {
                certificate_id,
                expires_on,
            },
        )
    };
    Ok(rows
        .into_iter()
        .map(|row| current((row.resident_id, row.certificate_id, row.expires_on)))
        .collect())
}

/// Numbers and inserts certificates and marks the replaced ones, in one statement. Answers the numbers of those inserted:
/// a person who got a certificate from another act in the same moment is left out.
#[tracing::instrument(name = "sql.insert_certificates", skip_all, fields(certificates = issue.new.len()))]
pub(super) async fn insert(
    db: &mut PgConnection,
    issue: &Issue<'_>,
) -> Result<BTreeMap<CertificateId, String>> {
    let ids: Vec<Uuid> = issue.new.iter().map(|(id, _)| id.uuid()).collect();
    let residents: Vec<Uuid> = issue
        .new
        .iter()
        .map(|(_, to)| to.resident_id.uuid())
        .collect();
    let states: Vec<String> = issue
        .new
        .iter()
        .map(|(_, to)| to.enrolment_state.to_owned())
        .collect();
    let renews: Vec<Uuid> = issue.renews.iter().map(|id| id.uuid()).collect();
    let count = i32::try_from(ids.len()).expect("a batch has at most a hundred items");
    let year = issue.issued_on.year();
    let prefix = format!("{}/{year}/", issue.district);
    // The replaced ones are counted before a new one goes in: of two active certificates of a person the index would
    // refuse one. The counter's row lock makes the numbers dense.
    let rows = sqlx::query!(
        r#"
        with draft as (
            select d.certificate_id, d.resident_id, d.enrolment_state, d.place
            from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality
                as d (certificate_id, resident_id, enrolment_state, place)
        ), renewed as (
            update interim_certificate
            set state = 'RENEWED'
            where certificate_id = any($4) and state = 'ACTIVE'
            returning certificate_id
        ), counter as (
            insert into certificate_counter (district, year, last)
            values ($5, $6, $7)
            on conflict (district, year) do update set last = certificate_counter.last + $7
            returning last - $7 as used
        ), numbered as (
            select d.certificate_id, d.resident_id, d.enrolment_state, (c.used + d.place)::text as number
            from draft d
            cross join counter c
            cross join (select count(*) as renewals from renewed) r
            where r.renewals = cardinality($4)
        )
        insert into interim_certificate (
            certificate_id, district, resident_id, number, state, issued_on, expires_on, enrolment_state, issued_at
        )
        select certificate_id, $5, resident_id, $8 || lpad(number, greatest($9, length(number)), '0'), 'ACTIVE',
            $10, $11, enrolment_state, $12
        from numbered
        order by resident_id
        on conflict (resident_id) where state = 'ACTIVE' do nothing
        returning certificate_id, number
        "#,
        &ids,
        &residents,
        &states,
        &renews,
        issue.district.number(),
        year,
        count,
        prefix,
        NUMBER_DIGITS,
        issue.issued_on,
        issue.expires_on,
        issue.at,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.certificate_id.into(), row.number))
        .collect())
}

/// Takes the person's current certificate back; answers whether there was one.
#[tracing::instrument(name = "sql.surrender_certificate", skip_all)]
pub(super) async fn surrender(db: &mut PgConnection, resident: ResidentId) -> Result<bool> {
    let updated = sqlx::query!(
        r#"
        update interim_certificate
        set state = 'SURRENDERED'
        where resident_id = $1 and state = 'ACTIVE'
        "#,
        resident.uuid(),
    )
    .execute(db)
    .await?
    .rows_affected();
    Ok(updated == 1)
}

/// Revokes the person's current certificate, if there is one.
#[tracing::instrument(name = "sql.revoke_certificate", skip_all)]
pub(super) async fn revoke(db: &mut PgConnection, resident: ResidentId) -> Result<()> {
    sqlx::query!(
        "update interim_certificate set state = 'REVOKED' where resident_id = $1 and state = 'ACTIVE'",
        resident.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The person's current certificate.
#[tracing::instrument(name = "sql.find_current_certificate", skip_all)]
pub(super) async fn find_current(
    db: &mut PgConnection,
    resident: ResidentId,
) -> Result<Option<InterimCertificate>> {
    let row = sqlx::query!(
        r#"
        select certificate_id, number, state as "state: CertificateState", issued_on, expires_on, enrolment_state
        from interim_certificate
        where resident_id = $1 and state = 'ACTIVE'
        "#,
        resident.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| InterimCertificate {
        certificate_id: row.certificate_id.into(),
        number: row.number,
        state: row.state,
        issued_on: row.issued_on,
        expires_on: row.expires_on,
        enrolment_state: row.enrolment_state,
    }))
}
