//! Every act of a small story has its row, in its own district's chain, and no act has two.

use ektp::proto;
use tonic::Code;

use crate::support::{
    office::{Office, request_id},
    people::{draft, residents},
};

const DISTRICT: i32 = 3_575;
const TERMINAL: &str = "ektp://district/35.75/site/office/terminal/1";

#[tokio::test]
async fn an_act_has_one_row_however_often_it_is_asked_for() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(draft(&residents("35.75", 1)[0])),
    };
    for _ in 0..3 {
        let answer = terminal.registration.record_enrolment(request.clone());
        answer.await.expect("the person is recorded");
    }
    let rows = office.audit_rows(DISTRICT).await;
    let of_the_act: Vec<_> = rows
        .iter()
        .filter(|row| row.method == "Registration/RecordEnrolment")
        .collect();
    assert_eq!(of_the_act.len(), 1, "{rows:?}");
    let row = of_the_act[0];
    assert_eq!(
        (row.kind.as_str(), row.code, row.reason.as_str()),
        ("ACT", 0, "")
    );
    assert_eq!(row.terminal, TERMINAL);
    assert_eq!(
        row.request_id.map(|id| id.to_string()),
        Some(request.request_id)
    );
}

#[tokio::test]
async fn a_refused_act_has_its_row_with_the_reason_and_a_replay_adds_none() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let request = proto::StartHandoverRequest {
        request_id: request_id(),
        collection_id: request_id(),
    };
    for _ in 0..3 {
        let refused = terminal.handover.start_handover(request.clone()).await;
        assert_eq!(refused.expect_err("no such card").code(), Code::NotFound);
    }
    let rows = office.audit_rows(DISTRICT).await;
    let of_the_act: Vec<_> = rows
        .iter()
        .filter(|row| row.method == "Handover/StartHandover")
        .collect();
    assert_eq!(of_the_act.len(), 1, "{rows:?}");
    assert_eq!(of_the_act[0].code, Code::NotFound as i32);
    assert!(!of_the_act[0].reason.is_empty());
    assert_eq!(
        of_the_act[0].request_id.map(|id| id.to_string()),
        Some(request.request_id)
    );
}

#[tokio::test]
async fn every_act_of_a_story_stands_in_the_chains_and_the_chains_hold() {
    let office = Office::open().await;
    office.printed("35.75", 3).await;
    let rows = office.audit_rows(DISTRICT).await;
    for row in &rows {
        assert!(!row.resources.is_empty(), "an act about nothing: {row:?}");
    }
    let methods: Vec<String> = rows.into_iter().map(|row| row.method).collect();
    for (method, times) in [
        ("Registration/RecordEnrolment", 3),
        ("Registration/IssueInterimCertificates", 1),
        ("Registration/RecordVerdicts", 1),
        ("Inventory/DispatchShipment", 1),
        ("Inventory/ReceiveShipment", 1),
        ("PrintQueue/SubmitPrintRequests", 1),
        ("PrintQueue/LeasePrintRequests", 1),
        ("PrintQueue/BindBlanks", 1),
        ("PrintQueue/ReportPrinted", 1),
    ] {
        let found = methods.iter().filter(|found| *found == method).count();
        assert_eq!(found, times, "{method} in {methods:?}");
    }
    let centre = office.audit_rows(0).await;
    assert!(
        centre
            .iter()
            .any(|row| row.method == "Inventory/RegisterDelivery")
    );
    let head = office.head().await;
    let report = office.verified(&[head]).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    assert!(report.rows >= 12 && report.chains >= 2, "{report:?}");
}
