//! The rules of dividing: who may be sent to at once, whose share is how large, and which serials are in it.

use std::cmp::Reverse;

use crate::{
    ids::{District, SerialRange, total},
    inventory::{Lack, Location, Proposal, Refusal, Share, SupplyRefusal, decide::runs},
};

/// A receipt lists at most so many runs, so no shipment may need more.
const RUNS_OF_SHARE_MAX: usize = 100;
/// A commit tells each ledger of at most 500 changes; every run is one.
pub const RUNS_MAX: usize = 500;

/// Whether a store's distribution may go there: only downwards, from the centre to offices, from a province to its districts,
/// within an office from its own store. So all locks are taken in rising order, and no two distributions wait crosswise.
pub fn downward(origin: Location, destination: Location) -> Result<(), Refusal> {
    let (sender, receiver) = (origin.district(), destination.district());
    let is_provinces = sender.is_provinces() && receiver.province() == sender.province();
    if origin.is_of_office() && (sender == receiver || sender.is_centre() || is_provinces) {
        Ok(())
    } else {
        Err(Refusal::RouteNotAllowed)
    }
}

/// Which serials each share gets: the lowest first, share by share. `stock` is in rising order and may end where it has
/// enough.
pub fn allot(stock: &[SerialRange], shares: &[Share]) -> Result<Vec<Vec<SerialRange>>, Refusal> {
    let asked = shares.iter().map(|share| share.quantity).sum();
    let have = total(stock);
    if have < asked {
        return Err(Refusal::Supply(SupplyRefusal::StockTooSmall {
            have,
            asked,
        }));
    }
    let mut rest = stock.iter().copied();
    let mut open = rest.next();
    let mut allotted = Vec::with_capacity(shares.len());
    for share in shares {
        let mut taken = Vec::new();
        let mut wanted = share.quantity;
        while let Some(run) = open.filter(|_| wanted > 0) {
            let (part, left) = runs::split(run, wanted);
            wanted -= part.count();
            taken.push(part);
            open = left.or_else(|| rest.next());
        }
        let taken = runs::merged(&taken);
        within(taken.len(), RUNS_OF_SHARE_MAX, share)?;
        allotted.push(taken);
        within(allotted.iter().map(Vec::len).sum(), RUNS_MAX, share)?;
    }
    Ok(allotted)
}

/// Why shares cannot be allotted from the runs that were looked at, of a store that has so many blanks in all.
pub fn shortage(have: i64, shares: &[Share]) -> Refusal {
    let asked = shares.iter().map(|share| share.quantity).sum();
    match shares.last() {
        Some(last) if have >= asked => Refusal::Supply(SupplyRefusal::StockTooScattered {
            destination: last.destination,
            at_most: RUNS_MAX,
        }),
        Some(_) | None => Refusal::Supply(SupplyRefusal::StockTooSmall { have, asked }),
    }
}

/// Whether these stores can be proposed for: all of them stores of the district's subdistricts, and all of them found.
pub fn candidates(district: District, stores: &[Location], found: &[Lack]) -> Result<(), Refusal> {
    if stores.len() != found.len() || stores.iter().any(|place| place.district() != district) {
        return Err(Refusal::LocationNotFound);
    }
    let is_subdistricts =
        |place: &Location| place.subdistrict().is_some() && place.unit().is_none();
    if stores.iter().all(is_subdistricts) {
        Ok(())
    } else {
        Err(Refusal::RouteNotAllowed)
    }
}

fn within(runs: usize, at_most: usize, share: &Share) -> Result<(), Refusal> {
    if runs <= at_most {
        return Ok(());
    }
    Err(Refusal::Supply(SupplyRefusal::StockTooScattered {
        destination: share.destination,
        at_most,
    }))
}

/// Divides a quantity over stores by what each lacks; where none lacks any, all weigh the same.
pub fn propose(quantity: i64, lacks: &[Lack]) -> Vec<Proposal> {
    let mut weights: Vec<i64> = lacks
        .iter()
        .map(|lack| (lack.waiting - lack.in_stock - lack.in_transit).max(0))
        .collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let whole = weights.iter().sum::<i64>() as f64;
    let quantities = apportion(quantity, &weights);
    lacks
        .iter()
        .zip(weights)
        .zip(quantities)
        .map(|((lack, weight), share)| Proposal {
            lack: *lack,
            weight,
            exact: quantity as f64 * weight as f64 / whole,
            quantity: share,
        })
        .collect()
}

