//! The callers of a story, each with a certificate of its own, and the clock that they share with the server.

use super::place::Place;
use crate::{
    authority::{Authority, Identity, TERMINAL_VALID},
    caller::Principal,
    cli::{Failure, client::Terminal},
    clock::{Clock, SimulatedClock},
};

/// A terminal that is not in the house: what it would connect with.
pub struct Mobile {
    pub principal: Principal,
    pub server: String,
    pub identity: Identity,
}

/// The callers of the story, each with a certificate of its own, and the clock that they share with the server.
pub struct Office {
    pub place: &'static Place,
    pub clock: SimulatedClock,
    pub seed: u64,
    /// A terminal for each of the place's subdistricts, limited to it, with the officer at the counter.
    pub counters: Vec<Terminal>,
    /// The same terminals with the officers who go round the villages.
    pub rounds: Vec<Terminal>,
    /// The same terminals with those who print.
    pub printers: Vec<Terminal>,
    /// The city office's own terminal, with the officer who serves.
    pub desk: Terminal,
    /// The same terminal with the keeper of the blanks.
    pub stockkeeper: Terminal,
    /// Another one of the city's, on which nobody works.
    pub unstaffed: Terminal,
    /// The one of the mobile unit.
    pub mobile: Mobile,
    /// The centre's desk that leads the offices.
    pub policy: Terminal,
    /// The centre's matching engine.
    pub matcher: Terminal,
    /// The centre's store of blanks.
    pub store: Terminal,
    /// The province's office, where the story needs it.
    pub province: Option<Terminal>,
}

impl Office {
    /// Makes the certificates and the channels; nobody works on them yet.
    pub fn open(
        place: &'static Place,
        server: &str,
        authority: &Authority,
        (clock, seed): (SimulatedClock, u64),
    ) -> Result<Self, Failure> {
        let district = place.district;
        let identity = |name: &str| {
            let principal: Principal = format!("ektp://{name}").parse()?;
            // Certificates live in real time, whatever the clock of the office shows.
            let identity =
                authority.terminal_identity(&principal, TERMINAL_VALID, Clock::System.now())?;
            Ok::<_, Failure>((principal, identity))
        };
        let terminal = |name: &str| Terminal::with_identity(server, &identity(name)?.1);
        let desk = terminal(&format!("district/{district}/site/office/terminal/1"))?;
        let (principal, mobile) =
            identity(&format!("district/{district}/site/mobile-unit/terminal/1"))?;
        let counters = place.subdistricts.iter().zip(1..);
        let counters = counters
            .map(|(subdistrict, number)| {
                terminal(&format!(
                    "district/{district}/site/{subdistrict}/terminal/{number}"
                ))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            place,
            clock,
            seed,
            counters,
            rounds: Vec::new(),
            printers: Vec::new(),
            stockkeeper: desk.clone(),
            desk,
            unstaffed: terminal(&format!("district/{district}/site/office/terminal/2"))?,
            mobile: Mobile {
                principal,
                server: server.to_owned(),
                identity: mobile,
            },
            policy: terminal("centre/policy")?,
            matcher: terminal("centre/matcher")?,
            store: terminal("centre/store")?,
            province: place
                .province
                .map(|code| terminal(&format!("province/{code}")))
                .transpose()?,
        })
    }
}
