//! The officers of the scene, made by its heads as officers really are, and the centre's rules: so that each RPC about them
//! has one to act on.

use ektp::{authority, caller::OfficerRole};
use uuid::Uuid;

use crate::{
    administration::{ask, registered, registration},
    support::{
        office::Office,
        policies::{draft_from, propose},
    },
};

/// A terminal that was seen.
const SEEN: &str = "ektp://district/35.75/site/office/terminal/9";

/// What requests name.
#[derive(Clone)]
pub struct Staff {
    /// An account that may be ended.
    pub officer: String,
    /// One that has its first PIN.
    pub badge: String,
    /// One that is nobody's yet.
    pub new_badge: String,
    /// What waits for a second person, with its digest.
    pub approval: (String, Vec<u8>),
    /// One that was seen.
    pub terminal: String,
    /// A request for a certificate.
    pub renewal: Vec<u8>,
    /// A version of the rules that was proposed, and the first day of another one.
    pub rules: (u32, String),
}

impl Staff {
    /// For a test that needs no office.
    pub fn nowhere() -> Self {
        Self {
            officer: String::new(),
            badge: "S-1".to_owned(),
            new_badge: "S-3".to_owned(),
            approval: (String::new(), vec![0; 32]),
            terminal: SEEN.to_owned(),
            renewal: vec![0],
            rules: (1, "2018-01-01".to_owned()),
        }
    }

    /// Of the same shape, and nowhere.
    pub fn missing(&self) -> Self {
        Self {
            officer: Uuid::new_v4().to_string(),
            badge: "S-404".to_owned(),
            new_badge: "S-405".to_owned(),
            approval: (Uuid::new_v4().to_string(), self.approval.1.clone()),
            terminal: format!("{SEEN}404"),
            // Not signed with its own key.
            renewal: self.renewal.iter().rev().copied().collect(),
            rules: (self.rules.0 + 1_000, "2018-01-02".to_owned()),
        }
    }

    /// With which every write is refused.
    pub fn refused(&self) -> Self {
        Self {
            new_badge: self.badge.clone(),
            rules: (self.rules.0 + 1_000, "2017-01-01".to_owned()),
            ..self.missing()
        }
    }
}

/// Two accounts of the city, and a third one that waits for its second person.
pub async fn hire(office: &Office) -> Staff {
    let head = Some(&[OfficerRole::Head][..]);
    let mut author = office.client_as(0, SEEN, head).await;
    let mut second = office.client_as(0, SEEN, head).await;
    let mut staff = Staff::nowhere();
    registered((&mut author, &mut second), registration(&staff.badge, 1)).await;
    staff.officer = registered((&mut author, &mut second), registration("S-0", 2)).await;
    let waiting = ask(&mut author, registration("S-2", 3)).await;
    let waiting = waiting.expect("a head may ask");
    staff.approval = (waiting.approval_id, waiting.content_digest);
    staff.renewal = authority::Request::new().expect("a key").der;
    let proposed = propose(
        &mut office.centre("policy").await,
        draft_from(&staff.rules.1),
    )
    .await;
    staff.rules.0 = proposed.expect("the desk may").version;
    staff
}
