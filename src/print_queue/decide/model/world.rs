//! What the printers of the model really do, and what the queue makes of it by its own rules.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{
    ids::{IncidentId, Serial},
    inventory::Spoilage,
    print_queue::{
        Circumstances, EnrolmentState, Found, HoldReason, HoldReasons, LastLook, Lease,
        PrintRequest, Refusal, Standing, Word,
        decide::{
            Command, add_hold, carry_out, expire_lease, is_late_report, resolve_doubt,
            tests::{NOW, circumstances, lease_of, look, request, serial},
        },
    },
};

use super::Office;

pub const PRINTERS: [&str; 3] = ["printer 1", "printer 2", "printer 3"];
pub const PERSONS: usize = 2;
/// One for each person, and one to be spoiled.
pub const BLANKS: usize = 3;

/// Where a blank lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lies {
    InStore,
    InTray(usize),
    /// With the people who looked into the tray.
    OnDesk,
    Destroyed,
}

/// What is on a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    None,
    Of(usize),
    Ruined,
}

/// What the store believes of a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    InStock,
    Bound,
    Card,
    Spoiled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Blank {
    pub lies: Lies,
    pub face: Face,
    pub account: Account,
}

/// Where a request stands: the queue's own noun, with printers and blanks by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stands {
    Queued,
    Held,
    Leased(usize),
    Bound(usize, usize),
    InDoubt(usize, usize),
    Printed(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Never,
    Open,
    Resolved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub stands: Stands,
    pub fence: i64,
    pub incident: Told,
    /// What people saw in the tray, before they say it.
    pub seen: Option<(usize, bool)>,
}

/// What a printer has in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    pub person: usize,
    pub fence: i64,
    pub blank: Option<usize>,
    pub may_print: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Says {
    Bind,
    Printed,
    Spoiled,
}

/// What a printer has sent. It may arrive never, late, and often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    pub printer: usize,
    pub person: usize,
    pub fence: i64,
    pub blank: usize,
    pub says: Says,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub rows: [Row; PERSONS],
    pub blanks: [Blank; BLANKS],
    pub jobs: [Option<Job>; PRINTERS.len()],
    pub sent: BTreeSet<Message>,
    /// A blank was printed that had a face already.
    pub printed_twice: bool,
    /// A bound blank was taken from its request by the time alone.
    pub went_back: bool,
}

impl Row {
    pub fn to_request(self) -> PrintRequest {
        let standing = match self.stands {
            Stands::Queued => Standing::Queued,
            Stands::Held => Standing::Held(HoldReasons::NONE.with(HoldReason::Incident)),
            Stands::Leased(p) => Standing::Leased(lease_of(PRINTERS[p])),
            Stands::Bound(p, b) => Standing::Bound(lease_of(PRINTERS[p]), number(b)),
            Stands::InDoubt(p, b) => Standing::InDoubt(lease_of(PRINTERS[p]), number(b)),
            Stands::Printed(b) => Standing::Printed(number(b)),
        };
        PrintRequest {
            fence: self.fence,
            ..request(standing)
        }
    }

    /// The row as the rules have left it.
    pub fn after(self, request: &PrintRequest) -> Self {
        let printer = |lease: &Lease| {
            let held = PRINTERS.iter().position(|name| *name == lease.holder);
            held.expect("a printer of the model")
        };
        let stands = match &request.standing {
            Standing::Queued => Stands::Queued,
            Standing::Held(_) => Stands::Held,
            Standing::Leased(lease) => Stands::Leased(printer(lease)),
            Standing::Bound(lease, serial) => Stands::Bound(printer(lease), blank(*serial)),
            Standing::InDoubt(lease, serial) => Stands::InDoubt(printer(lease), blank(*serial)),
            Standing::Printed(serial) => Stands::Printed(blank(*serial)),
            Standing::Cancelled(_) => unreachable!("nobody dies in the model"),
        };
        Self { stands, ..self }
    }

    fn open_incident(self) -> Option<IncidentId> {
        (self.incident == Told::Open).then(|| IncidentId::from(Uuid::from_u128(1)))
    }

    fn circumstances(self) -> Circumstances {
        Circumstances {
            incident: self.open_incident(),
            ..circumstances()
        }
    }
}

fn number(blank: usize) -> Serial {
    serial(i64::try_from(blank).expect("a few blanks") + 1)
}

fn blank(serial: Serial) -> usize {
    usize::try_from(serial.number()).expect("a few blanks") - 1
}

impl World {
    /// The blank that the request stands with changes its account.
    fn account(&mut self, blank: usize, account: Account) {
        self.blanks[blank].account = account;
    }

    /// Whether a printer has done nothing yet.
    pub fn is_new(&self, printer: usize) -> bool {
        let holds = |row: &Row| match row.stands {
            Stands::Leased(by) | Stands::Bound(by, _) | Stands::InDoubt(by, _) => by == printer,
            Stands::Queued | Stands::Held | Stands::Printed(_) => false,
        };
        self.jobs[printer].is_none()
            && !self.rows.iter().any(holds)
            && self.sent.iter().all(|message| message.printer != printer)
    }

