//! What a terminal cannot know from the stream and asks for beside it: what came into each account and went on, how long the
//! blanks last, which shipments are under way, which cases are open.
//!
//! What is easily got wrong: it is asked at a pace of its own, never once for each change, so a busy hour costs the server
//! no more than a quiet one. What the caller may not see is absent; it is no reason to stop.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    cli::client::{self, Terminal},
    ids::District,
    inventory::Location,
    proto::{
        DaysToEmpty, GetStockRequest, GetStockResponse, ListLocationsRequest, ListShipmentsRequest,
        ListStockCasesRequest, Shipment, ShipmentDirection, ShipmentState, StockCase,
    },
};

use super::{STORES_SHOWN, order};

/// The shortest time between two rounds of questions.
const PAUSE: Duration = Duration::from_secs(3);
/// Without any change it is asked again after this: other offices' acts and the days pass by too.
const PAUSE_QUIET: Duration = Duration::from_secs(60);
/// Stores that are listed: the largest page there is, more than any district has.
const STORES_LISTED: u32 = 500;
/// Shipments and cases that are listed: the first page, of which a screen shows the top.
const LISTED: u32 = 100;

/// What was answered last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// The accounts of those stores that may be seen.
    pub accounts: BTreeMap<Location, Account>,
    /// Stores and units of the district, in the order of people; some may be empty.
    pub stores: Vec<Location>,
    /// What is under way to the district, and what left it where that may be seen.
    pub shipments: BTreeMap<String, Shipment>,
    /// Open cases, the most urgent first; absent where they may not be seen.
    pub cases: Option<Vec<StockCase>>,
    /// Why the last round has no answer; empty where it has.
    pub trouble: String,
}

/// What an account tells beyond what lies there.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub received: u64,
    pub sent_on: u64,
    pub days_to_empty: Option<DaysToEmpty>,
}

/// Who asks, round by round.
pub struct Asker {
    district: District,
    shift: Option<Uuid>,
    changed: Arc<Notify>,
    answers: watch::Sender<Answers>,
}

impl Asker {
    /// For a district; with the shift of an officer, for what only officers see.
    pub fn new(district: District, shift: Option<Uuid>) -> Self {
        Self {
            district,
            shift,
            changed: Arc::default(),
            answers: watch::Sender::default(),
        }
    }

    /// To be rung when something has changed.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Where the answers come in.
    pub fn answers(&self) -> watch::Receiver<Answers> {
        self.answers.subscribe()
    }

    /// Asks as long as the window is open.
    pub async fn keep(mut self, terminal: watch::Receiver<Terminal>) -> Infallible {
        loop {
            let current = terminal.borrow().clone();
            let answered = self.round(&current).await;
            self.answers.send_if_modified(|held| {
                let now = answered.as_ref().map_or_else(
                    |status| Answers {
                        trouble: client::in_words(status),
                        ..held.clone()
                    },
                    Answers::clone,
                );
                let is_new = now != *held;
                *held = now;
                is_new
            });
            if answered.is_err_and(|status| status.code() == Code::Unauthenticated) {
                // The shift is over, or it is of the certificate before this one: the rest is seen without it.
                self.shift = None;
            }
            sleep(PAUSE).await;
            // Either way it is asked again.
            let _ = timeout(PAUSE_QUIET, self.changed.notified()).await;
        }
    }

    async fn round(&self, terminal: &Terminal) -> Result<Answers, Status> {
        let staffed = self.shift.and_then(|shift| {
            // An id is text for a header.
            terminal.on_shift(&shift.to_string()).ok()
        });
        let caller = staffed.as_ref().unwrap_or(terminal);
        let mut answers = Answers {
            stores: self.stores(caller).await?,
            ..Answers::default()
        };
        for location in answers.stores.clone().into_iter().take(STORES_SHOWN) {
            let request = GetStockRequest {
                location: location.to_string(),
            };
            let answer = caller.inventory(request, |mut client, message| async move {
                client.get_stock(message).await
            });
            if let Some(answer) = seen(answer.await)? {
                answers.add(location, answer);
            }
        }
        if let Some(officer) = &staffed {
            let left = self.left(officer).await?.into_iter();
            answers
                .shipments
                .extend(left.map(|sent| (sent.shipment_id.clone(), sent)));
            answers.cases = self.cases(officer).await?;
        }
        Ok(answers)
    }

