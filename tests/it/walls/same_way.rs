//! A foreign and a missing thing take the same way: the same statements in the same order. Whoever measures how long an
//! answer takes then learns no more than from its words.
//!
//! What is easily got wrong: one statement more for what exists, a second look or a lock, is a round trip that can be
//! measured from outside.

use ektp::caller::{Role, right};

use crate::{
    support::{
        PATIENCE,
        collector::{Received, collector, hex},
        in_own_process,
        office::{Office, request_id},
        officers::Line,
        raw,
    },
    sweep::{
        Method,
        samples::sample,
        scene::{self, EMPTY_DISTRICT},
    },
};

use super::{FOREIGN, swept};

#[tokio::test]
async fn a_foreign_and_a_missing_thing_run_the_same_statements() {
    let name = "walls::same_way::a_foreign_and_a_missing_thing_run_the_same_statements";
    if !in_own_process(name).await {
        return;
    }
    collector();
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let missing = things.missing(EMPTY_DISTRICT);
    let line = office.client(0, FOREIGN).await.channel;
    let of_terminals = |method: &Method| {
        right(&method.path).is_some_and(|right| right.callers.contains(&Role::Terminal))
    };
    let methods: Vec<Method> = swept().into_iter().filter(of_terminals).collect();
    // The first call of a terminal and of a shift is noted; later ones are remembered.
    statements(
        &line,
        &methods[0],
        sample(&methods[0].path, &missing, &request_id()),
    )
    .await;
    let mut some = 0;
    for method in &methods {
        let path = method.path.as_str();
        if path.ends_with("/RequestBlanks") {
            continue; // It names nothing but the caller's own district.
        }
        let of_foreign = statements(&line, method, sample(path, &things, &request_id())).await;
        let of_missing = statements(&line, method, sample(path, &missing, &request_id())).await;
        assert_eq!(of_foreign, of_missing, "{path} takes another way");
        some += of_foreign.len();
    }
    assert!(some > methods.len(), "statements are seen: {some}");
}

/// The statements of one call, in their order.
async fn statements(line: &Line, method: &Method, message: Vec<u8>) -> Vec<String> {
    let trace = format!("{:032x}", rand::random::<u128>());
    let header = format!("00-{trace}-b7ad6b7169203331-01");
    let metadata = [("traceparent", header.as_str())];
    let answer = raw::with_metadata(
        PATIENCE,
        line,
        &method.path,
        (message, &metadata),
        usize::MAX,
    )
    .await;
    drop(answer.expect("what is not there ends every call at once"));
    let rpc = method.path.trim_start_matches('/');
    collector()
        .wait_for(rpc, |received| {
            // The call's own span is the last one to end; by then all others are on their way.
            received.span(&trace, rpc)?;
            Some(of_trace(received, &trace))
        })
        .await
}

fn of_trace(received: &Received, trace: &str) -> Vec<String> {
    let mut spans: Vec<_> = received
        .spans
        .iter()
        .filter(|span| hex(&span.trace_id) == trace && span.name.starts_with("sql."))
        .collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans.iter().map(|span| span.name.clone()).collect()
}
