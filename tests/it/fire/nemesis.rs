//! The one who sets fire: kills, freezes and cuts in an order that the seed gives, each at least once.

use rand::{RngExt as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use sqlx::{PgConnection, Row as _};
use tokio::time::{Duration, Instant, sleep_until};

use super::world::{PROGRAMS, World};

/// Between two blows, so that something grows back.
const PAUSE: std::ops::Range<u64> = 300..1_200;
/// How long a server stands still.
const FREEZE: Duration = Duration::from_millis(1_500);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    KillServer(usize),
    KillPostgres,
    /// The connections on which the servers listen for doorbells.
    CutListeners,
    /// Some connections of servers and writers.
    CutSessions,
    FreezeServer(usize),
}

/// All of them, once.
fn deck() -> Vec<Blow> {
    let servers =
        (0..PROGRAMS).flat_map(|server| [Blow::KillServer(server), Blow::FreezeServer(server)]);
    servers
        .chain([Blow::KillPostgres, Blow::CutListeners, Blow::CutSessions])
        .collect()
}

/// Blows until the time is over and each was dealt; answers them.
pub async fn rage(world: &mut World, dice: &mut ChaCha8Rng, until: Instant) -> Vec<Blow> {
    let mut dealt = Vec::new();
    let mut idle = idle_writer(world).await;
    loop {
        let mut deck = deck();
        deck.shuffle(dice);
        for blow in deck {
            pause(Duration::from_millis(dice.random_range(PAUSE))).await;
            deal(world, blow).await;
            dealt.push(blow);
            if blow == Blow::KillPostgres {
                idle = idle_writer(world).await;
            }
        }
        if Instant::now() >= until {
            drop(idle);
            return dealt;
        }
    }
}

/// The nemesis takes its time by the clock, for it waits for nothing.
pub async fn pause(length: Duration) {
    sleep_until(Instant::now() + length).await;
}

/// One who writes in another database of the cluster and never comes to an end.
pub async fn idle_writer(world: &World) -> PgConnection {
    let mut idle = world.postgres.session("postgres").await;
    sqlx::raw_sql("begin; select pg_current_xact_id()")
        .execute(&mut idle)
        .await
        .expect("it is its own session");
    idle
}

async fn deal(world: &mut World, blow: Blow) {
    match blow {
        Blow::KillServer(server) => world.programs[server].kill_and_start().await,
        Blow::KillPostgres => world.postgres.kill_and_start().await,
        Blow::CutListeners => {
            let cut = cut(world, "application_name = 'ektp bell'", 100).await;
            assert!(cut > 0, "servers listen");
        }
        Blow::CutSessions => {
            let cut = cut(world, "application_name like 'ektp%'", 5).await;
            assert!(cut > 0, "servers and writers are at work");
        }
        Blow::FreezeServer(server) => {
            let _frozen = world.programs[server].freeze();
            pause(FREEZE).await;
        }
    }
}

/// Ends up to `most` sessions of the database.
async fn cut(world: &World, whose: &str, most: i64) -> usize {
    let mut session = world.postgres.session("ektp").await;
    let statement = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where {whose} and pid <> pg_backend_pid() order by random() limit {most}"
    );
    let cut = sqlx::query(sqlx::AssertSqlSafe(statement))
        .fetch_all(&mut session)
        .await
        .expect("the owner may");
    cut.iter().filter(|row| row.get::<bool, _>(0)).count()
}
