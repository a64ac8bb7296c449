//! Makes the stock: deliveries, shipments and single bindings, all by the function that moves custody in the product.
//!
//! What is easily got wrong: the bindings come one by one in a random order, each a call of its own; a whole store at once
//! would leave another index. Two sessions bind beside one another, each in stores of its own: a transaction holds its
//! stores' locks, and two that held each other's would wait for ever. There are no cards, persons or documents: what is
//! measured is the mechanism and what it leaves.

use std::time::Instant;

use futures::future::try_join_all;
use rand::{SeedableRng as _, seq::index};
use rand_chacha::ChaCha8Rng;
use sqlx::{
    Arguments as _, ConnectOptions as _, Executor as _, PgConnection, Row as _,
    error::BoxDynError,
    postgres::{PgArguments, PgConnectOptions},
};
use uuid::Uuid;

use super::layout::{Layout, Leg};
use crate::{
    cli::{Failure, demo::progress::Phase},
    db,
};

/// Legs of one transaction while blanks are sent. What a transaction has moved away itself lies in the index until its end, and
/// widens it for good: a few legs leave the index that single shipments leave, thousands would not.
const SENT_PER_COMMIT: usize = 20;
/// Bindings of one transaction; they lie all over the nation.
const BOUND_PER_COMMIT: usize = 100;
/// Sessions that bind: the cores of the smallest machine.
const SESSIONS: usize = 2;
/// The same blanks are bound in every run.
const SEED: u64 = 20_170_410;

/// What one step of the way is called in the ledger.
#[derive(Debug, Clone, Copy)]
struct Step {
    name: &'static str,
    kind: &'static str,
    from_state: Option<&'static str>,
    to_state: &'static str,
}

const DELIVERED: Step = Step {
    name: "delivered",
    kind: "DELIVERED",
    from_state: None,
    to_state: "IN_STOCK",
};
const DISPATCHED: Step = Step {
    name: "dispatched",
    kind: "DISPATCHED",
    from_state: Some("IN_STOCK"),
    to_state: "IN_TRANSIT",
};
const RECEIVED: Step = Step {
    name: "received",
    kind: "RECEIVED",
    from_state: Some("IN_TRANSIT"),
    to_state: "IN_STOCK",
};
const BOUND: Step = Step {
    name: "bound one by one",
    kind: "BOUND",
    from_state: Some("IN_STOCK"),
    to_state: "BOUND",
};

/// Makes it; answers the serials that are bound.
pub async fn make(
    options: &PgConnectOptions,
    layout: &Layout,
    bound: usize,
) -> Result<Vec<i64>, Failure> {
    // As the server's acts, or what a month's bindings take would be another planner's and compiler's time.
    let options = db::planned_once(options.clone())
        .options([("jit", "off")])
        .disable_statement_logging();
    let mut db = options.connect().await?;
    carry_out(&mut db, DELIVERED, &layout.deliveries()).await?;
    for way in [layout.to_districts(), layout.to_subdistricts()] {
        carry_out(&mut db, DISPATCHED, &way).await?;
        let arrived: Vec<Leg> = way
            .into_iter()
            .map(|leg| Leg {
                from: Some(leg.to),
                ..leg
            })
            .collect();
        carry_out(&mut db, RECEIVED, &arrived).await?;
    }
    let serials = random(layout, bound)?;
    bind(&options, layout, &serials).await?;
    settle(&mut db).await?;
    Ok(serials)
}

async fn carry_out(db: &mut PgConnection, step: Step, legs: &[Leg]) -> Result<(), Failure> {
    let phase = Phase::begin(step.name, legs.len());
    let started = Instant::now();
    for some in legs.chunks(SENT_PER_COMMIT) {
        move_legs(db, step, some).await?;
        phase.advance(some.len());
    }
    // Thousands of legs in a minute leave more dead rows in one place than months do; the next ones shall not meet them.
    db.execute("vacuum location, custody, movement").await?;
    phase.end(&pace(legs.len(), started));
    Ok(())
}

/// Blanks at random, in the order in which they are bound.
fn random(layout: &Layout, bound: usize) -> Result<Vec<i64>, Failure> {
    let settled = usize::try_from(layout.settled()).expect("some millions");
    if bound > settled / 2 {
        return Err(Failure::Call(format!(
            "of {} blanks {bound} cannot be bound; choose fewer (--bound) or more (--blanks)",
            layout.blanks
        )));
    }
    let chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(SEED), settled, bound);
    Ok(chosen
        .iter()
        .map(|place| i64::try_from(place).expect("some millions") + 1)
        .collect())
}

async fn bind(options: &PgConnectOptions, layout: &Layout, serials: &[i64]) -> Result<(), Failure> {
    let phase = Phase::begin(BOUND.name, serials.len());
    let started = Instant::now();
    let mut shares = vec![Vec::new(); SESSIONS];
    for serial in serials {
        let store = layout.store_of(*serial);
        shares[layout.place_of(*serial) % SESSIONS].push(Leg {
            first: *serial,
            last: *serial,
            from: Some(store),
            to: store,
        });
    }
    let bar = &phase;
    try_join_all(shares.iter().map(|share| async move {
        let mut db = options.connect().await?;
        for some in share.chunks(BOUND_PER_COMMIT) {
            move_legs(&mut db, BOUND, some).await?;
            bar.advance(some.len());
        }
        Ok::<_, Failure>(())
    }))
    .await?;
    phase.end(&pace(serials.len(), started));
    Ok(())
}

async fn move_legs(db: &mut PgConnection, step: Step, legs: &[Leg]) -> Result<(), Failure> {
    let arguments = arguments(step, legs).map_err(|error| Failure::Call(error.to_string()))?;
    let row = db
        .fetch_one((include_str!("moves.sql"), Some(arguments)))
        .await?;
    let moved: i64 = row.try_get(0)?;
    if usize::try_from(moved) == Ok(legs.len()) {
        return Ok(());
    }
    Err(Failure::Call(format!(
        "of {} runs {moved} were {}: the stock is not what it should be",
        legs.len(),
        step.name
    )))
}

fn arguments(step: Step, legs: &[Leg]) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    arguments.add(legs.iter().map(|leg| leg.first).collect::<Vec<i64>>())?;
    arguments.add(legs.iter().map(|leg| leg.last).collect::<Vec<i64>>())?;
    let from = legs.iter().map(|leg| leg.from.map(|store| store.number()));
    arguments.add(from.collect::<Vec<Option<i32>>>())?;
    let to = legs.iter().map(|leg| leg.to.number());
    arguments.add(to.collect::<Vec<i32>>())?;
    arguments.add(step.kind)?;
    arguments.add(step.from_state)?;
    arguments.add(step.to_state)?;
    // Who signs: an officer whom nobody asks for here.
    arguments.add(Uuid::nil())?;
    arguments.add(Some(Uuid::nil()).filter(|_| step.kind == RECEIVED.kind))?;
    Ok(arguments)
}

/// As a database is that has grown over months: cleaned, its figures known, and nothing left to be flushed in a round.
async fn settle(db: &mut PgConnection) -> Result<(), Failure> {
    let phase = Phase::begin("vacuum", 1);
    db.execute("vacuum (analyze) location, custody, movement")
        .await?;
    // Only some roles may ask for it.
    if let Err(error) = db.execute("checkpoint").await {
        tracing::debug!(%error, "no checkpoint before the measurement");
    }
    phase.end("the tables are as after months");
    Ok(())
}

fn pace(count: usize, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64().max(f64::EPSILON);
    format!("{count}, {:.0} a second", count as f64 / seconds)
}
