//! Why somebody waits: the nouns of the explanation. None of them holds a time to come, because nobody knows one (S1-4).

use time::OffsetDateTime;

use crate::print_queue::{Applicant, Draft, Refusal};

/// What a person waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitStage {
    /// For nothing.
    Nothing,
    /// A card can be asked for.
    Ask,
    /// The biometrics are missing.
    Enrolment,
    /// The centre checks.
    Centre,
    /// Papers, or the interim certificate.
    Documents,
    /// A rule does not serve the class or the date now.
    Rule,
    /// An open day with room in the quota.
    Quota,
    /// Blanks.
    Stock,
    /// A printer.
    Printer,
    /// A look into a tray.
    Tray,
    /// The holder.
    Collection,
    /// Another district.
    Transfer,
}

/// What is known of a request's surroundings.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Whether the centre's verdict stands for the person of today.
    pub print_ready: bool,
    /// Blanks in the district's stores that no lease speaks for.
    pub blanks: i64,
    /// Whether the printed card still awaits its holder.
    pub awaits_holder: bool,
}

/// What is known of a person without a request.
#[derive(Debug)]
pub struct Person {
    /// The person.
    pub applicant: Applicant,
    /// What was asked for last and refused.
    pub refused: Option<(Draft, OffsetDateTime)>,
}

/// Why somebody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// For what.
    pub stage: WaitStage,
    /// Since when, where that is known.
    pub since: Option<OffsetDateTime>,
    /// What stands against a card today; none where nothing does.
    pub refusal: Option<Refusal>,
}
