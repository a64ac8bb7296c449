//! The signed heads: dense whoever makes them, one at a time, each copied outside, and each the root of what is there.

use std::{fs, sync::Arc, time::Duration};

use ektp::{
    audit::{self, Head, Leaf, Signing, Tree},
    proto::ErrorReason,
};

use super::witnessed;
use crate::support::{cards::until, office::Office};

const DISTRICTS: [i32; 3] = [1_101, 3_575, 7_371];

fn numbers(heads: &[Head]) -> Vec<i64> {
    heads.iter().map(|head| head.number).collect()
}

#[tokio::test]
async fn an_empty_log_has_no_head_and_the_first_row_gives_the_first() {
    let office = Office::open().await;
    assert_eq!(office.try_head(0).await.expect("the round ends well"), None);
    office.grow(&DISTRICTS, 5).await;
    office.head().await;
    office.head().await;
    // Whoever made them: the server's own chore finds the first row as well.
    let heads = witnessed(&office.signing);
    let (head, second) = (&heads[0], &heads[1]);
    assert_eq!((head.number, head.rows, head.prior_root), (1, 15, None));
    assert!(head.is_signed());

    let mut tree = Tree::default();
    let ends: Vec<(i32, i64, Vec<u8>)> = sqlx::query_as(
        "select district, number, digest from audit where number = 5 and district <> 0 order by district",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the table is there");
    for (district, number, digest) in ends {
        let digest = digest.try_into().expect("a SHA-256");
        tree.append(
            Leaf {
                district,
                number,
                digest,
            }
            .hash(),
        );
    }
    assert_eq!(head.root, tree.root());

    let rows = office.audit_rows(0).await;
    assert_eq!(rows.len(), heads.len(), "a head is an act itself");
    assert_eq!(
        (rows[0].method.as_str(), rows[0].resources.as_str()),
        ("chore/sign_audit_head", "audit_head/1")
    );
    assert_eq!((second.rows, second.prior_root), (16, Some(head.root)));
}

#[tokio::test]
async fn servers_that_sign_at_the_same_time_make_one_dense_chain_of_heads() {
    let mut office = Office::open().await;
    office.add_server(Default::default()).await;
    office.grow(&DISTRICTS, 2).await;
    let mut made = Vec::new();
    while made.len() < 8 {
        let (one, other) = tokio::join!(office.try_head(0), office.try_head(1));
        made.extend(one.expect("the round ends well"));
        made.extend(other.expect("the round ends well"));
    }
    // Who found the file locked left its line to the other's next round.
    let waits = Arc::clone(&office.signing);
    audit::round(office.server(0).desk(), &waits)
        .await
        .expect("the round ends well");
    let heads = witnessed(&waits);
    let dense: Vec<i64> = (1..).take(heads.len()).collect();
    assert_eq!(numbers(&heads), dense, "each head once, in order");
    for pair in heads.windows(2) {
        assert_eq!(pair[1].prior_root, Some(pair[0].root));
    }
    assert!(made.iter().all(|head| heads.contains(head)));
    let report = office.verified(&heads).await;
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[tokio::test]
async fn no_server_makes_a_head_while_the_last_one_is_young() {
    let mut office = Office::open().await;
    office.add_server(Default::default()).await;
    office.grow(&DISTRICTS, 2).await;
    office.head().await;
    for server in [0, 1, 0] {
        let made = audit::round(office.server(server).desk(), &office.signing).await;
        assert_eq!(made.expect("the round ends well"), None);
    }
}

#[tokio::test]
async fn a_server_signs_by_itself() {
    let mut office = Office::open().await;
    office.grow(&DISTRICTS, 2).await;
    office.signing = Arc::new(Signing {
        every: Duration::from_millis(300),
        ..copy(&office.signing, "audit-heads.log", &office)
    });
    office.add_server(Default::default()).await;
    let signing = Arc::clone(&office.signing);
    until("three heads are witnessed", async || {
        witnessed(&signing).len() >= 3
    })
    .await;
    let heads = witnessed(&signing);
    for pair in heads.windows(2) {
        let apart = pair[1].made_at - pair[0].made_at;
        assert!(
            apart >= Duration::from_millis(275),
            "one each 300 ms: {apart}"
        );
    }
}

fn copy(signing: &Signing, file: &str, office: &Office) -> Signing {
    Signing {
        key: Arc::clone(&signing.key),
        witness: office.notices().with_file_name(file),
        every: Duration::ZERO,
    }
}

#[tokio::test]
async fn a_witness_file_gets_every_head_that_it_lacks() {
    let office = Office::open().await;
    office.grow(&DISTRICTS, 2).await;
    for _ in 0..3 {
        office.head().await;
    }
    let mut all = witnessed(&office.signing);

    // A server that died between the commit and the copy, in the middle of a line.
    let text = fs::read_to_string(&office.signing.witness).expect("it is there");
    let cut = text.lines().next().expect("a line").len() + 40;
    fs::write(&office.signing.witness, &text[..cut]).expect("it is ours");
    all.push(office.head().await);
    assert_eq!(witnessed(&office.signing), all);

    // A server that comes new with a file of its own.
    let own = Arc::new(copy(&office.signing, "own.log", &office));
    let made = audit::round(office.server(0).desk(), &own).await;
    all.extend(made.expect("the round ends well"));
    assert_eq!(witnessed(&own), all);
    let dense: Vec<i64> = (1..).take(all.len()).collect();
    assert_eq!(numbers(&all), dense);
}

#[tokio::test]
async fn a_running_server_says_when_the_table_is_not_what_it_witnessed() {
    let office = Office::open().await;
    office.grow(&DISTRICTS, 2).await;
    office.head().await;
    office
        .tamper("update audit_tree_head set row_count = row_count - 1")
        .await;
    let before = witnessed(&office.signing);
    for _ in 0..2 {
        let refused = office.try_head(0).await.expect_err("the copy differs");
        assert_eq!(refused.reason(), ErrorReason::Internal);
        assert_eq!(
            witnessed(&office.signing),
            before,
            "a forged line is never witnessed"
        );
    }
}
