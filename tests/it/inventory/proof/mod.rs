//! That every blank can be proved: certificates, the audit of the stock, and the statements, through the client of the
//! offices and the program that auditors run.

use ektp::proto;
use tonic::Status;

use super::{Blanks as _, metadata};
use crate::support::{
    Folder,
    office::{Client, Office, reason},
};

mod control;
mod ledger;
mod statement;
mod tamper;

impl Office {
    /// Audits the stock, with a certificate or without.
    async fn audited(&self, certificate: Option<&str>) -> (bool, String) {
        let folder = Folder::new();
        let Some(certificate) = certificate else {
            return self.ektp(&folder, &["audit-stock"]).await;
        };
        let path = kept(&folder, "kept.txt", certificate);
        self.ektp(&folder, &["audit-stock", "--certificate", &path])
            .await
    }

    /// Fails unless the audit finds nothing.
    async fn assert_audited(&self, certificate: Option<&str>) {
        let (well, said) = self.audited(certificate).await;
        assert!(well, "{said}");
    }

    /// Two districts with blanks, some on their way, some missing at the receipt, some bound, printed, handed over.
    async fn busy(&self) {
        let mut store = self.centre("store").await;
        let mut terminal = self.terminal("35.75/office/1").await;
        store
            .deliver(&[(1, 1000), (5001, 6000)])
            .await
            .expect("a delivery");
        store.deliver(&[(1001, 1100)]).await.expect("a delivery");
        let sent = store
            .dispatch("35.75", &[(1, 500)])
            .await
            .expect("a dispatch");
        let arrived = [(1, 300), (304, 500)];
        terminal
            .receive(&sent.shipment_id, &arrived)
            .await
            .expect("a receipt");
        store
            .dispatch("35.14", &[(501, 700)])
            .await
            .expect("a dispatch");
        store
            .dispatch("36.71", &[(5001, 5100)])
            .await
            .expect("a dispatch");
        self.queued("35.75", 6).await;
        let leases = terminal.lease(3).await.leases;
        terminal.bind(&leases, 101).await;
        terminal.report(&leases[..2], 101).await;
        hand_over(&mut terminal).await;
    }
}

/// Hands over the card that waits longest.
async fn hand_over(terminal: &mut Client) {
    let card = terminal.awaiting().await.remove(0);
    let challenge = terminal.start_handover(&card.collection_id).await;
    let challenge = challenge.expect("the card is there");
    let handed = terminal.complete_handover(&challenge, true).await;
    handed.expect("the holder was matched");
}

/// Keeps a file in a folder; answers its path.
fn kept(folder: &Folder, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("the folder is ours");
    path.display().to_string()
}

