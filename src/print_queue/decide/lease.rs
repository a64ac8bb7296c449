//! What may be leased and what was short. The order itself is an index and is walked by the store.

use crate::{
    ids::{District, Subdistrict},
    inventory::Location,
    print_queue::{Refusal, ShortSide},
};

/// Whether a terminal may print from a store or a unit: the district's, or a subdistrict's, but not another subdistrict's than its
/// own if it is limited to one.
pub fn lease_location(
    location: Location,
    district: District,
    limit: Option<Subdistrict>,
) -> Result<(), Refusal> {
    let of_district = location == Location::of_district(district);
    let within = location.district() == district
        && limit.is_none_or(|limit| location.subdistrict() == Some(limit));
    if of_district || within {
        Ok(())
    } else {
        Err(Refusal::LocationNotFound)
    }
}

/// What was short of a lease of `wanted` requests, of which `leased` were given while the store had room for `room`.
pub fn short_side(wanted: i64, room: i64, leased: i64) -> Option<ShortSide> {
    if leased >= wanted {
        None
    } else if leased >= room {
        Some(ShortSide::Blanks)
    } else {
        Some(ShortSide::Requests)
    }
}
