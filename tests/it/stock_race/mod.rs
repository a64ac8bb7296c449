//! The race of the fifty: they ship, receive, split, spoil, burn, print, count, settle and take back the same blanks in nine
//! places, while both servers and Postgres are killed again and again. Somebody looks ten times a second whether the laws of
//! the stock hold; at the end every act that was answered must be in the ledger, once.
//!
//! Short in the ordinary suite; `./dev soak` lets it last as long as it is told.

mod afterwards;
mod clerk;
mod counting;
mod furnish;
pub mod laws;
mod looks;
mod nemesis;
mod picture;
mod printing;
mod shipments;
mod write_offs;

use std::sync::Arc;

use ektp::{embedded, feed::Timing};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sqlx::PgPool;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Duration, Instant},
};

use self::{
    clerk::{Clerk, Seconds, Told},
    furnish::furnish,
    looks::Looks,
    picture::Picture,
};
use crate::{
    fire::world::{PROGRAMS, World},
    support::{office::Client, soak},
};

/// How long it lasts at least in the ordinary suite, in seconds; each is killed once in any case.
const SHORT: u64 = 6;
/// Of ten looks in a second three must have been taken: the others fell to the dead and to a busy machine.
const LOOKS_A_SECOND: u64 = 3;
const CLERKS: usize = 50;

/// Where all blanks are.
const PLACES: [&str; 9] = [
    "centre",
    "35",
    "35.75",
    "35.75.01",
    "35.75.02",
    "35.75/hopper/1",
    "35.75.02/mobile/1",
    "35.76",
    "35.14",
];
/// The offices' own stores.
const OFFICES: [&str; 5] = ["centre", "35", "35.75", "35.76", "35.14"];

/// Clerks of one kind.
struct Post {
    /// The principal; a number is added where it ends in a slash.
    principal: &'static str,
    clerks: usize,
    office: &'static str,
    places: &'static [&'static str],
}

const fn post(
    principal: &'static str,
    clerks: usize,
    office: &'static str,
    places: &'static [&'static str],
) -> Post {
    Post {
        principal,
        clerks,
        office,
        places,
    }
}

const POSTS: [Post; 7] = [
    post("ektp://centre/store", 6, "centre", &["centre"]),
    post("ektp://province/35", 4, "35", &["35"]),
    post(
        "ektp://district/35.75/site/office/terminal/",
        15,
        "35.75",
        &[
            "35.75",
            "35.75.01",
            "35.75.02",
            "35.75/hopper/1",
            "35.75.02/mobile/1",
        ],
    ),
    post(
        "ektp://district/35.75/site/35.75.01/terminal/",
        4,
        "35.75",
        &["35.75.01"],
    ),
    post(
        "ektp://district/35.75/site/35.75.02/terminal/",
        5,
        "35.75",
        &["35.75.02", "35.75.02/mobile/1"],
    ),
    post(
        "ektp://district/35.76/site/office/terminal/",
        8,
        "35.76",
        &["35.76"],
    ),
    post(
        "ektp://district/35.14/site/office/terminal/",
        8,
        "35.14",
        &["35.14"],
    ),
];

/// Who is the second person of each office. That of Jakarta agrees to the cases of the centre's own counts.
const SECONDS: [(&str, &str); 6] = [
    ("centre", "ektp://centre/policy"),
    ("31", "ektp://province/31"),
    ("35", "ektp://province/35"),
    ("35.75", "ektp://district/35.75/site/office/terminal/90"),
    ("35.76", "ektp://district/35.76/site/office/terminal/90"),
    ("35.14", "ektp://district/35.14/site/office/terminal/90"),
];

/// Whose a place is.
fn office_of(place: &str) -> &str {
    let store = place.split('/').next().unwrap_or(place);
    match store.match_indices('.').nth(1) {
        Some((end, _)) => &store[..end],
        None => store,
    }
}

impl Clerk {
    /// One act, as the dice want it.
    async fn act(&mut self) {
        let prints = self.places.contains(&"35.75");
        match self.dice.random_range(0..100) {
            0..18 => self.dispatch().await,
            18..40 => self.receive().await,
            40..45 => self.cancel().await,
            45..48 => self.distribute().await,
            48..56 => self.spoil().await,
            56..60 => self.burn().await,
            60..66 => self.reverse().await,
            66..69 if prints => self.take_back().await,
            69..79 if prints => self.print().await,
            79..84 => self.count().await,
            84..92 => self.settle().await,
            92..94 => self.find_again().await,
            94..96 => self.read_account().await,
            96..97 => self.certify().await,
            97..100 if self.office == "centre" => self.deliver().await,
            _ => self.receive().await,
        }
    }
}

