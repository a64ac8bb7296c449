//! The rules of single fields in what a printer and its queue send; `fields` tries them.

use ektp::proto;
use prost::Message as _;

use crate::support::office::request_id;

use super::fields::Case;

pub fn cases() -> [Case; 4] {
    [submission(), lease(), binding(), spoilage()]
}

fn submission() -> Case {
    let draft = |resident_id: &str, applicant_class| proto::PrintRequestDraft {
        resident_id: resident_id.to_owned(),
        applicant_class,
        documents: Vec::new(),
    };
    let (one, other) = (request_id(), request_id());
    let drafts = vec![
        draft(&one, 1),
        draft(&one, 1),
        draft("nobody", 0),
        draft(&other, 99),
    ];
    let request = proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        drafts,
        validate_only: true,
    };
    let fields = vec![
        "drafts[1].resident_id",
        "drafts[2].applicant_class",
        "drafts[2].resident_id",
        "drafts[3].applicant_class",
    ];
    Case(
        "PrintQueue/SubmitPrintRequests",
        request.encode_to_vec(),
        fields,
    )
}

fn lease() -> Case {
    let request = proto::LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 101,
        location: "Bandung".to_owned(),
    };
    Case(
        "PrintQueue/LeasePrintRequests",
        request.encode_to_vec(),
        vec!["count", "location"],
    )
}

fn lease_key(id: &str) -> Option<proto::LeaseKey> {
    Some(proto::LeaseKey {
        print_request_id: id.to_owned(),
        fence: 1,
    })
}

fn binding() -> Case {
    let binding = |lease, serial, chip: &str| proto::BlankBinding {
        lease,
        serial,
        chip_uid: chip.to_owned(),
    };
    let one = request_id();
    let bindings = vec![
        binding(lease_key(&one), 8_000_001, "04aabbccdd"),
        binding(lease_key(&one), 8_000_001, "04AABBCCDD"),
        binding(lease_key(&request_id()), 0, "xyz"),
        binding(None, -1, ""),
    ];
    let request = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings,
    };
    let fields = vec![
        "bindings[1].chip_uid",
        "bindings[1].lease",
        "bindings[1].serial",
        "bindings[2].chip_uid",
        "bindings[2].serial",
        "bindings[3].chip_uid",
        "bindings[3].lease",
        "bindings[3].serial",
    ];
    Case("PrintQueue/BindBlanks", request.encode_to_vec(), fields)
}

fn spoilage() -> Case {
    let spoiled = |lease, serial, kind| proto::SpoiledBlank {
        lease,
        serial,
        kind,
    };
    let blanks = vec![
        spoiled(lease_key(&request_id()), 8_000_001, 0),
        spoiled(lease_key("x"), i64::MAX, 77),
    ];
    let request = proto::ReportSpoiledRequest {
        request_id: request_id(),
        blanks,
    };
    let fields = vec![
        "blanks[0].kind",
        "blanks[1].kind",
        "blanks[1].lease.print_request_id",
        "blanks[1].serial",
    ];
    Case("PrintQueue/ReportSpoiled", request.encode_to_vec(), fields)
}