/// The largest remainder: each gets its exact share rounded down, and what is left goes one by one to the largest remainders,
/// of equal ones to the earlier. The shares sum exactly to the quantity. Weights must not be negative nor all nought.
fn apportion(quantity: i64, weights: &[i64]) -> Vec<i64> {
    // A quantity and weights of 63 bits each: their products fit 126.
    let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    let product = |weight: i64| i128::from(quantity) * i128::from(weight);
    let mut shares: Vec<i64> = weights
        .iter()
        .map(|weight| i64::try_from(product(*weight) / whole).expect("no share is above the whole"))
        .collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|place| (Reverse(product(weights[*place]) % whole), *place));
    let left = quantity - shares.iter().sum::<i64>();
    let left = usize::try_from(left).expect("rounding down leaves less than one for each");
    for place in by_remainder.into_iter().take(left) {
        shares[place] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{prop_assert, prop_assert_eq, proptest},
    };

    use super::*;
    use crate::ids::Serial;

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
    }

    fn run(first: i64, last: i64) -> SerialRange {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        SerialRange::new(serial(first), serial(last)).expect("a range of the test")
    }

    fn share(quantity: i64) -> Share {
        Share {
            destination: location("16.71.02"),
            quantity,
            document_number: "SJ-1".to_owned(),
        }
    }

    fn lack(waiting: i64, in_stock: i64, in_transit: i64) -> Lack {
        Lack {
            destination: location("16.71.02"),
            waiting,
            in_stock,
            in_transit,
        }
    }

    #[test]
    fn twenty_thousand_over_eighteen_leave_nothing() {
        let shares = apportion(20_000, &[1; 18]);
        assert_eq!(shares.iter().sum::<i64>(), 20_000);
        assert_eq!(shares[..2], [1_112, 1_112]);
        assert!(shares[2..].iter().all(|share| *share == 1_111));
    }

    #[test]
    fn a_store_weighs_what_it_lacks() {
        let lacks = [lack(100, 30, 20), lack(10, 50, 0), lack(150, 0, 0)];
        let proposed = propose(10, &lacks);
        let told: Vec<_> = proposed.iter().map(|p| (p.weight, p.quantity)).collect();
        assert_eq!(told, [(50, 3), (0, 0), (150, 7)]);
        assert!((proposed[0].exact - 2.5).abs() < 1e-9);
        let enough = propose(5, &[lack(1, 1, 0), lack(0, 7, 0)]);
        let told: Vec<_> = enough.iter().map(|p| (p.weight, p.quantity)).collect();
        assert_eq!(told, [(1, 3), (1, 2)]);
    }

    #[test]
    fn the_lowest_serials_go_first_and_share_by_share() {
        let stock = [run(5, 9), run(20, 29), run(40, 1_000)];
        let allotted = allot(&stock, &[share(7), share(8), share(3)]).expect("there is enough");
        assert_eq!(
            allotted,
            [
                vec![run(5, 9), run(20, 21)],
                vec![run(22, 29)],
                vec![run(40, 42)]
            ]
        );
    }

    #[test]
    fn more_than_there_is_is_not_allotted() {
        let refused = allot(&[run(1, 19_998)], &vec![share(1_000); 20]);
        let expected = Refusal::Supply(SupplyRefusal::StockTooSmall {
            have: 19_998,
            asked: 20_000,
        });
        assert_eq!(refused, Err(expected));
    }

    #[test]
    fn a_share_that_no_receipt_could_list_is_refused() {
        let scattered: Vec<_> = (1..=600).map(|place| run(2 * place, 2 * place)).collect();
        let at_most = |answer| match answer {
            Err(Refusal::Supply(SupplyRefusal::StockTooScattered { at_most, .. })) => at_most,
            other => panic!("{other:?}"),
        };
        assert_eq!(at_most(allot(&scattered, &[share(101)])), 100);
        assert!(allot(&scattered, &vec![share(100); 5]).is_ok());
        assert_eq!(at_most(allot(&scattered, &vec![share(100); 6])), 500);
    }

    #[test]
    fn enough_blanks_in_too_many_runs_are_not_too_few() {
        let shares = [share(60), share(40)];
        let scattered = Refusal::Supply(SupplyRefusal::StockTooScattered {
            destination: shares[1].destination,
            at_most: RUNS_MAX,
        });
        assert_eq!(shortage(100, &shares), scattered);
        let (have, asked) = (99, 100);
        assert_eq!(
            shortage(have, &shares),
            Refusal::Supply(SupplyRefusal::StockTooSmall { have, asked })
        );
    }

    #[test]
    fn only_subdistricts_stores_of_the_district_are_proposed_for() {
        let district = "16.71".parse().expect("a district of the test");
        let asked = |texts: &[&str], found: usize| {
            let stores: Vec<Location> = texts.iter().map(|text| location(text)).collect();
            candidates(district, &stores, &vec![lack(0, 0, 0); found])
        };
        assert_eq!(asked(&["16.71.01", "16.71.02"], 2), Ok(()));
        let missing = Err(Refusal::LocationNotFound);
        assert_eq!(asked(&["16.71.01", "16.71.99"], 1), missing);
        assert_eq!(asked(&["16.01.01"], 1), missing);
        for place in ["16.71", "16.71.02/mobile/1"] {
            assert_eq!(asked(&[place], 1), Err(Refusal::RouteNotAllowed));
        }
    }

    #[test]
    fn a_distribution_goes_downwards() {
        let may = |from: &str, to: &str| downward(location(from), location(to)).is_ok();
        for (from, to) in [
            ("centre", "16"),
            ("centre", "16.71"),
            ("16", "16.71"),
            ("16.71", "16.71.02"),
            ("16.71", "16.71.02/mobile/1"),
        ] {
            assert!(may(from, to), "{from} {to}");
            assert!(location(from) < location(to), "locks rise: {from} {to}");
        }
        for (from, to) in [
            ("16.71", "16.01"),
            ("16", "35.75"),
            ("16.71", "16"),
            ("16.71", "centre"),
            ("16.71.02", "16.71.03"),
        ] {
            assert!(!may(from, to), "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn shares_are_exact_near_and_in_the_order_of_the_weights(
            quantity in 0_i64..=1_000_000, weights in vec(0_i64..=1_000_000, 1..100)
        ) {
            let whole: i64 = weights.iter().sum();
            if whole == 0 {
                return Ok(());
            }
            let shares = apportion(quantity, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), quantity);
            for (weight, share) in weights.iter().zip(&shares) {
                // |share - quantity * weight / whole| < 1, without a fraction.
                let away = (i128::from(*share) * i128::from(whole) - i128::from(quantity) * i128::from(*weight)).abs();
                prop_assert!(away < i128::from(whole));
            }
            for (one, more) in weights.iter().zip(&shares) {
                for (other, less) in weights.iter().zip(&shares) {
                    prop_assert!(one <= other || more >= less, "who lacks more gets no less");
                }
            }
        }

        #[test]
        fn what_is_allotted_is_the_lowest_of_the_stock(
            lengths in vec((1_i64..30, 1_i64..5), 1..40), quantities in vec(1_i64..40, 1..8)
        ) {
            let mut next = 1;
            let mut stock = Vec::new();
            for (length, gap) in lengths {
                stock.push(run(next, next + length - 1));
                next += length + gap;
            }
            let all: Vec<i64> = stock.iter().flat_map(|r| r.first().number()..=r.last().number()).collect();
            let shares: Vec<Share> = quantities.iter().map(|quantity| share(*quantity)).collect();
            let asked = usize::try_from(quantities.iter().sum::<i64>()).expect("small");
            match allot(&stock, &shares) {
                Ok(allotted) => {
                    let counts: Vec<i64> = allotted.iter().map(|runs| total(runs)).collect();
                    prop_assert_eq!(counts, quantities);
                    let taken: Vec<i64> = allotted
                        .iter()
                        .flatten()
                        .flat_map(|r| r.first().number()..=r.last().number())
                        .collect();
                    prop_assert_eq!(&taken[..], &all[..asked]);
                }
                Err(refusal) => {
                    prop_assert!(asked > all.len(), "{:?}", refusal);
                }
            }
        }
    }
}
