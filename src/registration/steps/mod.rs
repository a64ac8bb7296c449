//! The writes of registration as stories: lock, decide, save, record; one enrolment for an answer,
//! and the [`snapshot`] of all that are open for the feed.

mod certificates;
mod checks;
mod life;
mod records;

use sqlx::PgConnection;

use crate::{
    certificate,
    error::{Error, Result},
    ids::District,
    person::{self, Person},
    registration::{Filter, Key, Refusal, Shown, store, wire},
    seal::Keys,
    work::Read,
};

pub use certificates::issue_interim_certificates;
pub use checks::{lease_checks, record_verdicts};
pub use life::{change_resident, record_life_event};
pub use records::{record_enrolment, record_enrolments};

/// So many rows of a snapshot are read at once.
const SNAPSHOT_PAGE: i64 = 5_000;

/// One enrolment as the office sees it.
#[tracing::instrument(name = "step.get_enrolment", skip_all)]
pub async fn get_enrolment(
    read: &mut Read,
    keys: &Keys,
    key: &Key,
    filter: &Filter,
) -> Result<Shown> {
    let (id, nik_index) = match key {
        Key::Enrolment(id) => (Some(*id), None),
        Key::Nik(nik) => (None, Some(person::nik_index(keys, nik.expose()))),
    };
    let found = store::find(read.db(), id, nik_index.as_deref(), filter)
        .await?
        .ok_or_else(|| Error::from(Refusal::EnrolmentNotFound))?;
    let resident = found.enrolment.resident_id;
    let person = Person::open(keys, resident, &found.person)?;
    Ok(Shown {
        masked_nik: person.masked_nik(),
        initials: person.initials(),
        certificate: certificate::current(read.db(), resident).await?,
        enrolment: found.enrolment,
    })
}

/// Every enrolment of a district that waits to be found unique, read page by page within the caller's transaction.
#[tracing::instrument(name = "step.enrolments_snapshot", skip_all)]
pub async fn snapshot(db: &mut PgConnection, district: District) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    let mut after = None;
    loop {
        let page = store::page_of_open(db, district, after, SNAPSHOT_PAGE).await?;
        bodies.extend(page.iter().map(wire::enrolment_event));
        let Some(last) = page.last().filter(|_| page.len() as i64 >= SNAPSHOT_PAGE) else {
            return Ok(bodies);
        };
        after = Some((last.received_at, last.enrolment_id));
    }
}
