//! Proto to nouns, for the queue. Every violation of a request is found at once.

use crate::{
    error::Result,
    ids::{PrintRequestId, RequestId, Serial},
    inventory::{Location, Spoilage},
    policy::{
        ApplicantClass, Document,
        wire::{class_of, document_of},
    },
    print_queue::{
        Draft, LeaseKey, RequestState,
        steps::{Binding, Reported},
    },
    proto,
    violations::Violations,
};

/// The most items of one batch: one commit writes at most 500 events, and an item writes up to four.
const BATCH_MAX: usize = 100;
/// The digits of a chip's identifier: ISO 14443 knows 4, 7 and 10 bytes.
const CHIP_UID_DIGITS: std::ops::RangeInclusive<usize> = 8..=20;

/// In which state and of which class a list shows requests; none means every open one, and any.
pub type Shown = (Option<RequestState>, Option<ApplicantClass>);

/// Parses a submission: its drafts.
pub fn submit_print_requests(
    message: &proto::SubmitPrintRequestsRequest,
) -> Result<(RequestId, Vec<Draft>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let drafts = each(
        &mut violations,
        "drafts",
        &message.drafts,
        |violations, at, draft| {
            let resident_id = violations.parse(format!("{at}.resident_id"), &draft.resident_id);
            let path = at.to_owned();
            let at = format!("{at}.applicant_class");
            let class = violations.take(at.as_str(), class_of(draft.applicant_class))?;
            let applicant_class = violations.take(at, class.ok_or("is required"));
            let documents = documents(violations, &path, &draft.documents);
            Some(Draft {
                resident_id: resident_id?,
                applicant_class: applicant_class?,
                documents,
            })
        },
    );
    distinct(
        &mut violations,
        "drafts",
        ".resident_id",
        &drafts,
        |draft| draft.resident_id,
    );
    finish(violations, request_id, drafts)
}

/// Parses which requests are taken back.
pub fn withdraw_print_requests(
    message: &proto::WithdrawPrintRequestsRequest,
) -> Result<(RequestId, Vec<PrintRequestId>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let ids = each(
        &mut violations,
        "print_request_ids",
        &message.print_request_ids,
        |violations, at, id| violations.parse(at, id),
    );
    distinct(&mut violations, "print_request_ids", "", &ids, |id| *id);
    finish(violations, request_id, ids)
}

/// Parses which request is asked for.
pub fn get_print_request(message: &proto::GetPrintRequestRequest) -> Result<PrintRequestId> {
    let mut violations = Violations::new();
    let id = violations.parse("print_request_id", &message.print_request_id);
    id.ok_or_else(|| violations.error())
}

/// Parses what a list shows.
pub fn list_print_requests(message: &proto::ListPrintRequestsRequest) -> Result<Shown> {
    let mut violations = Violations::new();
    let state = violations.take("state", state(message.state));
    let applicant_class = violations.take("applicant_class", class_of(message.applicant_class));
    let (Some(state), Some(applicant_class)) = (state, applicant_class) else {
        return Err(violations.error());
    };
    violations.finish((state, applicant_class))
}

/// Parses a wish for leases: how many, and from which store.
pub fn lease_print_requests(
    message: &proto::LeasePrintRequestsRequest,
) -> Result<(RequestId, i64, Option<Location>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let fits = (1..=BATCH_MAX).contains(&(message.count as usize));
    violations.require(fits, "count", format_args!("must be 1 to {BATCH_MAX}"));
    let location = violations.parse_optional::<Location>("location", &message.location);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    violations.finish((request_id, i64::from(message.count), location))
}

/// Parses leases to be renewed.
pub fn renew_leases(message: &proto::RenewLeasesRequest) -> Result<(RequestId, Vec<LeaseKey>)> {
    leases(&message.request_id, &message.leases)
}

/// Parses leases to be given back.
pub fn release_leases(message: &proto::ReleaseLeasesRequest) -> Result<(RequestId, Vec<LeaseKey>)> {
    leases(&message.request_id, &message.leases)
}

/// Parses whose face is wanted.
pub fn get_card_face(message: &proto::GetCardFaceRequest) -> Result<LeaseKey> {
    let mut violations = Violations::new();
    let key = lease_key(&mut violations, "lease", message.lease.as_ref());
    key.ok_or_else(|| violations.error())
}

