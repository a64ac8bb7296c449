//! `ektp bench watch` as people run it, with a handful of terminals: it tells what it promises, and where the figures would
//! be no figures it tells none.
//!
//! The figures themselves are not looked at: they are true of a quiet machine and an optimised build.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

/// How it ended: its standard output, or its standard error.
async fn watch(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ektp"))
        .args(["--log", "warn", "bench", "watch"])
        .args(arguments)
        .env_remove("DATABASE_URL")
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

fn is_positive(figure: &Value) -> bool {
    figure.as_f64().is_some_and(|figure| figure > 0.0)
}

#[tokio::test]
async fn the_watch_bench_counts_every_delivery_and_sees_all_terminals_back() {
    let said = watch(&[
        "--streams",
        "9",
        "--crowd",
        "3",
        "--districts",
        "3",
        "--changes",
        "10",
        "--seconds",
        "2",
        "--idle",
        "1",
        "--storm",
        "--json",
    ])
    .await
    .expect("the bench ends well");
    let told: Value = serde_json::from_str(&said).expect("it is JSON");
    let figures = &told["figures"];
    // Twenty changes, each for the three terminals of its office.
    assert_eq!(figures["freshness"]["deliveries"], 60, "{figures}");
    assert_eq!(figures["freshness"]["from_commit"]["count"], 60);
    for figure in [
        &figures["connected"]["kib_per_stream"],
        &figures["freshness"]["from_commit"]["p99_ms"],
        &figures["freshness"]["acts"]["p50_ms"],
        &figures["memory_most_kib"],
        &figures["storm"]["back_after_seconds"],
        &figures["storm"]["database"]["p99_ms"],
    ] {
        assert!(is_positive(figure), "{figures}");
    }
    let bars = told["bars"].as_array().expect("a list");
    assert!(
        bars.iter()
            .any(|bar| bar["what"] == "all back and caught up"),
        "{bars:?}"
    );
}

#[tokio::test]
async fn a_rate_that_was_not_kept_gives_no_figures() {
    let refusal = watch(&[
        "--streams",
        "1",
        "--crowd",
        "0",
        "--districts",
        "1",
        "--changes",
        "2000",
        "--seconds",
        "1",
        "--idle",
        "0",
    ])
    .await
    .expect_err("one printer cannot do that");
    assert!(refusal.contains("the figures are void"), "{refusal}");
}
