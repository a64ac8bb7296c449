//! Hostile HTTP/2 on loopback: clients with a terminal's certificate and an officer's shift, and sockets without anything, do
//! what costs them little; the server's memory stays where it was, and an honest terminal works on.
//!
//! What is easily got wrong: the server is a process of its own here, or the memory of the attackers would be counted as
//! its. How long honest calls take is printed, not judged: attackers and server share this machine's processors.

use std::{fs, path::Path, sync::Arc, time::Duration};

use ektp::proto::OfficerRole;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::TLS13,
};
use tokio::time::{Instant, interval};

use crate::{
    restart::{channel, channel_of, identity, serve},
    support::{
        Folder,
        front_door::{self, FrontDoor},
        soak,
    },
};

mod attacks;
mod frames;
mod honest;
mod storm;

use attacks::{Attack, Means};
use honest::Honest;
use storm::{Target, storm};

const DISTRICT: &str = "35.75";
const HONEST: &str = "ektp://district/35.75/site/office/terminal/1";
const HOSTILE: &str = "ektp://district/35.75/site/office/terminal/2";
/// How long each attack lasts, in seconds, where nobody asks for more.
const SECONDS: u64 = 2;
/// Parts of a long test's length; a soak of ten minutes gives each attack one.
const SHARES: u64 = 10;
/// What the server's resident memory may grow by under all attacks together, in KiB.
const GROWTH_MAX: u64 = 50 * 1024;
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clients_cost_the_server_little_and_an_honest_one_nothing() {
    let folder = Folder::new();
    let data = folder.join("data");
    front_door::found(&data);
    let serving = serve(&data, "127.0.0.1:0").await;
    let (address, server) = (serving.address, serving.child.id().expect("it runs"));
    let mut front_door = FrontDoor::open(channel(&data, address, "ektp://centre/policy")).await;
    let mut at_work = async |principal| {
        let officer = front_door.hire(DISTRICT, OfficerRole::Counter).await;
        let identity = identity(&data, principal);
        let shift = front_door::begin_shift(channel_of(&identity, address), &officer).await;
        (identity, shift)
    };
    let (hostile, shift) = at_work(HOSTILE).await;
    let target = Target {
        address,
        config: config(&hostile),
        shift: shift.to_string(),
    };
    let (honest, shift) = at_work(HONEST).await;
    let honest = Honest::begin(address, honest, shift);
    // There are more than ten of them: each has its share of a long test.
    let length = soak::length(SECONDS * SHARES) / u32::try_from(SHARES).expect("a few");
    let calm = honest.work(Instant::now() + length).await;
    let before = resident(server);
    eprintln!("at peace: {before} KiB resident, {}", told(&calm));
    let mut grown = Vec::new();
    for attack in Attack::ALL {
        let until = Instant::now() + length;
        let (took, storm, peak) = tokio::join!(
            honest.work(until),
            storm(attack, &target, until),
            peak(server, until),
        );
        let growth = peak.saturating_sub(before);
        let factor = at(&took, 99).as_secs_f64() / at(&calm, 99).as_secs_f64();
        eprintln!(
            "{attack:?}: {storm:?}, +{growth} KiB, {}, {factor:.1} times",
            told(&took)
        );
        if let Means::Messages { .. } = attack.means() {
            assert_eq!(storm.refused, storm.rounds, "{attack:?} is refused");
        }
        if growth > GROWTH_MAX {
            grown.push((attack, growth));
        }
    }
    assert!(grown.is_empty(), "more than {GROWTH_MAX} KiB: {grown:?}");
    honest.end();
}

/// The server's resident memory, in KiB.
fn resident(server: u32) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(server.to_string()).join("status"));
    let status = status.expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let number = number.and_then(|number| number.parse().ok());
    number.expect("the system tells its memory")
}

/// The most that it was until then.
async fn peak(server: u32, until: Instant) -> u64 {
    let mut turn = interval(LOOK_EVERY);
    let mut peak = 0;
    while Instant::now() < until {
        turn.tick().await;
        peak = peak.max(resident(server));
    }
    peak
}

/// Of times in rising order the one that so many of a hundred do not exceed.
fn at(took: &[Duration], percent: usize) -> Duration {
    took[(took.len() * percent / 100).min(took.len() - 1)]
}

fn told(took: &[Duration]) -> String {
    let (half, most) = (at(took, 50), at(took, 99));
    format!("{} calls, p50 {half:.1?}, p99 {most:.1?}", took.len())
}

/// A hostile client's side of TLS.
fn config(identity: &ektp::authority::Identity) -> Arc<ClientConfig> {
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes());
    let mut roots = RootCertStore::empty();
    roots
        .add(certificate(&identity.ca_pem).expect("our own PEM"))
        .expect("our own authority");
    let chain = vec![certificate(&identity.certificate_pem).expect("our own PEM")];
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).expect("our own PEM");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("ring has it")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("a pair that fits");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}
