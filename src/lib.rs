//! # ektp
//!
//! The backend on which Indonesia's civil registry offices issue electronic ID cards (KTP-el): one gRPC server over
//! Postgres.
//!
//! ## The life of a card
//!
//! ```text
//!  person at the counter          centre                     printer                      counter
//!  RecordEnrolment ─> SENT ─> LeaseChecks ─> RecordVerdicts
//!                                              │ UNIQUE
//!  IssueInterimCertificates                    v
//!  SubmitPrintRequests ────────────────> QUEUED ─> LeasePrintRequests ─> BindBlanks ─> ReportPrinted
//!                                          ^                                │              │
//!  RegisterDelivery ─> DispatchShipment    └────────── ReportSpoiled ───────┘              v
//!       ─> ReceiveShipment ─> IN_STOCK ───────────────> BOUND ──────────────────────> AT_SITE ─> CompleteHandover
//! ```
//!
//! ## The map
//!
//! Every feature is a folder with six rooms: `mod` (nouns), `decide` (pure rules), `store` (SQL), `wire` (proto to nouns
//! and back), `steps` (each write as a story), `rpc` (the gRPC face). Calls go down one hill:
//! [`registration`] → [`print_queue`] → [`handover`] → [`inventory`] → [`certificate`] → [`policy`].
//!
//! Beside the hill stands [`administration`]: officers, their shifts, and the terminals. An act that needs a second person
//! goes through the one door of [`approval`]; what tokens of the offices' providers prove is read in [`openid`].
//!
//! What is common to all writes stands once, in [`work`]: an act runs in a task of its own, claims its request id, locks,
//! decides, saves, and closes with its stored answer and its ledger events in one round trip before COMMIT. What is common
//! to all streams stands in [`feed`]. Who may call what stands in [`caller`], who still may in [`access`]; how a connection
//! enters in [`transport`] and a call in [`edge`]. The audit log proves itself in [`audit`].
//!
//! Who acts: a terminal is a client certificate, an officer is a person at work on it by a shift. [`edge`] puts both into the
//! [`caller::Caller`], [`access`] knows which of them have ended, [`quota`] how much each may, and every act leaves one audit
//! row in its own commit. [`administration`] keeps them; it stands beside the hill and nobody calls it. Who gets one of the
//! database's connections when not all can, says [`admission`].
//!
//! ## The laws
//!
//! Held by the database as named constraints as well as by the `decide` rooms:
//!
//! 1. No print request without the centre's verdict on the person's current identity (`print_request_has_the_verdict`).
//! 2. A serial is in exactly one place and state (`custody_is_in_one_place`); ranges are the only truth.
//! 3. What was received is the sum of what is here, what went on, and what is accounted for.
//! 4. One open request and one card under way per person, one card in hand, one card per serial, one handover per card.
//! 5. The order of a queue is a pure function of policy, class, seniority and id.
//! 6. Nothing is charged: there is no fee field.
//! 7. A request id with the same content gets its first answer for ever.
//! 8. OK means committed and durable; an unknown outcome says so.
//! 9. A terminal sees its own district; a foreign id looks like a missing one.
//! 10. Names, NIK and phone numbers are sealed, and appear in no log, error, event or token.
//! 11. What needs two persons runs inside the second one's approval, within 15 minutes and unaltered; two accounts of one
//!     person are one (`approval_is_by_two_persons`, `approval_is_in_time`).

pub mod access;
pub mod administration;
pub mod admission;
pub mod approval;
pub mod areas;
pub mod audit;
pub mod authority;
pub mod caller;
pub mod certificate;
mod chores;
pub mod cli;
pub mod clock;
mod codec;
pub mod config;
pub mod db;
mod deadline;
pub mod edge;
pub mod embedded;
pub mod error;
pub mod feed;
pub mod handover;
mod hex;
pub mod ids;
pub mod inventory;
pub mod openid;
mod paging;
pub mod person;
pub mod policy;
pub mod print_queue;
pub mod proto;
pub mod quota;
pub mod registration;
mod requests;
pub mod scope;
pub mod seal;
pub mod server;
mod stream;
pub mod telemetry;
pub mod transport;
mod violations;
mod wire;
pub mod work;
