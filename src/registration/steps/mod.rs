//! The writes of registration as stories: lock, decide, save, record.

mod certificates;
mod checks;
mod life;
mod records;

use crate::{
    certificate,
    error::{Error, Result},
    person::{self, Person},
    registration::{Filter, Key, Refusal, Shown, store},
    seal::Keys,
    work::Read,
};

pub use certificates::issue_interim_certificates;
pub use checks::{lease_checks, record_verdicts};
pub use life::{change_resident, record_life_event};
pub use records::{record_enrolment, record_enrolments};

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