/// A person's lines to both servers.
async fn lines(world: &World, sql: &PgPool, principal: &str) -> Vec<Client> {
    let programs = world.programs.iter();
    let addresses: Vec<_> = programs.map(|program| program.address).collect();
    let lines = world.certificates.lines(sql, principal, &addresses).await;
    lines.into_iter().map(Client::over).collect()
}

/// All fifty at their places, with what each of them shares.
async fn clerks(
    world: &World,
    dice: &mut ChaCha8Rng,
    old_cards: Vec<i64>,
    pictures: &watch::Receiver<Arc<Picture>>,
) -> Vec<Clerk> {
    let sql = world.sql();
    let mut seconds = Seconds::new();
    for (office, principal) in SECONDS {
        seconds.insert(office, lines(world, &sql, principal).await);
    }
    let (seconds, old_cards) = (Arc::new(seconds), Arc::new(old_cards));
    let mut clerks = Vec::new();
    for post in POSTS {
        for number in 1..=post.clerks {
            let principal = match post.principal {
                terminal if terminal.ends_with('/') => format!("{terminal}{number}"),
                machine => machine.to_owned(),
            };
            clerks.push(Clerk {
                office: post.office,
                places: post.places,
                lines: lines(world, &sql, &principal).await,
                seconds: Arc::clone(&seconds),
                old_cards: Arc::clone(&old_cards),
                pictures: pictures.clone(),
                dice: ChaCha8Rng::seed_from_u64(dice.random()),
                told: Told::default(),
            });
        }
    }
    clerks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_who_want_the_same_blanks_lose_none_while_servers_and_postgres_are_killed() {
    let seed = soak::seed();
    eprintln!("the race is that of EKTP_SOAK_SEED={seed}");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::start(Timing::default(), PROGRAMS).await;
    let old_cards = furnish(&world).await;
    let owner = world.postgres.options("ektp", embedded::OWNER);
    let mut db = world.postgres.session("ektp").await;
    let before = afterwards::acts_of(&mut db).await;
    drop(db);

    let (tell_picture, pictures) = watch::channel(Arc::new(Picture::empty()));
    let clerks = clerks(&world, &mut dice, old_cards, &pictures).await;
    assert_eq!(clerks.len(), CLERKS);
    let (end_looks, looks_end) = watch::channel(false);
    let begun = Instant::now();
    let looks = tokio::spawn(looks::look(owner, tell_picture, looks_end));
    let (tell_stop, stop) = watch::channel(false);
    let mut working = JoinSet::new();
    for clerk in clerks {
        working.spawn(clerk.work(stop.clone()));
    }
    let until = begun + soak::length(SHORT);
    let kills = nemesis::rage(&mut world, &mut dice, until).await;
    tell_stop.send_replace(true);
    let mut told = Told::default();
    for one in working.join_all().await {
        told.add(one);
    }
    end_looks.send_replace(true);
    let looks = looks.await.expect("the looks end");
    let lasted = begun.elapsed();

    sum_up(&told, &looks, (kills, lasted));
    let wrong = [&looks.breaches[..], &told.defects].concat();
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    let enough = lasted.as_secs() * LOOKS_A_SECOND;
    assert!(
        looks.taken as u64 >= enough,
        "{} looks are not the {enough} that would show anything",
        looks.taken
    );
    afterwards::assert_settled(&world, &told, &before).await;
}

/// What happened, for those who compare runs.
fn sum_up(told: &Told, looks: &Looks, (kills, lasted): (usize, Duration)) {
    let done: usize = told.done.values().sum();
    let moved: i64 = told.moved.values().sum();
    eprintln!(
        "{done} acts moved {moved} serials in {lasted:?} under {kills} kills; of {} looks that were due {} were taken, the longest {:?}, {} broken",
        looks.due, looks.taken, looks.longest, looks.broken
    );
    eprintln!("done: {:?}", told.done);
    eprintln!("refused: {:?}", told.refused);
    eprintln!("asked again: {:?}", told.again);
}
