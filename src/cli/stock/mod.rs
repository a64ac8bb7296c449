//! `ektp stock`: follows a district's stores and units, in place on a screen or line by line for scripts.
//!
//! ```text
//!  WatchStock ──> holdings: who has which serials ──┐
//!                                                   ├──> view: a table with bars, or lines
//!  GetStock, lists ──> ask: what no stream tells ───┘
//! ```
//!
//! What is easily got wrong: the stream goes without the officer's shift, so that the window stays when the shift ends; only
//! what is asked beside it goes with the shift.

mod ask;
mod holdings;
mod view;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use uuid::Uuid;

use crate::{authority::Identity, caller::Caller, ids::District, inventory::Location};

use super::{
    Failure,
    follow::{self, Picture, Window},
};

use ask::Asker;
use holdings::Holdings;
use view::StockView;

/// Stores that have a row, and whose accounts are asked for: a district has some twenty, and a screen no more lines.
const STORES_SHOWN: usize = 24;

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Stock {
    #[command(flatten)]
    window: Window,
    /// The shift of the officer who works on this terminal: open cases and what was sent away are shown to officers alone
    #[arg(long, value_name = "UUID", env = "EKTP_SHIFT", hide_env_values = true)]
    shift: Option<Uuid>,
}

/// Follows until Ctrl-C, a refusal or a gap.
pub async fn run(mut command: Stock) -> Result<(), Failure> {
    let district = district(&command.window)?;
    command.window.district = Some(district);
    let picture = Picture::new(Holdings::of(district));
    let asker = Asker::new(district, command.shift);
    let view = StockView::new(asker.changed(), asker.answers());
    follow::run(&command.window, picture, view, |terminal| {
        asker.keep(terminal)
    })
    .await
}

/// The district that was named, or the certificate's own: the picture must know which stores are another office's.
fn district(window: &Window) -> Result<District, Failure> {
    if let Some(named) = window.district {
        return Ok(named);
    }
    let identity = Identity::read_from(&window.certificate)?;
    let der = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).ok();
    let caller = der.and_then(|der| Caller::from_certificate(&der).ok());
    let own = caller.and_then(|caller| caller.district());
    own.ok_or_else(|| Failure::Call("name a district: the certificate is of none".to_owned()))
}

/// The order of people: each store, and behind it its units.
fn order(location: &Location) -> (Location, Location) {
    (location.filled_from(), *location)
}
