//! Leasing: lock the district's queue, then take the next requests that the store has blanks for.

use crate::{
    areas::TimeZone,
    error::Result,
    feed::Topic,
    inventory::Location,
    print_queue::{Leased, Refusal, ShortSide, decide, store, wire},
    work::Work,
};

/// What a printer got.
#[derive(Debug)]
pub struct Leases {
    /// In the order of the queue.
    pub leases: Vec<Leased>,
    /// What was short.
    pub short_side: Option<ShortSide>,
}

/// Leases the next `count` requests of the queue to this terminal, or as many as queue and store allow.
#[tracing::instrument(name = "step.lease_print_requests", skip_all)]
pub async fn lease_print_requests(
    work: &mut Work,
    count: i64,
    location: Option<Location>,
) -> Result<Leases> {
    let (district, at) = (work.district()?, work.now());
    let location = location.unwrap_or_else(|| Location::of_district(district));
    decide::lease_location(location, district, work.caller().subdistrict())?;
    if !store::lock_queue(work.db(), district, location).await? {
        return Err(Refusal::LocationNotFound.into());
    }
    let holder = work.caller().name();
    let wish = store::Wish {
        district,
        holder: &holder,
        officer: work.caller().officer.as_ref().map(|o| o.officer_id),
        location,
        count,
        seconds: work.lease_length().as_secs_f64(),
        on: TimeZone::of(district).local_date(at),
        at,
    };
    let (room, leases) = store::lease(work.db(), &wish).await?;
    for leased in &leases {
        let about = ("print_request", leased.entry.print_request_id);
        work.record(
            district,
            Topic::Queue,
            about,
            wire::queue_event(&leased.entry),
        );
    }
    let leased = i64::try_from(leases.len()).unwrap_or(count);
    Ok(Leases {
        leases,
        short_side: decide::short_side(count, room, leased),
    })
}
