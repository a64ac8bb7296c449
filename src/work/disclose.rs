//! Before an answer with personal data leaves: its persons are counted against the quotas, its audit row is committed, and
//! the alarm is raised where one of them exists only as a trap. If that cannot be written, nothing is answered.

use prost::Message as _;
use uuid::Uuid;

use super::{Call, Desk, own_task, unit};
use crate::{
    areas::TimeZone,
    clock::Clock,
    error::Result,
    feed::journal::{self, Disclosure},
    ids::{District, ResidentId},
    proto, quota, telemetry,
    wire::timestamp,
};

/// On which of the day's counts the persons of an answer go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The officer chose whom to look at.
    Yes,
    /// The order of the queue chose, under a lease: a print room reads every person that it prints, and has a count of its
    /// own.
    OfLease,
}

impl Desk {
    /// Writes that the caller is about to see these persons.
    pub async fn disclose(
        &self,
        call: &Call,
        residents: impl IntoIterator<Item = ResidentId>,
        counted: Counted,
    ) -> Result<()> {
        let mut residents: Vec<Uuid> = residents.into_iter().map(ResidentId::uuid).collect();
        residents.sort_unstable();
        residents.dedup();
        if residents.is_empty() {
            return Ok(());
        }
        let (desk, call) = (self.clone(), call.clone());
        own_task(async move { desk.disclose_to_end(&call, &residents, counted).await }).await
    }

    async fn disclose_to_end(
        &self,
        call: &Call,
        residents: &[Uuid],
        counted: Counted,
    ) -> Result<()> {
        let _place = self.place(call, Some(call.deadline)).await?;
        let (actor, scope) = (unit::actor(&call.caller, call.method), call.caller.walls());
        let district = scope.ledger();
        let subjects = match counted {
            Counted::Yes => self.limits().subjects(&call.caller),
            Counted::OfLease => self.limits().face_subjects(&call.caller),
        };
        let now = self.now();
        let disclosure = Disclosure {
            actor: &actor,
            scope,
            residents,
            subjects: &subjects,
            day: TimeZone::of(district).local_date(now),
            alarm: alarm(call, district).encode_to_vec(),
        };
        let mut db = Box::pin(self.0.pools.acts.acquire()).await?;
        let disclosed = journal::disclose(&mut db, &disclosure).await?;
        if disclosed.alarmed {
            telemetry::count_alarm("honeytoken_read");
            tracing::error!(caller = %call.caller.principal, method = call.method, "a person was read who exists only as a trap");
            self.0.bell.ring([District::CENTRE]);
        }
        match disclosed.reached {
            None => Ok(()),
            Some(subject) => {
                let limit = subjects
                    .iter()
                    .find(|(name, _)| *name == subject)
                    .map_or(0, |(_, limit)| *limit);
                let of = subject.split('/').next().unwrap_or_default();
                let wait = quota::until_midnight(district, now);
                Err(quota::reached("persons", of, limit, wait))
            }
        }
    }
}

fn alarm(call: &Call, district: District) -> proto::Alarm {
    let officer = call.caller.officer.as_ref();
    proto::Alarm {
        kind: proto::AlarmKind::HoneytokenRead.into(),
        district: district.to_string(),
        terminal: call.caller.name(),
        officer_id: officer
            .map(|officer| officer.officer_id.to_string())
            .unwrap_or_default(),
        method: call.method.to_owned(),
        raised_time: Some(timestamp(Clock::System.now())),
    }
}
