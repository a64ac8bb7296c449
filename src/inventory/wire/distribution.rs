//! Distributions, from the contract and back.

use crate::{
    error::Result,
    ids::RequestId,
    inventory::{
        Distribution, Location, Proposal, Share, Shipment,
        wire::{DOCUMENT_NUMBER_MAX, answers::shipment, document_number, request::quantity},
    },
    proto,
    violations::Violations,
};

/// The most stores in one distribution or proposal.
const STORES_MAX: usize = 100;

/// Parses a distribution.
pub fn distribute_blanks(
    message: &proto::DistributeBlanksRequest,
) -> Result<(RequestId, Distribution)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let document_number = document_number(&mut violations, &message.document_number);
    let total = quantity(&mut violations, "total_quantity", message.total_quantity);
    violations.batch("items", &message.items, STORES_MAX);
    let mut shares = Vec::new();
    // A batch over the limit is refused already; what lies beyond is not looked at.
    for (place, item) in message.items.iter().take(STORES_MAX).enumerate() {
        shares.extend(share(&mut violations, place, item, &document_number));
    }
    violations.distinct(
        shares
            .iter()
            .enumerate()
            .map(|(place, share)| (format!("items[{place}].destination"), share.destination)),
    );
    let sum: i64 = shares.iter().map(|share| share.quantity).sum();
    // Where an item is malformed there is no sum to compare.
    if shares.len() == message.items.len() && total.is_some_and(|total| total != sum) {
        let total = message.total_quantity;
        let rule = format!("is {total}, and the items sum to {sum}");
        violations.add("total_quantity", rule);
    }
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    violations.finish((request_id, Distribution { shares }))
}

fn share(
    violations: &mut Violations,
    place: usize,
    item: &proto::DistributionItem,
    of_all: &str,
) -> Option<Share> {
    let field = |name: &str| format!("items[{place}].{name}");
    let destination = violations.parse::<Location>(field("destination"), &item.destination);
    let quantity = quantity(violations, field("quantity"), item.quantity);
    let document_number = match item.document_number.as_str() {
        "" => of_all.to_owned(),
        own => violations.text(field("document_number"), own, 1, DOCUMENT_NUMBER_MAX),
    };
    Some(Share {
        destination: destination?,
        quantity: quantity?,
        document_number,
    })
}

/// The answer to a distribution.
pub fn distribute_blanks_response(sent: &[Shipment]) -> proto::DistributeBlanksResponse {
    proto::DistributeBlanksResponse {
        shipments: sent.iter().map(shipment).collect(),
        committed_revision: 0,
    }
}

/// Parses what is to be divided over which stores; none means all.
pub fn propose_distribution(
    message: &proto::ProposeDistributionRequest,
) -> Result<(i64, Vec<Location>)> {
    let mut violations = Violations::new();
    let total = quantity(&mut violations, "total_quantity", message.total_quantity);
    let destinations = &message.destinations;
    violations.require(
        destinations.len() <= STORES_MAX,
        "destinations",
        format_args!("must have at most {STORES_MAX} items"),
    );
    let mut stores = Vec::new();
    for (place, text) in destinations.iter().take(STORES_MAX).enumerate() {
        let field = format!("destinations[{place}]");
        stores.extend(violations.parse::<Location>(field, text));
    }
    violations.distinct(
        stores
            .iter()
            .enumerate()
            .map(|(place, to)| (format!("destinations[{place}]"), *to)),
    );
    let Some(total) = total else {
        return Err(violations.error());
    };
    violations.finish((total, stores))
}

/// The answer to a wish for a proposal.
pub fn propose_distribution_response(proposed: &[Proposal]) -> proto::ProposeDistributionResponse {
    proto::ProposeDistributionResponse {
        shares: proposed.iter().map(proposal).collect(),
        total_weight: proposed.iter().map(|p| p.weight.unsigned_abs()).sum(),
    }
}

fn proposal(proposal: &Proposal) -> proto::ProposedShare {
    let lack = &proposal.lack;
    proto::ProposedShare {
        destination: lack.destination.to_string(),
        waiting: lack.waiting.unsigned_abs(),
        in_stock: lack.in_stock.unsigned_abs(),
        in_transit: lack.in_transit.unsigned_abs(),
        weight: proposal.weight.unsigned_abs(),
        exact_share: proposal.exact,
        quantity: proposal.quantity.unsigned_abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(destination: &str, quantity: u64) -> proto::DistributionItem {
        proto::DistributionItem {
            destination: destination.to_owned(),
            quantity,
            document_number: String::new(),
        }
    }

    fn asked(
        total_quantity: u64,
        items: Vec<proto::DistributionItem>,
    ) -> proto::DistributeBlanksRequest {
        proto::DistributeBlanksRequest {
            request_id: "0190f5fe-7c00-7a00-8abc-def012345678".to_owned(),
            total_quantity,
            items,
            document_number: "SJ-1".to_owned(),
        }
    }

    fn violations(message: &proto::DistributeBlanksRequest) -> String {
        let error = distribute_blanks(message).expect_err("malformed");
        let told = error.to_refusal().metadata.remove("violations");
        told.expect("violations")
    }

    #[test]
    fn a_sum_that_differs_is_told_with_both_figures() {
        let found = violations(&asked(
            20_000,
            vec![item("16.71.01", 10_000), item("16.71.02", 9_998)],
        ));
        assert_eq!(
            found,
            "total_quantity: is 20000, and the items sum to 19998"
        );
    }

    #[test]
    fn every_malformed_item_is_named() {
        let found = violations(&asked(
            5,
            vec![
                item("nowhere", 1),
                item("16.71.02", 0),
                item("16.71.03", 2_000_000),
            ],
        ));
        for field in [
            "items[0].destination",
            "items[1].quantity",
            "items[2].quantity",
        ] {
            assert!(found.contains(field), "{field} in {found}");
        }
        assert!(!found.contains("total_quantity"), "{found}");
        let twice = violations(&asked(2, vec![item("16.71.02", 1), item("16.71.02", 1)]));
        assert!(twice.starts_with("items[1].destination"), "{twice}");
    }

    #[test]
    fn an_item_without_a_record_has_the_distributions() {
        let mut message = asked(3, vec![item("16.71.01", 1), item("16.71.02", 2)]);
        message.items[1].document_number = "SJ-1/b".to_owned();
        let (_, read) = distribute_blanks(&message).expect("a distribution");
        let records: Vec<&str> = read
            .shares
            .iter()
            .map(|share| share.document_number.as_str())
            .collect();
        assert_eq!(records, ["SJ-1", "SJ-1/b"]);
    }
}
