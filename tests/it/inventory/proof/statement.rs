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

/// What the program is asked for a day of Kota Pasuruan.
fn asked(day: &str) -> [&str; 6] {
    ["export", "statement", "--district", "35.75", "--day", day]
}

/// A busy day, and a next one on which much is otherwise; answers what the office saw at the end of each.
async fn two_days(office: &Office) -> [proto::Stock; 2] {
    office.busy().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let sent = store.dispatch("35.75", &[(701, 720)]).await;
    let sent = sent.expect("a dispatch");
    let first = terminal.stock_of("").await;
    office.clock.set(datetime!(2017-04-18 17:30 UTC));
    let arrived = terminal.receive(&sent.shipment_id, &[(701, 720)]).await;
    arrived.expect("a receipt");
    let leases = terminal.lease(2).await.leases;
    terminal.bind(&leases, 201).await;
    terminal.report(&leases, 201).await;
    hand_over(&mut terminal).await;
    [first, terminal.stock_of("").await]
}

#[tokio::test]
async fn the_statement_equals_the_ledger() {
    let office = Office::open().await;
    let [first, second] = two_days(&office).await;
    let folder = Folder::new();
    let figures = [
        ("on hand", first.in_stock),
        ("due in", 20),
        ("bound", first.bound),
        ("print-ready waiting", 3),
        ("held", 0),
        ("printed", first.at_site + first.handed_over),
        ("awaiting collection", first.at_site),
    ];
    let next = [
        ("on hand", second.in_stock),
        ("due in", 0),
        ("bound", second.bound),
        ("print-ready waiting", 1),
        ("held", 0),
        ("printed", 2),
        ("awaiting collection", second.at_site),
    ];
    for (day, figures) in [("2017-04-18", figures), ("2017-04-19", next)] {
        let (well, said) = office.ektp(&folder, &asked(day)).await;
        assert!(well, "{said}");
        for (name, figure) in figures {
            let line = format!("{name}: {figure}");
            let is_there = said.lines().any(|own| own == line);
            assert!(is_there, "{line} is not in\n{said}");
        }
    }
    let (well, said) = office.ektp(&folder, &asked("9000-01-01")).await;
    assert!(!well && said.contains("has not begun in 35.75"), "{said}");
}

#[tokio::test]
async fn a_statement_is_written_twice_under_one_signature() {
    let office = Office::open().await;
    office.stock("35.75", 1, 1_500).await;
    let folder = Folder::new();
    let out = folder.join("out").display().to_string();
    let arguments = [&asked("2017-04-18")[..], &["--out", &out]].concat();
    let (well, said) = office.ektp(&folder, &arguments).await;
    assert!(well, "{said}");
    let read = |name: &str| std::fs::read_to_string(folder.join("out").join(name)).expect(name);
    let text = read("statement-35.75-2017-04-18.txt");
    let json = read("statement-35.75-2017-04-18.json");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(text.contains("name: Kota Pasuruan\n") && text.contains("on hand: 1500\n"));
    assert_eq!(
        (&json["on_hand"], &json["due_in"]),
        (&1_500.into(), &0.into())
    );
    assert_eq!(json["as_of"], "2017-04-18T17:00:00.000000Z");
    let (signed, _) = text.split_once("public key: ").expect("it is signed");
    let (key, signature) = (bytes(&json["public_key"]), bytes::<64>(&json["signature"]));
    assert!(is_signed(signed.as_bytes(), &signature, &key));
    let own = audit::Key::open_or_create(folder.path()).expect("it was made");
    assert_eq!(own.public(), key);
}
