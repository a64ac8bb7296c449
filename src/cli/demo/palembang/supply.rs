//! How the city comes to its blanks: the rule that sees them run low, the request to the centre of which the province is
//! informed, the grant, the delivery and its receipt.
//!
//! What is easily got wrong: the rule looks at real intervals of minutes, in which the story's days pass. The demo lets it
//! look at one moment, with the story's clock; what it then finds and asks for is its own.

use super::plan::{ASKED, ASKING_DAY, BLANKS, BLANKS_DAY, GRANT_DAY, SHORT_DAY};
use crate::{
    cli::{
        Failure,
        client::{Line, Terminal, request_id},
        demo::{
            office::Office,
            place::{self, at},
            staff::happened,
        },
        host::Host,
    },
    proto::{
        BlankGrant, BlankRequest, BlankRequestCause, BlankRequestRoute, BlankRequestState,
        DecideBlankRequestRequest, DispatchShipmentRequest, ListBlankRequestsRequest,
        ReceiveShipmentRequest, RegisterDeliveryRequest, RequestBlanksRequest, SerialRange,
        Shipment, WithdrawBlankRequestRequest, decide_blank_request_request::Decision,
        inventory_client::InventoryClient,
    },
};

/// The first of the serials that the centre sends; the rest of the earlier delivery lies below.
const FIRST_SERIAL: i64 = 350_100_001;

/// What happened, by the system's answers.
pub struct Supply {
    /// What the rule asked for by itself, and whether its district took it back.
    pub raised: BlankRequest,
    pub withdrawn: BlankRequestState,
    /// The city's own request as it stood when it was made, and at the end.
    pub asked: BlankRequest,
    pub granted: BlankRequest,
    pub fulfilled: BlankRequest,
    /// Whether the province's list has it, and whether the province could decide it.
    pub informed: bool,
    pub province_decided: bool,
    /// What came, with both signatures.
    pub shipment: Shipment,
}

impl Supply {
    /// From asking to having, in days.
    pub fn days(&self) -> usize {
        let day = |time: &Option<prost_types::Timestamp>| place::local_day(time.as_ref());
        let ends = day(&self.fulfilled.request_time).zip(day(&self.fulfilled.receive_time));
        let days = ends.map(|(asked, received)| (received - asked).whole_days());
        days.and_then(|days| usize::try_from(days).ok())
            .unwrap_or(usize::MAX)
    }
}

/// From the day on which no blank is left to the day on which 20,000 lie in the city's store.
pub async fn run(host: &Host, office: &Office) -> Result<Supply, Failure> {
    let province = office.province.as_ref();
    let province = province.ok_or_else(|| Failure::Call("nobody is at the province".to_owned()))?;
    office.clock.set(at(SHORT_DAY, 8, 0));
    host.look_at_stock().await?;
    let raised = open(&office.stockkeeper).await?;

    // The rule asks for those who wait in the queue; the city knows of many more who will come.
    office.clock.set(at(ASKING_DAY, 9, 0));
    let withdrawn = withdraw(office, &raised).await?.state();
    let asked = ask(office).await?;
    let informed = list(province).await?.iter().any(|seen| seen == &asked);
    let province_decided = happened(
        decide(province, &asked).await,
        "BLANK_REQUEST_DECIDED_ELSEWHERE",
    )?;
    office.clock.set(at(GRANT_DAY, 14, 0));
    let granted = decide(&office.store, &asked).await?;

    office.clock.set(at(BLANKS_DAY, 9, 0));
    let shipment = send(office, &asked).await?;
    office.clock.set(at(BLANKS_DAY, 15, 0));
    let shipment = receive(office, &shipment).await?;
    let requests = list(&office.stockkeeper).await?;
    let is_ours = |request: &BlankRequest| request.blank_request_id == asked.blank_request_id;
    let fulfilled = requests.into_iter().find(is_ours);
    Ok(Supply {
        raised,
        withdrawn,
        granted,
        fulfilled: fulfilled.ok_or_else(unanswered)?,
        asked,
        informed,
        province_decided,
        shipment,
    })
}

