//! The database's own way of moving custody against the derivation, which shares nothing with it: random moves on both.

use ektp::inventory::{
    Account, CustodyState, Location,
    proof::{Derived, Entry, Run},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sqlx::{PgPool, Row as _};

use crate::support::office::Office;

const SEQUENCES: u64 = 200;
const MOVES: usize = 8;
/// Of each sequence: small, so that runs meet, split and join.
const WINDOW: i64 = 60;
const STATES: [CustodyState; 4] = [
    CustodyState::InStock,
    CustodyState::InTransit,
    CustodyState::Bound,
    CustodyState::Disputed,
];
const STORES: [i32; 3] = [0, 3575, 3514];

fn any_account(dice: &mut ChaCha8Rng) -> Account {
    let store = STORES[dice.random_range(0..STORES.len())];
    Account {
        location: Location::from_number(store).expect("a store"),
        state: STATES[dice.random_range(0..STATES.len())],
    }
}

/// A leg that mostly fits: from where its first serial is.
fn any_leg(dice: &mut ChaCha8Rng, derived: &Derived, window: i64) -> Entry {
    let first = window + dice.random_range(0..WINDOW);
    let last = (first + dice.random_range(0..12)).min(window + WINDOW - 1);
    let from = match dice.random_range(0..8) {
        0 => Some(any_account(dice)),
        _ => derived.at(first),
    };
    let to = any_account(dice);
    let mut run = Run { first, last };
    if from.is_some() && dice.random_range(0..4) > 0 {
        while run.count() > 1 && derived.gap(run, from).is_some() {
            run.last -= 1;
        }
    }
    Entry {
        location: from.unwrap_or(to).location,
        number: 1,
        run,
        from,
        to,
    }
}

/// Moves these legs in the database; whether it could.
async fn moved(sql: &PgPool, legs: &[Entry]) -> bool {
    let from = |leg: &Entry| leg.from;
    let rows = sqlx::query(
        "select assigned from move_custody($1, $2, $3, $4, $5, $6, $7, $8, 'T-1', clock_timestamp(),
            gen_random_uuid(), null, null)",
    )
    .bind(vec!["RECEIVED"; legs.len()])
    .bind(legs.iter().map(|leg| leg.run.first).collect::<Vec<_>>())
    .bind(legs.iter().map(|leg| leg.run.last).collect::<Vec<_>>())
    .bind(legs.iter().map(|leg| from(leg).map(|at| at.location.number())).collect::<Vec<_>>())
    .bind(legs.iter().map(|leg| from(leg).map(|at| at.state)).collect::<Vec<_>>())
    .bind(legs.iter().map(|leg| leg.to.location.number()).collect::<Vec<_>>())
    .bind(legs.iter().map(|leg| leg.to.state).collect::<Vec<_>>())
    .bind(vec![None::<uuid::Uuid>; legs.len()])
    .fetch_all(sql)
    .await
    .expect("the function answers");
    rows.iter()
        .all(|row| row.get::<Option<i64>, _>(0).is_some())
}

async fn custody(sql: &PgPool) -> Vec<(Run, Account)> {
    let rows = sqlx::query(
        "select lower(serials), upper(serials) - 1, location, state from custody order by serials",
    )
    .fetch_all(sql)
    .await
    .expect("the table can be read");
    let row = |row: &sqlx::postgres::PgRow| {
        let run = Run {
            first: row.get(0),
            last: row.get(1),
        };
        let account = Account {
            location: Location::from_number(row.get(2)).expect("a location"),
            state: row.get(3),
        };
        (run, account)
    };
    rows.iter().map(row).collect()
}

#[tokio::test]
async fn the_database_moves_custody_as_the_movements_tell_it() {
    let office = Office::open().await;
    let (mut derived, mut done, mut refused) = (Derived::default(), 0, 0);
    for seed in 0..SEQUENCES {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let window = 1 + i64::try_from(seed).expect("a few") * WINDOW;
        for _ in 0..MOVES {
            let mut after = derived.clone();
            let mut legs: Vec<Entry> = Vec::new();
            for _ in 0..dice.random_range(1..4) {
                let leg = any_leg(&mut dice, &derived, window);
                // The legs of one move are of different serials, as the contract has it.
                let meets = |other: &Entry| {
                    leg.run.first <= other.run.last && other.run.first <= leg.run.last
                };
                if !legs.iter().any(meets) {
                    legs.push(leg);
                }
            }
            let fits = legs.iter().all(|leg| after.apply(leg).is_ok());
            assert_eq!(
                moved(&office.sql, &legs).await,
                fits,
                "seed {seed}: {legs:?}"
            );
            if fits {
                derived = after;
                done += 1;
            } else {
                refused += 1;
            }
        }
        let told: Vec<(Run, Account)> = derived.runs().collect();
        assert_eq!(custody(&office.sql).await, told, "seed {seed}");
    }
    assert!(done > 500 && refused > 50, "{done} done, {refused} refused");
}
