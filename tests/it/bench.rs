//! `ektp bench` as people run it: the shape of its figures, and that it measures nothing on a database that may lose them.
//!
//! The figures themselves are not looked at: they are true of a quiet machine and an optimised build.

use std::process::Stdio;

use serde_json::Value;
use sqlx::ConnectOptions as _;
use tokio::process::Command;

use crate::support::office::Office;

/// How a bench ended: its standard output, or its standard error.
async fn bench(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ektp"))
        .arg("bench")
        .args(arguments)
        .env("EKTP_LOG", "warn")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the program can be started");
    let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(said(&output.stderr))
    }
}

/// The figures of a bench.
async fn figures(arguments: &[&str]) -> Value {
    let said = bench(arguments).await.expect("the bench ends well");
    serde_json::from_str(&said).expect("it is JSON")
}

/// Whether a figure is there and is not nought.
fn is_positive(figure: &Value) -> bool {
    figure.as_f64().is_some_and(|figure| figure > 0.0)
}

const SHORT: [&str; 9] = [
    "--printers",
    "2",
    "--districts",
    "1",
    "--seconds",
    "1",
    "--rounds",
    "1",
    "--json",
];

#[tokio::test]
async fn the_queue_bench_tells_cards_acts_and_latencies_of_each_batch() {
    let told = figures(&[&["queue"], &SHORT[..]].concat()).await;
    assert_eq!(told["database"]["fsync"], "on");
    let batches = told["batches"].as_array().expect("a list");
    assert_eq!(batches.len(), 2);
    for (row, batch) in batches.iter().zip([1, 50]) {
        assert_eq!(row["batch"], batch);
        assert!(is_positive(&row["cards_per_second"]), "{row}");
        assert!(is_positive(&row["acts_per_second"]), "{row}");
        for act in row["latencies"].as_array().expect("a list") {
            assert!(is_positive(&act["p99_ms"]), "{row}");
        }
    }
}

#[tokio::test]
async fn a_bench_measures_nothing_where_fsync_is_off_and_leaves_nothing_behind() {
    let office = Office::open().await;
    let options = office.sql.connect_options();
    let url = options.to_url_lossy();
    let before = databases(&office).await;
    let named = ["--database-url", url.as_str(), "--printers", "2"];
    for kind in ["queue", "ceiling", "overload"] {
        let refusal = bench(&[&[kind], &named[..]].concat()).await;
        let refusal = refusal.expect_err("fsync is off here");
        assert!(refusal.contains("fsync is off"), "{kind}: {refusal}");
    }
    let refusal = bench(&["inventory", "--database-url", url.as_str()]).await;
    let refusal = refusal.expect_err("fsync is off here");
    assert!(refusal.contains("fsync is off"), "{refusal}");
    assert_eq!(databases(&office).await, before);
}

/// How many databases and roles of benches there are.
async fn databases(office: &Office) -> i64 {
    sqlx::query_scalar(
        "select (select count(*) from pg_database where datname like 'ektp_bench_%')
            + (select count(*) from pg_roles where rolname like 'ektp_bench_%')",
    )
    .fetch_one(&office.sql)
    .await
    .expect("the database answers")
}

#[tokio::test]
async fn the_ceiling_bench_replays_what_the_server_sends_and_compares() {
    let told = figures(&[&["ceiling"], &SHORT[..]].concat()).await;
    let trips = &told["round_trips"];
    assert_eq!(trips["at_most"], 21);
    assert!(
        trips["all"].as_u64().is_some_and(|all| all <= 21),
        "{trips}"
    );
    let kinds = told["kinds"].as_array().expect("a list");
    assert_eq!(kinds.len(), 4, "graphile-worker was not asked for");
    for kind in kinds {
        assert!(is_positive(&kind["per_second"]), "{kind}");
    }
    for verdict in told["verdicts"].as_array().expect("a list") {
        assert!(is_positive(&verdict["ratio"]), "{verdict}");
    }
}

#[tokio::test]
async fn the_overload_bench_tells_what_was_done_and_what_was_refused() {
    let short = [
        "overload",
        "--printers",
        "2",
        "--districts",
        "1",
        "--seconds",
        "2",
        "--json",
    ];
    let told = figures(&short).await;
    assert!(is_positive(&told["capacity_cards_per_second"]), "{told}");
    let overload = &told["overload"];
    assert!(is_positive(&overload["cards_per_second"]), "{told}");
    let seconds = &overload["cards_and_acts_by_second"];
    assert_eq!(seconds.as_array().map(Vec::len), Some(2), "{told}");
    let kinds = overload["kinds"].as_array().expect("a list");
    assert_eq!(kinds.len(), 4);
    for kind in kinds {
        let outcomes = &kind["outcomes"];
        let refused = outcomes["refused"].as_object().expect("a table");
        let refused: u64 = refused.values().filter_map(Value::as_u64).sum();
        let done = outcomes["done"].as_u64().expect("a count");
        assert_eq!(outcomes["sent"], done + refused, "{kind}");
    }
    assert!(is_positive(&told["normal_p99_ms"]), "{told}");
    assert_eq!(told["verdicts"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_inventory_bench_tells_rows_and_runs_lives_and_shipments_beside_their_ceiling() {
    let small = [
        "inventory",
        "--blanks",
        "600000",
        "--bound",
        "300",
        "--locations",
        "40",
        "--clients",
        "2",
        "--seconds",
        "1",
        "--rounds",
        "1",
        "--json",
    ];
    let told = figures(&small).await;
    let figures = &told["figures"];
    for custody in ["custody", "custody_at_the_end"] {
        let custody = &figures[custody];
        assert_eq!(custody["rows"], custody["maximal_runs"], "{figures}");
        // Each bound blank lies in a gap of its own, or beside another one or a border.
        assert!(custody["rows"].as_i64() > Some(500), "{figures}");
    }
    assert_eq!(figures["locate"]["movements_most"], 6, "{figures}");
    for figure in [
        &figures["locate"]["server_p50_ms"],
        &figures["locate"]["server_p99_ms"],
        &figures["locate"]["client_p99_ms"],
        &figures["shipments"]["per_second"],
        &figures["shipments"]["ceiling_per_second"],
        &figures["shipments"]["acts"][0]["p99_ms"],
        &figures["shipments"]["acts"][1]["round_trips"],
        &figures["sizes"][0]["bytes"],
    ] {
        assert!(is_positive(figure), "{figures}");
    }
    assert_eq!(told["verdicts"].as_array().map(Vec::len), Some(4));
    for verdict in told["verdicts"].as_array().expect("a list") {
        assert!(is_positive(&verdict["seen"]), "{verdict}");
    }
}
