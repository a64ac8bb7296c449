//! The five newspaper articles as tests: each rule that they tell has one, by its number and with the article's figures.
//! S0 Pasuruan, S1 Bogor, S2 Palembang, S4 Bengkalis; rules of single requests stand in `print_queue`.
//!
//! Crowds are put into the tables at once, as an import would leave them; the rule itself always runs through the clients.

mod bengkalis;
mod bogor;
mod palembang;
mod pasuruan;

use ektp::proto::{self, ApplicantClass};

use crate::{
    print_queue::fates,
    support::office::{Client, Office},
};

/// Of a batch.
const BATCH: usize = 100;

/// People of one district, enrolled a second apart, with interim certificates; the first `ready` of them print-ready, the rest
/// still checked at the centre. Answers their ids in the order of their enrolment.
async fn crowd(office: &Office, district: i32, (count, ready): (i32, i32)) -> Vec<String> {
    sqlx::query_scalar(
        "with person as materialized (
             select gen_random_uuid() as resident, gen_random_uuid() as enrolment, n,
                 timestamptz '2016-12-01 01:00 UTC' + n * interval '1 second' as received
             from generate_series(1, $2) as n
         ), resident_row as (
             insert into resident (
                 resident_id, district, subdistrict, village, birth_date, sex, sealed, has_phone, recorded_at
             )
             select p.resident, $1, $1 * 100 + 1, ($1 * 100 + 1)::bigint * 10000 + 1001, date '1990-01-01', 'FEMALE', '\\x00',
                 true, p.received
             from person as p
         ), enrolment_row as (
             insert into enrolment (
                 enrolment_id, district, subdistrict, village, resident_id, state, reason, state_at, biometric_package,
                 captured_at, received_at
             )
             select p.enrolment, $1, $1 * 100 + 1, ($1 * 100 + 1)::bigint * 10000 + 1001, p.resident,
                 case when p.n <= $3 then 'PRINT_READY' else 'SENT' end,
                 case when p.n <= $3 then null else 'AWAITING_CENTRE' end, p.received, 'crowd', p.received, p.received
             from person as p
         ), verdict as (
             insert into print_ready (resident_id, identity_version, enrolment_id, decided_at, decided_by)
             select p.resident, 1, p.enrolment, p.received, 'crowd'
             from person as p
             where p.n <= $3
         ), certificate as (
             insert into interim_certificate (
                 certificate_id, district, resident_id, number, state, issued_on, expires_on, enrolment_state, issued_at
             )
             select gen_random_uuid(), $1, p.resident, 'crowd/' || p.n, 'ACTIVE', p.received::date, p.received::date + 180, 'SENT',
                 p.received
             from person as p
         )
         select p.resident::text from person as p order by p.n",
    )
    .bind(district)
    .bind(count)
    .bind(ready)
    .fetch_all(&office.sql)
    .await
    .expect("the crowd fits the tables")
}

/// Asks for cards of a class, a hundred at a time; answers the fates in the order of the people.
async fn ask_all(terminal: &mut Client, people: &[String], class: ApplicantClass) -> Vec<String> {
    let mut all = Vec::with_capacity(people.len());
    for some in people.chunks(BATCH) {
        let drafts: Vec<_> = some.iter().map(|id| (id.as_str(), class)).collect();
        all.extend(fates(&terminal.ask(&drafts, false).await.results));
    }
    all
}

fn count(fates: &[String], fate: &str) -> usize {
    fates.iter().filter(|found| *found == fate).count()
}

/// Leases as much as queue and store allow, a hundred at a time; answers how many and what was short.
async fn lease_all(printer: &mut Client) -> (usize, proto::ShortSide) {
    let mut leased = 0;
    loop {
        let answer = printer.lease(100).await;
        leased += answer.leases.len();
        if answer.short_side() != proto::ShortSide::Unspecified {
            return (leased, answer.short_side());
        }
    }
}