fn unanswered() -> Failure {
    Failure::Call("a request for blanks was not answered".to_owned())
}

/// The request that the city has open; it has one at a time.
async fn open(terminal: &Terminal) -> Result<BlankRequest, Failure> {
    let waits = |request: &BlankRequest| {
        request.state() == BlankRequestState::Requested
            && request.cause() == BlankRequestCause::LowStock
    };
    let request = list(terminal).await?.into_iter().find(waits);
    request.ok_or_else(|| Failure::Call("the stock ran low and nothing was asked for".to_owned()))
}

async fn list(terminal: &Terminal) -> Result<Vec<BlankRequest>, Failure> {
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.list_blank_requests(request).await
    };
    let page = terminal
        .inventory(ListBlankRequestsRequest::default(), call)
        .await?;
    Ok(page.blank_requests)
}

async fn withdraw(office: &Office, raised: &BlankRequest) -> Result<BlankRequest, Failure> {
    let request = WithdrawBlankRequestRequest {
        request_id: request_id(),
        blank_request_id: raised.blank_request_id.clone(),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.withdraw_blank_request(request).await
    };
    let answer = office.stockkeeper.inventory(request, call).await?;
    answer.blank_request.ok_or_else(unanswered)
}

async fn ask(office: &Office) -> Result<BlankRequest, Failure> {
    let request = RequestBlanksRequest {
        request_id: request_id(),
        quantity: ASKED.into(),
        route: BlankRequestRoute::Direct.into(),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.request_blanks(request).await
    };
    let answer = office.stockkeeper.inventory(request, call).await?;
    answer.blank_request.ok_or_else(unanswered)
}

async fn decide(office: &Terminal, asked: &BlankRequest) -> Result<BlankRequest, tonic::Status> {
    let grant = BlankGrant {
        quantity: BLANKS.into(),
        collection_date: BLANKS_DAY.to_string(),
    };
    let request = DecideBlankRequestRequest {
        request_id: request_id(),
        blank_request_id: asked.blank_request_id.clone(),
        decision: Some(Decision::Grant(grant)),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.decide_blank_request(request).await
    };
    let answer = office.inventory(request, call).await?;
    Ok(answer.blank_request.unwrap_or_default())
}

/// The maker delivers to the centre, and the centre sends it all for the request.
async fn send(office: &Office, asked: &BlankRequest) -> Result<Shipment, Failure> {
    let serials = vec![SerialRange {
        first: FIRST_SERIAL,
        last: FIRST_SERIAL + i64::from(BLANKS) - 1,
    }];
    let delivery = RegisterDeliveryRequest {
        request_id: request_id(),
        document_number: "BA/2017/10/016".to_owned(),
        serials: serials.clone(),
    };
    let register = |mut client: InventoryClient<Line>, request| async move {
        client.register_delivery(request).await
    };
    office.store.inventory(delivery, register).await?;
    let dispatch = DispatchShipmentRequest {
        request_id: request_id(),
        destination: office.place.district.to_owned(),
        document_number: format!("SJ/{}/2017/016", office.place.district),
        serials,
        origin: String::new(),
        blank_request_id: asked.blank_request_id.clone(),
    };
    let send = |mut client: InventoryClient<Line>, request| async move {
        client.dispatch_shipment(request).await
    };
    let answer = office.store.inventory(dispatch, send).await?;
    answer
        .shipment
        .ok_or_else(|| Failure::Call("a shipment was dispatched and not answered".to_owned()))
}

/// The city takes in all that was sent.
async fn receive(office: &Office, shipment: &Shipment) -> Result<Shipment, Failure> {
    let request = ReceiveShipmentRequest {
        request_id: request_id(),
        shipment_id: shipment.shipment_id.clone(),
        serials: shipment.serials.clone(),
        document_number: format!("BAST/{}/2017/016", office.place.district),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.receive_shipment(request).await
    };
    let answer = office.stockkeeper.inventory(request, call).await?;
    answer
        .shipment
        .ok_or_else(|| Failure::Call("a shipment was received and not answered".to_owned()))
}
