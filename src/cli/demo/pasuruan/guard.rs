//! What must not happen while officers work: tried on purpose, once each.
//!
//! What is easily got wrong: only the refusal that is meant counts as one. Any other failure ends the demo, or a server that
//! refuses everything would look well guarded.

use std::time::Duration;

use tokio::time::timeout;
use tonic::Status;

use crate::{
    cli::{
        Failure,
        client::{Line, Terminal, request_id},
        demo::{
            centre::receipt,
            office::{Mobile, Office},
            staff::{self, Leaders},
        },
    },
    proto::{
        LeasePrintRequestsRequest, RevokeTerminalRequest, Shipment, WatchQueueRequest,
        administration_client::AdministrationClient, inventory_client::InventoryClient,
        print_queue_client::PrintQueueClient,
    },
};

/// A revoked terminal is out within this on every server, as the contract says.
const OUT_WITHIN: Duration = Duration::from_secs(5);

/// What happened of what must not.
#[derive(Debug, Clone, Copy)]
pub struct Guarded {
    /// A terminal without an officer took stock in.
    pub without_shift: bool,
    /// A shift was good on another terminal.
    pub foreign_shift: bool,
    /// A contractor's operator got cards to print.
    pub contractor_printed: bool,
    /// A revoked terminal went on following the queue.
    pub revoked_went_on: bool,
    /// It came in again.
    pub revoked_came_back: bool,
}

/// Tries everything.
pub async fn run(office: &Office, leaders: &Leaders) -> Result<Guarded, Failure> {
    let (revoked_went_on, revoked_came_back) = lose_terminal(office, leaders).await?;
    Ok(Guarded {
        without_shift: staff::happened(
            take_stock(office, &office.unstaffed).await,
            "SHIFT_REQUIRED",
        )?,
        foreign_shift: staff::happened(
            take_stock(office, &office.unstaffed.with_shift_of(&office.stockkeeper)).await,
            "SHIFT_UNKNOWN",
        )?,
        contractor_printed: staff::happened(
            lease(office, &leaders.contractor).await,
            "ROLE_MAY_NOT_CALL",
        )?,
        revoked_went_on,
        revoked_came_back,
    })
}

async fn take_stock(office: &Office, terminal: &Terminal) -> Result<(), Status> {
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.receive_shipment(request).await
    };
    terminal
        .inventory(receipt(office, &Shipment::default()), call)
        .await
        .map(drop)
}

async fn lease(office: &Office, terminal: &Terminal) -> Result<(), Status> {
    let request = LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 1,
        location: office.place.district.to_owned(),
    };
    let call = |mut client: PrintQueueClient<Line>, request| async move {
        client.lease_print_requests(request).await
    };
    terminal.print_queue(request, call).await.map(drop)
}

/// A mobile unit's terminal is stolen while it follows the queue: the head asks for its end, the auditor approves. Answers
/// whether it went on, and whether it came in again.
async fn lose_terminal(office: &Office, leaders: &Leaders) -> Result<(bool, bool), Failure> {
    let Mobile {
        principal,
        server,
        identity,
    } = &office.mobile;
    let stolen = Terminal::with_identity(server, identity)?;
    let watch = |terminal: &Terminal| {
        let mut client = terminal.print_queue_client();
        async move { client.watch_queue(WatchQueueRequest::default()).await }
    };
    let mut stream = watch(&stolen).await?.into_inner();
    stream.message().await?;
    let request = RevokeTerminalRequest {
        request_id: request_id(),
        terminal: principal.to_string(),
        purpose: "the mobile unit was broken into".to_owned(),
    };
    let call = |mut client: AdministrationClient<Line>, request| async move {
        client.revoke_terminal(request).await
    };
    let pending = leaders.head.administration(request, call).await?;
    staff::approve(&leaders.auditor, &pending.approval.unwrap_or_default()).await?;
    let ending = async { while let Ok(Some(_)) = stream.message().await {} };
    let went_on = timeout(OUT_WITHIN, ending).await.is_err();
    let again = Terminal::with_identity(server, identity)?;
    Ok((went_on, watch(&again).await.is_ok()))
}
