//! The stock of the scene that is not as it should be: a case, blanks to write off, a card that was replaced, a mistake.

use ektp::proto::{self, SerialRange};
use uuid::Uuid;

use crate::support::office::{Client, Office, request_id};

use super::{
    blanks::{FIRST_CENTRAL, run},
    scene::{DISTRICT, FIRST_BLANK},
};

/// What requests name.
#[derive(Clone)]
pub struct Stock {
    /// An open case, and serials of it.
    pub case: (String, SerialRange),
    /// Blanks in stock.
    pub to_spoil: SerialRange,
    /// Cards that a newer one has replaced.
    pub replaced: Vec<i64>,
    /// What was lost.
    pub lost: SerialRange,
    /// What is spoiled.
    pub burned: Vec<SerialRange>,
    /// The number of a movement that was a mistake.
    pub mistake: u64,
}

impl Stock {
    /// For a test that needs no office.
    pub fn nowhere() -> Self {
        let one = run(FIRST_BLANK, FIRST_BLANK);
        Self {
            case: (String::new(), one),
            to_spoil: one,
            replaced: vec![FIRST_BLANK],
            lost: one,
            burned: vec![one],
            mistake: 1,
        }
    }

    /// Of the same shape, and nowhere.
    pub fn missing(&self) -> Self {
        let further = |range: &SerialRange| run(range.first + 500_000, range.last + 500_000);
        let first = self.replaced[0];
        Self {
            case: (Uuid::new_v4().to_string(), self.case.1),
            to_spoil: further(&self.to_spoil),
            // The first is refused to a stranger, the second to everybody.
            replaced: vec![first, first + 500_000],
            lost: further(&self.lost),
            burned: vec![self.burned[0], further(&self.burned[0])],
            mistake: self.mistake + 500_000,
        }
    }
}

/// Sets it all; the receipt is the terminal's, the dispatch the store's.
pub async fn set(office: &Office, terminal: &mut Client, store: &mut Client) -> Stock {
    let burned = run(FIRST_BLANK + 11, FIRST_BLANK + 12);
    let mistaken = run(FIRST_BLANK + 14, FIRST_BLANK + 14);
    let lost = run(FIRST_BLANK + 18, FIRST_BLANK + 19);
    spoil(terminal, burned).await;
    let mistake = spoil(terminal, mistaken).await;
    // A replacement cannot be asked for yet, and a loss takes two offices: the tables are told of both.
    let replaced = FIRST_BLANK + 16;
    for (serials, kind) in [(run(replaced, replaced), "HANDED_OVER"), (lost, "LOST")] {
        let (first, last) = (serials.first, serials.last);
        let moved = format!(
            "begin; set local ektp.scope = 'nation';
             select from move_custody('{{{kind}}}', '{{{first}}}', '{{{last}}}', '{{3575}}', '{{IN_STOCK}}', '{{3575}}', '{{{kind}}}',
                 array[null::uuid], '', clock_timestamp(), gen_random_uuid(), null, null);
             commit"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(moved))
            .execute(&office.sql)
            .await
            .expect("blanks move");
    }
    sqlx::query(
        "insert into card (
            serial, district, location, resident_id, print_request_id, chip_uid, state, bound_at
        )
        select $1, 3575, 3575, resident_id, print_request_id, 'replaced', 'ENDED', bound_at from card order by serial limit 1",
    )
    .bind(replaced)
    .execute(&office.sql)
    .await
    .expect("a card was replaced");
    Stock {
        case: case(terminal, store).await,
        to_spoil: run(FIRST_BLANK + 26, FIRST_BLANK + 27),
        replaced: vec![replaced],
        lost,
        burned: vec![burned],
        mistake,
    }
}

async fn spoil(terminal: &mut Client, serials: SerialRange) -> u64 {
    let request = proto::RecordSpoiledRequest {
        request_id: request_id(),
        location: String::new(),
        serials: vec![serials],
        kind: proto::SpoilageKind::DamagedInStore.into(),
        document_number: "RS-scene".to_owned(),
    };
    let answer = terminal.inventory.record_spoiled(request).await;
    let movements = answer.expect("blanks are spoiled").into_inner().movements;
    movements[0].number
}

async fn case(terminal: &mut Client, store: &mut Client) -> (String, SerialRange) {
    let sent = run(FIRST_CENTRAL + 20, FIRST_CENTRAL + 29);
    let dispatch = proto::DispatchShipmentRequest {
        request_id: request_id(),
        destination: DISTRICT.to_owned(),
        document_number: "SJ-case".to_owned(),
        serials: vec![sent],
        origin: String::new(),
        blank_request_id: String::new(),
    };
    let shipment = store.inventory.dispatch_shipment(dispatch).await;
    let shipment = shipment.expect("a dispatch").into_inner().shipment;
    let receipt = proto::ReceiveShipmentRequest {
        request_id: request_id(),
        shipment_id: shipment.expect("a shipment").shipment_id,
        serials: vec![run(sent.first, sent.last - 4)],
        document_number: "BAST-case".to_owned(),
    };
    let received = terminal.inventory.receive_shipment(receipt).await;
    received.expect("a receipt");
    let list = proto::ListStockCasesRequest::default();
    let cases = terminal.inventory.list_stock_cases(list).await;
    let cases = cases.expect("cases are listed").into_inner().cases;
    (cases[0].case_id.clone(), run(sent.last - 3, sent.last))
}
