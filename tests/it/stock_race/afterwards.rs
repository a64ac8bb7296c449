//! When all is quiet: the ledger has every act that was answered and no other, once; no account was ever below nought; and the
//! auditor's program finds nothing, neither now nor of the time of a certificate that was given in the middle of it.
//!
//! What is easily got wrong: a client that asks again hides an act that was done twice. So acts are known by their request
//! ids, and what each moved is compared with what its answer said.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
};

use ektp::embedded;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::process::Command;
use uuid::Uuid;

use super::{clerk::Told, laws::NEGATIVE, picture::look_once};
use crate::{fire::world::World, support::Folder};

/// The acts that moved something.
pub async fn acts_of(db: &mut PgConnection) -> BTreeSet<Uuid> {
    sqlx::query_scalar("select distinct request_id from movement")
        .fetch_all(db)
        .await
        .expect("the ledger can be read")
        .into_iter()
        .collect()
}

/// All that must hold at the end; `before` are the acts from before the race.
pub async fn assert_settled(world: &World, told: &Told, before: &BTreeSet<Uuid>) {
    let mut db = world.postgres.session("ektp").await;
    let (_, breaches) = look_once(&mut db).await.expect("all is quiet");
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    let negative: Vec<String> = sqlx::query_scalar(NEGATIVE)
        .fetch_all(&mut db)
        .await
        .expect("the ledger can be read");
    assert!(negative.is_empty(), "{}", negative.join("\n"));
    assert_told_once(&mut db, told, before).await;
    let certificate = told.certificate.as_deref();
    let certificate = certificate.expect("somebody was given a certificate");
    audit(world, None).await;
    audit(world, Some(certificate)).await;
}

async fn assert_told_once(db: &mut PgConnection, told: &Told, before: &BTreeSet<Uuid>) {
    // How many serials each act moved, and how many of them were different.
    let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "with act as (
             select request_id, sum(upper(serials) - lower(serials)) as moved, range_agg(serials) as runs
             from movement group by request_id
         )
         select a.request_id, a.moved::bigint,
             (select sum(upper(r) - lower(r)) from unnest(a.runs) as r)::bigint
         from act as a",
    )
    .fetch_all(&mut *db)
    .await
    .expect("the ledger can be read");
    let mut ledger = BTreeMap::new();
    for (id, moved, different) in rows {
        assert_eq!(moved, different, "{id} moved a serial twice");
        if !before.contains(&id) {
            assert!(told.moved.contains_key(&id), "{id} was never answered well");
            ledger.insert(id, moved);
        }
    }
    let answered: Vec<Uuid> =
        sqlx::query_scalar("select request_id from request where answer_code = 0")
            .fetch_all(db)
            .await
            .expect("the answers can be read");
    let answered: BTreeSet<Uuid> = answered.into_iter().collect();
    for (id, quantity) in &told.moved {
        assert!(
            answered.contains(id),
            "{id} was answered, and it is forgotten"
        );
        let moved = ledger.get(id).copied().unwrap_or(0);
        assert_eq!(moved, *quantity, "{id} moved something else than it said");
    }
}

/// The auditor's program, with a certificate that was kept or without.
async fn audit(world: &World, certificate: Option<&str>) {
    let folder = Folder::new();
    let owner = world.postgres.options("ektp", embedded::OWNER);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ektp"));
    command
        .arg("audit-stock")
        .env("EKTP_DATA", folder.path())
        .env("DATABASE_URL", owner.to_url_lossy().as_str())
        .env("EKTP_LOG", "warn")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(certificate) = certificate {
        let path = folder.join("kept.txt");
        std::fs::write(&path, certificate).expect("the folder is ours");
        command.arg("--certificate").arg(path);
    }
    let output = command.output().await.expect("the program can be started");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
