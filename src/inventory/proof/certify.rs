//! A certificate made from the database, inside one snapshot: the flows by the movements, the leaves by the custody.
//!
//! What is easily got wrong: the two sides must come from different tables, or the laws would compare a figure with itself.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use sqlx::PgConnection;

use super::{Area, Certificate, Place, leaf::Leaf};
use crate::{
    audit,
    error::Result,
    inventory::{Location, store::proof as store},
};

/// Locations that a refusal names; where more do not balance, these are enough to begin with.
const NAMED_MAX: usize = 20;

/// The area's books do not balance: the locations, or the word nation for its own sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotConserved(pub Vec<String>);

/// Reads what there is to certify; none where the area has no location.
pub async fn certify(db: &mut PgConnection, area: Area) -> Result<Option<Certificate>> {
    let flows = store::flows(db, area.number()).await?;
    let Some(as_of) = flows
        .iter()
        .find(|flow| flow.is_inside)
        .map(|flow| flow.as_of)
    else {
        return Ok(None);
    };
    let mut certificate = Certificate {
        area,
        made_at: as_of,
        registered: 0,
        givers: BTreeMap::new(),
        places: BTreeMap::new(),
    };
    for flow in flows {
        if flow.is_inside {
            certificate.registered += flow.registered;
            let (leaf, quantities) = Leaf::begin(flow.location).finish();
            let place = Place {
                movements: flow.movements,
                received: flow.received,
                sent_on: flow.sent_on,
                due: flow.due,
                leaf,
                quantities,
            };
            certificate.places.insert(flow.location, place);
        } else {
            certificate.givers.insert(flow.location, flow.movements);
        }
    }
    add_custody(db, &mut certificate).await?;
    certificate.places.retain(|_, place| {
        place.movements != 0
            || place.received != 0
            || place.due != 0
            || !place.quantities.is_empty()
    });
    Ok(Some(certificate))
}

async fn add_custody(db: &mut PgConnection, certificate: &mut Certificate) -> Result<()> {
    let locations = certificate.places.keys().map(|at| at.number()).collect();
    let locations = (certificate.area != Area::Nation).then_some(locations);
    let mut rows = std::pin::pin!(store::custody_of(db, locations));
    let mut open: Option<(Location, Leaf)> = None;
    while let Some(row) = rows.try_next().await? {
        let at = row.account.location;
        if open.as_ref().is_none_or(|(location, _)| *location != at) {
            close(certificate, open.take());
            open = Some((at, Leaf::begin(at)));
        }
        if let Some((_, leaf)) = &mut open {
            leaf.add(row.run, row.account.state);
        }
    }
    close(certificate, open);
    Ok(())
}

fn close(certificate: &mut Certificate, leaf: Option<(Location, Leaf)>) {
    let Some((location, leaf)) = leaf else {
        return;
    };
    if let Some(place) = certificate.places.get_mut(&location) {
        (place.leaf, place.quantities) = leaf.finish();
    }
}

/// The file of a certificate that balances.
pub fn certified(certificate: &Certificate, key: &audit::Key) -> Result<String, NotConserved> {
    let broken = certificate.broken();
    if broken.is_empty() {
        return Ok(certificate.signed(key));
    }
    let places = broken.into_iter().map(|(location, _)| {
        location.map_or_else(|| Area::Nation.to_string(), |at| at.to_string())
    });
    let mut places: Vec<String> = places.collect();
    places.dedup();
    places.truncate(NAMED_MAX);
    Err(NotConserved(places))
}