/// Parses blanks to be bound.
pub fn bind_blanks(message: &proto::BindBlanksRequest) -> Result<(RequestId, Vec<Binding>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let bindings = each(
        &mut violations,
        "bindings",
        &message.bindings,
        |violations, at, b| {
            let key = lease_key(violations, &format!("{at}.lease"), b.lease.as_ref());
            let serial = violations.take(format!("{at}.serial"), Serial::new(b.serial));
            let chip_uid = violations.take(format!("{at}.chip_uid"), chip_uid(&b.chip_uid));
            Some(Binding {
                key: key?,
                serial: serial?,
                chip_uid: chip_uid?,
            })
        },
    );
    distinct(&mut violations, "bindings", ".lease", &bindings, |b| {
        b.key.print_request_id
    });
    distinct(&mut violations, "bindings", ".serial", &bindings, |b| {
        b.serial
    });
    distinct(&mut violations, "bindings", ".chip_uid", &bindings, |b| {
        b.chip_uid.clone()
    });
    finish(violations, request_id, bindings)
}

/// Parses cards that came out well.
pub fn report_printed(message: &proto::ReportPrintedRequest) -> Result<(RequestId, Vec<Reported>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let cards = each(
        &mut violations,
        "cards",
        &message.cards,
        |violations, at, card| reported(violations, at, card.lease.as_ref(), card.serial),
    );
    distinct_reports(&mut violations, "cards", &cards);
    finish(violations, request_id, cards)
}

/// Parses spoiled blanks and how each was spoiled.
pub fn report_spoiled(
    message: &proto::ReportSpoiledRequest,
) -> Result<(RequestId, Vec<(Reported, Spoilage)>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let blanks = each(
        &mut violations,
        "blanks",
        &message.blanks,
        |violations, at, blank| {
            let kind = violations.take(format!("{at}.kind"), spoilage_kind(blank.kind));
            let blank = reported(violations, at, blank.lease.as_ref(), blank.serial);
            Some((blank?, kind?))
        },
    );
    let reports: Vec<_> = blanks
        .iter()
        .map(|(at, (blank, _))| (*at, *blank))
        .collect();
    distinct_reports(&mut violations, "blanks", &reports);
    finish(violations, request_id, blanks)
}

fn reported(
    violations: &mut Violations,
    at: &str,
    lease: Option<&proto::LeaseKey>,
    serial: i64,
) -> Option<Reported> {
    let key = lease_key(violations, &format!("{at}.lease"), lease);
    let serial = violations.take(format!("{at}.serial"), Serial::new(serial));
    Some(Reported {
        key: key?,
        serial: serial?,
    })
}

fn distinct_reports(violations: &mut Violations, at: &str, reports: &[(usize, Reported)]) {
    distinct(violations, at, ".lease", reports, |report| {
        report.key.print_request_id
    });
    distinct(violations, at, ".serial", reports, |report| report.serial);
}

fn leases(request_id: &str, messages: &[proto::LeaseKey]) -> Result<(RequestId, Vec<LeaseKey>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", request_id);
    let keys = each(
        &mut violations,
        "leases",
        messages,
        |violations, at, message| lease_key(violations, at, Some(message)),
    );
    distinct(&mut violations, "leases", "", &keys, |key| {
        key.print_request_id
    });
    finish(violations, request_id, keys)
}

/// Parses each item of a batch; those that are well formed keep their index, for what is said about them later.
fn each<M, T>(
    violations: &mut Violations,
    at: &str,
    messages: &[M],
    parse: impl Fn(&mut Violations, &str, &M) -> Option<T>,
) -> Vec<(usize, T)> {
    violations.batch(at, messages, BATCH_MAX);
    // Of an oversized batch nothing beyond its limit is looked at.
    let items = messages.iter().take(BATCH_MAX).enumerate();
    items
        .filter_map(|(i, item)| Some((i, parse(violations, &format!("{at}[{i}]"), item)?)))
        .collect()
}

