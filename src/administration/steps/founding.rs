//! The first heads of the centre: nobody could approve them, so the operator founds them at the database.

use crate::{
    administration::{Badge, NewOfficer, Pin, Pins, Refusal, decide, store},
    areas::TimeZone,
    caller::{Caller, OfficerRole, Principal},
    error::Result,
    ids::{District, Nik, OfficerId},
    work::Desk,
};

use super::nik_index;

/// Who is founded.
#[derive(Debug)]
pub struct Founder {
    /// The badge.
    pub badge: Badge,
    /// The person.
    pub nik: Nik,
    /// The first PIN, to be replaced at the first shift.
    pub initial_pin: Pin,
}

/// Founds a head of the centre, as long as it has fewer than two good ones. The two are two persons.
#[tracing::instrument(name = "step.found", skip_all)]
pub async fn found(desk: &Desk, founder: Founder) -> Result<OfficerId> {
    let hash = Pins::new(desk.keys().clone())
        .hash(&founder.initial_pin)
        .await?;
    let system = Caller::from(Principal::System);
    desk.act_unasked(system, "operator/found", move |work| {
        Box::pin(async move {
            let new = NewOfficer {
                nik_index: nik_index(work.keys(), &founder.nik),
                district: District::CENTRE,
                subdistrict: None,
                badge: founder.badge,
                roles: vec![OfficerRole::Head],
                last_day: None,
                pin_hash: Some(hash),
                subject: None,
            };
            let at = work.now();
            let today = TimeZone::of(District::CENTRE).local_date(at);
            let person = store::person(work.db(), &new.nik_index).await?;
            decide::found(&store::lock_founders(work.db(), person, today).await?)?;
            let inserted = store::insert_officer(work.db(), person, &new, at).await?;
            let id = inserted.ok_or(Refusal::BadgeTaken)?;
            work.touch("officer", id);
            Ok(id)
        })
    })
    .await
}
