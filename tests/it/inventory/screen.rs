//! The program's own window on a district's stores, read line by line: its sums follow what happens.

use std::process::Stdio;

use ektp::proto::StockCaseKind;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::{Blanks as _, cases::cases};
use crate::support::{Folder, PATIENCE, office::Office, stream::quick};

const PLACE: &str = "35.75/office/1";
const PRINCIPAL: &str = "ektp://district/35.75/site/office/terminal/1";

/// The window of one terminal, with the officer who works there or without.
struct Window {
    lines: Lines<BufReader<ChildStdout>>,
    /// Killed when the window is dropped.
    _child: Child,
    _folder: Folder,
}

impl Window {
    async fn open(office: &Office, on_shift: bool) -> Self {
        let folder = Folder::new();
        let identity = office.identity(PRINCIPAL);
        identity
            .write_to(folder.path())
            .expect("the folder is ours");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ektp"));
        command
            .args(["stock", "--plain", "--server"])
            .arg(format!("https://{}", office.server(0).address()))
            .arg("--certificate")
            .arg(folder.path())
            .env("EKTP_LOG", "off")
            .env_remove("EKTP_SHIFT");
        if on_shift {
            let shift = office.shift(PRINCIPAL).await;
            command.env("EKTP_SHIFT", shift.to_string());
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It tells there that it reconnects.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program can be started");
        let out = child.stdout.take().expect("a pipe");
        Self {
            lines: BufReader::new(out).lines(),
            _child: child,
            _folder: folder,
        }
    }

    /// Reads on to the next line that has all of these words; a stream that goes on tells no new picture.
    async fn until(&mut self, words: &[&str]) -> String {
        let reading = async {
            loop {
                let line = self.lines.next_line().await.expect("lines of text");
                let line = line.expect("the window stays open");
                assert!(!line.starts_with("resync"), "{line}");
                let told: Vec<&str> = line.split(' ').collect();
                if words.iter().all(|word| told.contains(word)) {
                    return line;
                }
            }
        };
        let found = timeout(PATIENCE, reading).await;
        found.unwrap_or_else(|_| panic!("waited in vain for a line with {words:?}"))
    }
}

#[tokio::test]
async fn a_window_on_the_stores_follows_a_dispatch_a_receipt_and_a_bound_card() {
    let office = Office::open_with(quick()).await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal(PLACE).await;
    let mut window = Window::open(&office, true).await;
    window.until(&["snapshot", "entries=0", "in_stock=0"]).await;

    store.deliver(&[(1, 10)]).await.expect("a delivery");
    let sent = store.dispatch("35.75", &[(1, 10)]).await;
    let sent = sent.expect("a dispatch").shipment_id;
    window
        .until(&["change", "1-10@35.75=IN_TRANSIT", "in_transit=10"])
        .await;
    let shipment = format!("id={sent}");
    window
        .until(&["shipment", &shipment, "from=centre", "quantity=10"])
        .await;

    let received = terminal.receive(&sent, &[(1, 8)]).await;
    received.expect("a receipt");
    window
        .until(&["change", "in_stock=8", "in_transit=0", "disputed=2"])
        .await;

    office.queued("35.75", 1).await;
    let leases = terminal.lease(1).await.leases;
    terminal.bind(&leases, 3).await;
    window
        .until(&["change", "3-3@35.75=BOUND", "in_stock=7", "bound=1"])
        .await;

    let case = cases(&mut terminal).await.remove(0);
    assert_eq!(case.kind(), StockCaseKind::MissingAtReceipt);
    let mut fresh = Window::open(&office, true).await;
    fresh
        .until(&["snapshot", "in_stock=7", "bound=1", "disputed=2"])
        .await;
    fresh
        .until(&["account", "location=35.75", "received=10", "sent_on=0"])
        .await;
    let line = fresh
        .until(&["case", &format!("id={}", case.case_id), "quantity=2"])
        .await;
    assert!(line.contains(" kind=MISSING_AT_RECEIPT location=35.75 counterpart=centre "));
    fresh.until(&["open", "shipments=0", "cases=1"]).await;
}

#[tokio::test]
async fn a_window_without_an_officer_shows_the_stores_and_no_case() {
    let office = Office::open_with(quick()).await;
    office.stock("35.75", 1, 5).await;
    let mut window = Window::open(&office, false).await;
    window.until(&["snapshot", "entries=1", "in_stock=5"]).await;
    window.until(&["account", "received=5"]).await;
    let line = window.until(&["open"]).await;
    assert_eq!(line, "open shipments=0");
}