    pub fn cards_of(&self, person: usize) -> usize {
        let is_card = |b: &&Blank| b.face == Face::Of(person) && b.lies != Lies::Destroyed;
        self.blanks.iter().filter(is_card).count()
    }

    /// What the queue makes of a message; whether it did what was asked.
    pub fn arrive(&mut self, office: &Office, message: &Message) -> bool {
        let row = self.rows[message.person];
        let before = row.to_request();
        let current = (before.standing.lease(), before.fence);
        let (holder, fence) = match current {
            (Some(lease), fence) if !office.is_fenced => (lease.holder.clone(), fence),
            _ => (PRINTERS[message.printer].to_owned(), message.fence),
        };
        let serial = number(message.blank);
        let command = match message.says {
            Says::Bind if self.blanks[message.blank].account != Account::InStock => return false,
            Says::Bind => Command::Bind {
                serial,
                overdue: false,
                look: LastLook {
                    incident: row.open_incident(),
                    ..look(EnrolmentState::PrintReady)
                },
            },
            Says::Printed => Command::ReportPrinted { serial },
            Says::Spoiled => Command::ReportSpoiled {
                serial,
                circumstances: row.circumstances(),
            },
        };
        match carry_out(&before, (&holder, fence), command, NOW) {
            Ok(after) => {
                self.rows[message.person] = row.after(&after);
                let account = match message.says {
                    Says::Bind => Account::Bound,
                    Says::Printed => Account::Card,
                    Says::Spoiled => Account::Spoiled,
                };
                self.account(message.blank, account);
                true
            }
            Err(Refusal::Fenced) if message.says == Says::Printed => {
                self.keep_late_report(message.person, message.fence, message.blank);
                false
            }
            Err(_) => false,
        }
    }

    pub fn keep_late_report(&mut self, person: usize, fence: i64, blank: usize) {
        let row = self.rows[person];
        let (before, account) = (row.to_request(), self.blanks[blank].account);
        let is_likely = matches!(account, Account::InStock | Account::Spoiled);
        if row.incident == Told::Never && is_likely && is_late_report(&before, fence) {
            let held = add_hold(&before, HoldReason::Incident, NOW);
            let row = held.map_or(row, |held| row.after(&held));
            self.rows[person] = Row {
                incident: Told::Open,
                ..row
            };
        }
    }

    /// People say what they have seen.
    pub fn say(&mut self, person: usize) {
        let row = self.rows[person];
        let Some((blank, is_card)) = row.seen else {
            return;
        };
        let found = if is_card {
            Found::Printed
        } else {
            Found::Spoiled(Spoilage::PrintFailure)
        };
        let before = row.to_request();
        let word = Word {
            print_request_id: before.print_request_id,
            serial: number(blank),
            found,
        };
        let row = Row { seen: None, ..row };
        let after = resolve_doubt(&before, &word, &row.circumstances(), NOW);
        self.rows[person] = after.as_ref().map_or(row, |after| row.after(after));
        if after.is_ok() && is_card {
            self.account(blank, Account::Card);
        } else if after.is_ok() {
            self.account(blank, Account::Spoiled);
        }
        if !is_card && self.blanks[blank].lies == Lies::OnDesk {
            self.blanks[blank].lies = Lies::Destroyed;
        }
    }

    pub fn print(&mut self, printer: usize, well: bool) {
        let Some(Job {
            person,
            fence,
            blank: Some(blank),
            ..
        }) = self.jobs[printer].take()
        else {
            return;
        };
        // Somebody has taken it out of the tray.
        if self.blanks[blank].lies != Lies::InTray(printer) {
            return;
        }
        self.printed_twice |= self.blanks[blank].face != Face::None;
        self.blanks[blank].face = if well { Face::Of(person) } else { Face::Ruined };
        self.sent.insert(Message {
            printer,
            person,
            fence,
            blank,
            says: if well { Says::Printed } else { Says::Spoiled },
        });
    }

    pub fn feed(&mut self, office: &Office, printer: usize, blank: usize) {
        let Some(job) = self.jobs[printer].as_mut() else {
            return;
        };
        job.blank = Some(blank);
        job.may_print = !office.binds_first;
        let (person, fence) = (job.person, job.fence);
        self.blanks[blank].lies = Lies::InTray(printer);
        self.sent.insert(Message {
            printer,
            person,
            fence,
            blank,
            says: Says::Bind,
        });
    }

    pub fn run_out(&mut self, person: usize) {
        let row = self.rows[person];
        if let Some(after) = expire_lease(&row.to_request(), NOW) {
            let after = row.after(&after);
            if let Stands::Bound(printer, blank) = row.stands {
                self.went_back |= after.stands != Stands::InDoubt(printer, blank);
            }
            self.rows[person] = after;
        }
    }

    pub fn look(&mut self, person: usize) {
        if let Stands::InDoubt(printer, blank) = self.rows[person].stands {
            let found = &mut self.blanks[blank];
            if found.lies == Lies::InTray(printer) {
                found.lies = Lies::OnDesk;
            }
            let is_card = found.lies == Lies::OnDesk && found.face == Face::Of(person);
            self.rows[person].seen = Some((blank, is_card));
        }
    }
}