    /// The district's own store, and whatever else its office has. The centre lists its own, and sees the district's alone.
    async fn stores(&self, caller: &Terminal) -> Result<Vec<Location>, Status> {
        let request = ListLocationsRequest {
            page_size: STORES_LISTED,
            page_token: String::new(),
        };
        let listed = caller.inventory(request, |mut client, message| async move {
            client.list_locations(message).await
        });
        let listed = seen(listed.await)?.unwrap_or_default().locations;
        let listed = listed
            .iter()
            .filter_map(|listed| listed.location.parse().ok());
        let mut stores = vec![Location::of_district(self.district)];
        stores.extend(listed.filter(|location: &Location| location.district() == self.district));
        stores.sort_by_key(order);
        stores.dedup();
        Ok(stores)
    }

    /// What is on its way away from the district.
    async fn left(&self, officer: &Terminal) -> Result<Vec<Shipment>, Status> {
        let request = ListShipmentsRequest {
            direction: ShipmentDirection::Out.into(),
            state: ShipmentState::Dispatched.into(),
            page_size: LISTED,
            page_token: String::new(),
        };
        let listed = officer.inventory(request, |mut client, message| async move {
            client.list_shipments(message).await
        });
        let mut left = seen(listed.await)?.unwrap_or_default().shipments;
        left.retain(|shipment| self.has(&shipment.origin));
        Ok(left)
    }

    /// The open cases that are the district's, or of which it is the other office.
    async fn cases(&self, officer: &Terminal) -> Result<Option<Vec<StockCase>>, Status> {
        let request = ListStockCasesRequest {
            page_size: LISTED,
            page_token: String::new(),
        };
        let listed = officer.inventory(request, |mut client, message| async move {
            client.list_stock_cases(message).await
        });
        let Some(listed) = seen(listed.await)? else {
            return Ok(None);
        };
        let mut cases = listed.cases;
        cases.retain(|case| {
            let is_ours = self.has(&case.location) || self.has(&case.counterpart);
            is_ours && !case.open_serials.is_empty()
        });
        Ok(Some(cases))
    }

    fn has(&self, location: &str) -> bool {
        let location = location.parse::<Location>();
        location.is_ok_and(|location| location.district() == self.district)
    }
}

impl Answers {
    fn add(&mut self, location: Location, answer: GetStockResponse) {
        let due_in = answer.due_in.into_iter();
        self.shipments
            .extend(due_in.map(|due| (due.shipment_id.clone(), due)));
        if let Some(stock) = answer.stock {
            let account = Account {
                received: stock.received,
                sent_on: stock.sent_on,
                days_to_empty: answer.days_to_empty,
            };
            self.accounts.insert(location, account);
        }
    }
}

/// What the caller may not see (PERMISSION_DENIED), or not now (COUNT_OPEN), is nothing.
fn seen<T>(answer: Result<T, Status>) -> Result<Option<T>, Status> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(status)
            if matches!(
                status.code(),
                Code::PermissionDenied | Code::FailedPrecondition
            ) =>
        {
            Ok(None)
        }
        Err(status) => Err(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_seen_is_absent_and_what_failed_is_told() {
        assert_eq!(seen(Ok(7)).expect("an answer"), Some(7));
        for code in [Code::PermissionDenied, Code::FailedPrecondition] {
            let answer = seen::<u8>(Err(Status::new(code, "no")));
            assert_eq!(answer.expect("absent"), None);
        }
        for code in [Code::Unauthenticated, Code::Unavailable, Code::NotFound] {
            assert!(
                seen::<u8>(Err(Status::new(code, "no"))).is_err(),
                "{code:?}"
            );
        }
    }
}
