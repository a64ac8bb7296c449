//! Every order in which two persons' requests, three printers and a few blanks can come to lease, bind, print, report and
//! doubt: with printers that forget, messages that are lost or come late and twice, leases that run out at any moment, false
//! reports, and people who look into trays. The rules asked are the queue's own, in `print`, `doubt` and `hold`.
//!
//! What is easily got wrong: what the printers really did is kept apart from what the queue believes; only the two together
//! say whether somebody has two cards. The model adds what is no rule: that a lease raises the fence, and that a blank is
//! bound out of the stock.

mod world;

use std::{collections::BTreeSet, time::Duration};

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::world::{
    Account, BLANKS, Blank, Face, Job, Lies, Message, PERSONS, PRINTERS, Row, Says, Stands, Told,
    World,
};
use super::{lift_hold, tests::NOW};
use crate::print_queue::HoldReason;

const ONE_CARD: &str = "no person has two cards";
const ONE_FACE: &str = "no blank becomes two cards";

/// What is checked, and which of the two safeguards is there.
#[derive(Clone)]
struct Office {
    /// So many leases of each person's request: later ones behave like these.
    leases: [i64; PERSONS],
    /// A message counts only under its own lease.
    is_fenced: bool,
    /// A printer waits until the blank is bound before it prints.
    binds_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happens {
    Lease(usize, usize),
    /// The hopper gives a blank, and the printer asks for it to be bound.
    Feed(usize, usize),
    Print {
        printer: usize,
        well: bool,
    },
    Forget(usize),
    Arrive(Message),
    RunOut(usize),
    Look(usize),
    Say(usize),
    /// A printer that misread its journal reports a card under a lease that is over.
    Claim(usize, i64, usize),
    Resolve(usize),
}

impl Model for Office {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let row = Row {
            stands: Stands::Queued,
            fence: 0,
            incident: Told::Never,
            seen: None,
        };
        let blank = Blank {
            lies: Lies::InStore,
            face: Face::None,
            account: Account::InStock,
        };
        vec![World {
            rows: [row; PERSONS],
            blanks: [blank; BLANKS],
            jobs: [None; PRINTERS.len()],
            sent: BTreeSet::new(),
            printed_twice: false,
            went_back: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        for (printer, job) in world.jobs.iter().enumerate() {
            match job {
                // Printers are alike: one that did nothing yet stands for all such.
                None if printer > 0 && world.is_new(printer - 1) => {}
                // The most senior one that may be leased.
                None => actions.extend(
                    (0..PERSONS)
                        .find(|person| {
                            let row = world.rows[*person];
                            row.stands == Stands::Queued && row.fence < self.leases[*person]
                        })
                        .map(|person| Happens::Lease(printer, person)),
                ),
                Some(job) => {
                    actions.push(Happens::Forget(printer));
                    if job.blank.is_none() {
                        // Blanks are alike: the hopper gives the next one, or the one that lies in the tray.
                        let in_tray =
                            (0..BLANKS).filter(|b| world.blanks[*b].lies == Lies::InTray(printer));
                        let next = (0..BLANKS).find(|b| world.blanks[*b].lies == Lies::InStore);
                        let fed = in_tray.chain(next);
                        actions.extend(fed.map(|blank| Happens::Feed(printer, blank)));
                    } else if job.may_print {
                        for well in [true, false] {
                            actions.push(Happens::Print { printer, well });
                        }
                    }
                }
            }
        }
        // An answer that is lost is a printer that forgets.
        actions.extend(world.sent.iter().copied().map(Happens::Arrive));
        for (person, row) in world.rows.iter().enumerate() {
            match row.stands {
                Stands::Leased(_) | Stands::Bound(..) => actions.push(Happens::RunOut(person)),
                Stands::InDoubt(..) => actions.push(Happens::Look(person)),
                Stands::Queued | Stands::Held | Stands::Printed(_) => {}
            }
            if row.seen.is_some() {
                actions.push(Happens::Say(person));
            }
            let in_store = |b: &usize| world.blanks[*b].lies == Lies::InStore;
            // Persons are alike: the first one's lie is enough.
            if let (0, Told::Never, Some(blank)) =
                (person, row.incident, (0..BLANKS).find(in_store))
            {
                actions.extend((1..=row.fence).map(|f| Happens::Claim(person, f, blank)));
            }
            if row.incident == Told::Open {
                actions.push(Happens::Resolve(person));
            }
        }
    }

    fn next_state(&self, last: &World, happens: Happens) -> Option<World> {
        let mut world = last.clone();
        match happens {
            Happens::Lease(printer, person) => {
                let row = &mut world.rows[person];
                row.fence += 1;
                row.stands = Stands::Leased(printer);
                world.jobs[printer] = Some(Job {
                    person,
                    fence: row.fence,
                    blank: None,
                    may_print: false,
                });
            }
            Happens::Feed(printer, blank) => world.feed(self, printer, blank),
            Happens::Print { printer, well } => world.print(printer, well),
            Happens::Forget(printer) => world.jobs[printer] = None,
            Happens::Arrive(message) => {
                let done = world.arrive(self, &message);
                let waits = world.jobs[message.printer].filter(|job| {
                    message.says == Says::Bind
                        && (job.person, job.fence) == (message.person, message.fence)
                        && job.blank == Some(message.blank)
                });
                if let Some(job) = waits {
                    world.jobs[message.printer] = (done || job.may_print).then_some(Job {
                        may_print: true,
                        ..job
                    });
                }
            }
            Happens::RunOut(person) => world.run_out(person),
            Happens::Look(person) => world.look(person),
            Happens::Say(person) => world.say(person),
            // It is a lease's own word where the lease is not over; that one is not a lie that the queue could know.
            Happens::Claim(person, fence, blank) => {
                world.keep_late_report(person, fence, blank);
            }
            Happens::Resolve(person) => {
                let row = world.rows[person];
                let free = lift_hold(&row.to_request(), HoldReason::Incident, NOW);
                world.rows[person] = Row {
                    incident: Told::Resolved,
                    ..free.map_or(row, |free| row.after(&free))
                };
            }
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_CARD, |_, world: &World| {
                (0..PERSONS).all(|person| world.cards_of(person) <= 1)
            }),
            Property::always(ONE_FACE, |_, world: &World| !world.printed_twice),
            Property::always("a printed request has its card", |_, world: &World| {
                world
                    .rows
                    .iter()
                    .enumerate()
                    .all(|(person, row)| match row.stands {
                        Stands::Printed(blank) => world.blanks[blank].face == Face::Of(person),
                        Stands::Queued
                        | Stands::Held
                        | Stands::Leased(_)
                        | Stands::Bound(..)
                        | Stands::InDoubt(..) => true,
                    })
            }),
            Property::always(
                "a bound blank never goes back by itself",
                |_, world: &World| !world.went_back,
            ),
            Property::sometimes("both persons get their cards", |_, world: &World| {
                let is_printed = |row: &Row| matches!(row.stands, Stands::Printed(_));
                world.rows.iter().all(is_printed)
            }),
            Property::sometimes("a word makes it a card", |_, world: &World| {
                let said = |b: &Blank| b.lies == Lies::OnDesk && b.account == Account::Card;
                world.blanks.iter().any(said)
            }),
            Property::sometimes("a word ends a doubt without a card", |_, world: &World| {
                let said = |b: &Blank| b.lies == Lies::Destroyed && b.account == Account::Spoiled;
                world.blanks.iter().any(said)
            }),
            Property::sometimes("an incident is lived through", |_, world: &World| {
                let is_over = |row: &Row| {
                    row.incident == Told::Resolved && matches!(row.stands, Stands::Printed(_))
                };
                world.rows.iter().any(is_over)
            }),
        ]
    }
}

/// Longer than any of them takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

const HONEST: Office = Office {
    leases: [2, 1],
    is_fenced: true,
    binds_first: true,
};

/// Visits every state; answers how many there are.
fn visited(office: Office) -> usize {
    let checker = office
        .checker()
        .threads(2)
        .timeout(PATIENCE)
        .spawn_bfs()
        .join();
    assert!(checker.is_done(), "every state was visited");
    checker.assert_properties();
    checker.unique_state_count()
}

fn gives_two_cards(office: Office) -> bool {
    let checker = office
        .checker()
        .threads(2)
        .timeout(PATIENCE)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let names = [ONE_CARD, ONE_FACE];
    names
        .into_iter()
        .any(|name| checker.discovery(name).is_some())
}

#[test]
fn no_order_of_events_gives_a_person_two_cards_or_a_blank_two_faces() {
    let states = visited(HONEST);
    assert!(states > 100_000, "only {states} states were visited");
}

#[test]
fn without_the_fence_somebody_gets_two_cards() {
    let office = Office {
        leases: [3, 0],
        ..HONEST
    };
    assert!(!gives_two_cards(office.clone()), "nobody does with it");
    assert!(gives_two_cards(Office {
        is_fenced: false,
        ..office
    }));
}

#[test]
fn without_binding_before_printing_somebody_gets_two_cards() {
    assert!(gives_two_cards(Office {
        leases: [2, 0],
        binds_first: false,
        ..HONEST
    }));
}