/// Asks for a certificate.
async fn certify(
    client: &mut Client,
    scope: &str,
) -> Result<proto::CertifyConservationResponse, Status> {
    let request = proto::CertifyConservationRequest {
        scope: scope.to_owned(),
    };
    let answer = client.inventory.certify_conservation(request).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_certificate_proves_a_district_a_province_and_the_nation() {
    let office = Office::open().await;
    office.busy().await;
    let mut centre = office.centre("policy").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let key = centre
        .inventory
        .get_certification_key(proto::GetCertificationKeyRequest {});
    let key = key
        .await
        .expect("everybody may have it")
        .into_inner()
        .public_key;
    let of_district = certify(&mut terminal, "").await.expect("it balances");
    let mut certificates = vec![of_district.clone()];
    for scope in ["35.75", "35.14", "35", ""] {
        certificates.push(certify(&mut centre, scope).await.expect("it balances"));
    }
    let at_home = of_district
        .file
        .lines()
        .filter(|line| !line.starts_with("made"));
    let at_the_centre = certificates[1].file.lines();
    let told = at_the_centre.filter(|line| !line.starts_with("made"));
    let unsigned = |line: &&str| !line.starts_with("signature");
    assert!(
        at_home.filter(unsigned).eq(told.filter(unsigned)),
        "the walls hide nothing of it"
    );
    for line in [
        "giver: centre 6",
        "location: 35.75 movements 9 received 500 sent-on 0 due 0 leaf ",
        "total: AT_SITE 1 BOUND 1 DISPUTED 3 HANDED_OVER 1 IN_STOCK 494",
    ] {
        assert!(
            of_district.file.contains(line),
            "{line} is not in\n{}",
            of_district.file
        );
    }
    let nation = &certificates[4];
    assert_eq!(
        (nation.scope.as_str(), nation.registered),
        ("nation", 2_100)
    );
    let all: u64 = nation.totals.iter().map(|state| state.quantity).sum();
    assert_eq!(all, 2_100);
    assert!(
        nation
            .file
            .contains("location: 36.71 movements 0 received 0 sent-on 0 due 100 ")
    );

    // Everything goes on: the certificates stay true of their time.
    let mut store = office.centre("store").await;
    store
        .dispatch("35.75", &[(701, 800)])
        .await
        .expect("a dispatch");
    hand_over(&mut terminal).await;
    let folder = Folder::new();
    for certificate in &certificates {
        let path = kept(&folder, "certificate.txt", &certificate.file);
        let (well, said) = office
            .ektp(&folder, &["verify-certificate", &path, "--key", &key])
            .await;
        assert!(well && said.contains(&certificate.root), "{said}");
        office.assert_audited(Some(&certificate.file)).await;
    }
}

#[tokio::test]
async fn a_certificate_that_was_changed_or_is_anothers_is_refused_offline() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let certificate = certify(&mut terminal, "").await.expect("it balances").file;
    let folder = Folder::new();
    let verified = async |file: &str, more: &[&str]| {
        let path = kept(&folder, "certificate.txt", file);
        let arguments = [&["verify-certificate", &path], more].concat();
        office.ektp(&folder, &arguments).await
    };
    let (well, said) = verified(&certificate, &[]).await;
    assert!(well && said.contains("no key was given"), "{said}");
    let changed = certificate.replace("IN_STOCK 100", "IN_STOCK 101");
    let (well, said) = verified(&changed, &[]).await;
    assert!(
        !well && said.contains("it was changed after it was signed"),
        "{said}"
    );
    let other = "00".repeat(32);
    let (well, said) = verified(&certificate, &["--key", &other]).await;
    assert!(
        !well && said.contains("which is not the key given"),
        "{said}"
    );
    let (well, said) = verified("hello\n", &[]).await;
    assert!(!well && said.contains("it is not a signed text"), "{said}");

    // What moves shows in the numbers; what changes without moving is seen against the older certificate.
    let older = kept(&folder, "older.txt", &certificate);
    office.stock("35.75", 201, 300).await;
    let grown = certify(&mut terminal, "").await.expect("it balances").file;
    let (well, said) = verified(&grown, &["--older", &older]).await;
    assert!(well, "{said}");
    let older = kept(&folder, "older.txt", &grown);
    office
        .tamper(
            "update custody set serials = int8range(202, 301) where lower(serials) = 201;
             insert into custody values (int8range(401, 402), 3575, 'IN_STOCK')",
        )
        .await;
    let swapped = certify(&mut terminal, "")
        .await
        .expect("the sums are right")
        .file;
    let (well, said) = verified(&swapped, &["--older", &older]).await;
    let found = "35.75 has other serials, and nothing moved there";
    assert!(!well && said.contains(found), "{said}");
}

#[tokio::test]
async fn what_does_not_balance_is_not_certified() {
    let office = Office::open().await;
    office.busy().await;
    let mut centre = office.centre("policy").await;
    office
        .tamper("delete from custody where location = 3575 and state = 'DISPUTED'")
        .await;
    for (scope, places) in [("35.75", "35.75"), ("35", "35.75"), ("", "35.75,nation")] {
        let refused = certify(&mut centre, scope)
            .await
            .expect_err("three are gone");
        assert_eq!(reason(&refused), "NOT_CONSERVED");
        assert_eq!(metadata(&refused)["locations"], places, "{scope}");
    }
    certify(&mut centre, "35.14")
        .await
        .expect("nothing is gone there");
}
