//! The public statement: what it says of a day is what the offices saw on that day, whenever it is made.

use ektp::{
    audit::{self, is_signed},
    proto,
};
use time::macros::datetime;

use super::{super::Blanks as _, hand_over};
use crate::support::{Folder, office::Office};

fn bytes<const N: usize>(text: &serde_json::Value) -> [u8; N] {
    let text = text.as_str().expect("hexadecimal");
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    let all: Vec<u8> = (0..text.len()).step_by(2).map(digits).collect();
    all.try_into().expect("so many bytes")
}

#[tokio::test]
async fn the_statement_equals_the_ledger() {
    let office = Office::open().await;
    office.busy().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let sent = store
        .dispatch("35.75", &[(701, 720)])
        .await
        .expect("a dispatch");
    let stock: proto::Stock = terminal.stock_of("").await;
    // The next day begins, and much is otherwise.
    office.clock.set(datetime!(2017-04-18 17:30 UTC));
    let arrived = [(701, 720)];
    terminal
        .receive(&sent.shipment_id, &arrived)
        .await
        .expect("a receipt");
    let leases = terminal.lease(2).await.leases;
    terminal.bind(&leases, 201).await;
    terminal.report(&leases, 201).await;
    hand_over(&mut terminal).await;

    let folder = Folder::new();
    let out = folder.join("out").display().to_string();
    let of = |day: &'static str| {
        [
            "export",
            "statement",
            "--district",
            "35.75",
            "--day",
            day,
            "--out",
        ]
    };
    let (well, said) = office
        .ektp(&folder, &[&of("2017-04-18")[..], &[&out]].concat())
        .await;
    assert!(well, "{said}");
    let read = |name: &str| std::fs::read_to_string(folder.join("out").join(name)).expect(name);
    let text = read("statement-35.75-2017-04-18.txt");
    let json = read("statement-35.75-2017-04-18.json");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let figures = [
        ("on_hand", stock.in_stock),
        ("due_in", stock.in_transit),
        ("bound", stock.bound),
        ("awaiting_collection", stock.at_site),
        ("printed", stock.at_site + stock.handed_over),
        ("print_ready_waiting", 3),
        ("held", 0),
    ];
    for (name, figure) in figures {
        assert_eq!(json[name], figure, "{name} in\n{text}");
    }
    assert_eq!(stock.in_transit, 20, "there was something to tell");
    assert_eq!(json["as_of"], "2017-04-18T17:00:00.000000Z");
    for line in [
        "name: Kota Pasuruan",
        "due in: 20",
        "print-ready waiting: 3",
        "awaiting collection: 1",
    ] {
        assert!(
            text.lines().any(|own| own == line),
            "{line} is not in\n{text}"
        );
    }
    let (signed, _) = text.split_once("public key: ").expect("it is signed");
    let (key, signature) = (bytes(&json["public_key"]), bytes::<64>(&json["signature"]));
    assert!(is_signed(signed.as_bytes(), &signature, &key));
    let own = audit::Key::open_or_create(folder.path()).expect("it was made");
    assert_eq!(own.public(), key);

    let now = terminal.stock_of("").await;
    let (well, said) = office.ektp(&folder, &of("2017-04-19")[..6]).await;
    assert!(well, "{said}");
    for line in [
        format!("on hand: {}", now.in_stock),
        "due in: 0".to_owned(),
        "print-ready waiting: 1".to_owned(),
        "printed: 2".to_owned(),
        format!("awaiting collection: {}", now.at_site),
    ] {
        assert!(
            said.lines().any(|own| own == line),
            "{line} is not in\n{said}"
        );
    }
    let (well, said) = office.ektp(&folder, &of("9000-01-01")[..6]).await;
    assert!(!well && said.contains("has not begun in 35.75"), "{said}");
}
