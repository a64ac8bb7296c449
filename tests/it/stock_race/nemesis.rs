//! The one who kills: each server and Postgres, again and again, in an order that the seed gives.

use rand::{RngExt as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use crate::fire::{
    nemesis::pause,
    world::{PROGRAMS, World},
};

/// Between two kills, in milliseconds: time enough for hundreds of acts.
const PAUSE: std::ops::Range<u64> = 1_000..3_500;

/// Whom.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Server(usize),
    Postgres,
}

/// Kills until the time is over and each was killed; answers how often.
pub async fn rage(world: &mut World, dice: &mut ChaCha8Rng, until: Instant) -> usize {
    let mut dealt = 0;
    loop {
        let servers = (0..PROGRAMS).map(Blow::Server);
        let mut deck: Vec<Blow> = servers.chain([Blow::Postgres]).collect();
        deck.shuffle(dice);
        for blow in deck {
            pause(Duration::from_millis(dice.random_range(PAUSE))).await;
            match blow {
                Blow::Server(server) => world.programs[server].kill_and_start().await,
                Blow::Postgres => world.postgres.kill_and_start().await,
            }
            dealt += 1;
        }
        if Instant::now() >= until {
            // Whoever was killed last is at work again when the fifty stop.
            pause(Duration::from_millis(PAUSE.start)).await;
            return dealt;
        }
    }
}