fn distinct<T, K: Ord>(
    violations: &mut Violations,
    at: &str,
    name: &str,
    items: &[(usize, T)],
    key: impl Fn(&T) -> K,
) {
    violations.distinct(
        items
            .iter()
            .map(|(i, item)| (format!("{at}[{i}]{name}"), key(item))),
    );
}

fn finish<T>(
    violations: Violations,
    request_id: Option<RequestId>,
    items: Vec<(usize, T)>,
) -> Result<(RequestId, Vec<T>)> {
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        items.into_iter().map(|(_, item)| item).collect(),
    ))
}

fn lease_key(
    violations: &mut Violations,
    at: &str,
    message: Option<&proto::LeaseKey>,
) -> Option<LeaseKey> {
    let Some(message) = message else {
        violations.add(at, "is required");
        return None;
    };
    let id = violations.parse(format!("{at}.print_request_id"), &message.print_request_id);
    let fence = match i64::try_from(message.fence) {
        Ok(fence @ 1..) => Some(fence),
        Ok(_) | Err(_) => None,
    };
    let fence = violations.take(
        format!("{at}.fence"),
        fence.ok_or("must be one that a lease gave"),
    );
    Some(LeaseKey {
        print_request_id: id?,
        fence: fence?,
    })
}

/// In capitals, so that the same chip is not taken for two.
fn chip_uid(text: &str) -> Result<String, &'static str> {
    let fits = CHIP_UID_DIGITS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("must have 8 to 20 hexadecimal digits")
    }
}

/// None for UNSPECIFIED.
fn state(number: i32) -> Result<Option<RequestState>, &'static str> {
    match proto::PrintRequestState::try_from(number) {
        Ok(proto::PrintRequestState::Unspecified) => Ok(None),
        Ok(proto::PrintRequestState::Queued) => Ok(Some(RequestState::Queued)),
        Ok(proto::PrintRequestState::Leased) => Ok(Some(RequestState::Leased)),
        Ok(proto::PrintRequestState::Bound) => Ok(Some(RequestState::Bound)),
        Ok(proto::PrintRequestState::InDoubt) => Ok(Some(RequestState::InDoubt)),
        Ok(proto::PrintRequestState::Printed) => Ok(Some(RequestState::Printed)),
        Ok(proto::PrintRequestState::Held) => Ok(Some(RequestState::Held)),
        Ok(proto::PrintRequestState::Cancelled) => Ok(Some(RequestState::Cancelled)),
        Err(_) => Err("is not a known value"),
    }
}

/// The papers that were seen: each once.
fn documents(violations: &mut Violations, at: &str, numbers: &[i32]) -> Vec<Document> {
    let fits = numbers.len() <= Document::ALL.len();
    violations.require(
        fits,
        format!("{at}.documents"),
        "has more than there are kinds",
    );
    let known = numbers.iter().take(Document::ALL.len()).enumerate();
    let known: Vec<(usize, Document)> = known
        .filter_map(|(i, number)| {
            let document = document_of(*number);
            Some((
                i,
                violations.take(format!("{at}.documents[{i}]"), document)?,
            ))
        })
        .collect();
    let named = format!("{at}.documents");
    distinct(violations, &named, "", &known, |document| *document);
    known.into_iter().map(|(_, document)| document).collect()
}

fn spoilage_kind(number: i32) -> Result<Spoilage, &'static str> {
    given_spoilage_kind(number)?.ok_or("is required")
}

/// None for UNSPECIFIED.
pub(super) fn given_spoilage_kind(number: i32) -> Result<Option<Spoilage>, &'static str> {
    match proto::SpoilageKind::try_from(number) {
        Ok(proto::SpoilageKind::FactoryDefect) => Ok(Some(Spoilage::FactoryDefect)),
        Ok(proto::SpoilageKind::ChipNotEncodable) => Ok(Some(Spoilage::ChipNotEncodable)),
        Ok(proto::SpoilageKind::PrintFailure) => Ok(Some(Spoilage::PrintFailure)),
        Ok(proto::SpoilageKind::Laminate) => Ok(Some(Spoilage::Laminate)),
        Ok(proto::SpoilageKind::DamagedInStore) => Err("is not a printer's to report"),
        Ok(proto::SpoilageKind::Unspecified) => Ok(None),
        Err(_) => Err("is not a known value"),
    }
}
