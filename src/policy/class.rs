//! The classes of applicants and what a version says of each.

use time::Date;

/// Why a card is asked for (Perpres 96/2018 art. 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplicantClass {
    /// Never had a card.
    FirstIssue,
    /// Moved here from another district.
    Relocation,
    /// Something printed on the card changed.
    DataChange,
    /// Never had a card and holds an interim certificate in its place.
    InterimExchange,
    /// The card was lost.
    Lost,
    /// The card is damaged.
    Damaged,
    /// The card that we issued is defective; no shortage rule refuses its replacement.
    ReplaceDefective,
}

impl ApplicantClass {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::FirstIssue,
        Self::Relocation,
        Self::DataChange,
        Self::InterimExchange,
        Self::Lost,
        Self::Damaged,
        Self::ReplaceDefective,
    ];

    /// The name in tables and tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstIssue => "FIRST_ISSUE",
            Self::Relocation => "RELOCATION",
            Self::DataChange => "DATA_CHANGE",
            Self::InterimExchange => "INTERIM_EXCHANGE",
            Self::Lost => "LOST",
            Self::Damaged => "DAMAGED",
            Self::ReplaceDefective => "REPLACE_DEFECTIVE",
        }
    }

    /// Whether it is only for people who never had a card.
    pub const fn is_first(self) -> bool {
        match self {
            Self::FirstIssue | Self::InterimExchange => true,
            Self::Relocation
            | Self::DataChange
            | Self::Lost
            | Self::Damaged
            | Self::ReplaceDefective => false,
        }
    }

    /// Whether it says by itself that there was a card before; of the others the register knows.
    pub const fn follows_a_card(self) -> bool {
        match self {
            Self::DataChange | Self::Lost | Self::Damaged | Self::ReplaceDefective => true,
            Self::FirstIssue | Self::InterimExchange | Self::Relocation => false,
        }
    }
}

/// A paper or a fact that a version wants before a request is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Document {
    /// A copy of the family card (fotokopi KK).
    FamilyCardCopy,
    /// An interim certificate; the register knows it, nobody needs to say so.
    InterimCertificate,
    /// A mobile number for the message; the register knows it as well.
    PhoneNumber,
    /// The police report of a loss.
    PoliceReport,
    /// The old card, given back when the new one is handed over.
    OldCard,
    /// The certificate of move from the district before.
    MoveCertificate,
    /// The deed behind a change: marriage, divorce, diploma.
    SupportingDeed,
}

impl Document {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::FamilyCardCopy,
        Self::InterimCertificate,
        Self::PhoneNumber,
        Self::PoliceReport,
        Self::OldCard,
        Self::MoveCertificate,
        Self::SupportingDeed,
    ];

    /// The name in tables and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FamilyCardCopy => "FAMILY_CARD_COPY",
            Self::InterimCertificate => "INTERIM_CERTIFICATE",
            Self::PhoneNumber => "PHONE_NUMBER",
            Self::PoliceReport => "POLICE_REPORT",
            Self::OldCard => "OLD_CARD",
            Self::MoveCertificate => "MOVE_CERTIFICATE",
            Self::SupportingDeed => "SUPPORTING_DEED",
        }
    }
}

/// What becomes of a request of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClassOutcome {
    /// It comes into the queue.
    Admit,
    /// It is taken, keeps its date and waits.
    Hold,
    /// It is refused, with what the person can do instead.
    Refuse,
}

impl ClassOutcome {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admit => "ADMIT",
            Self::Hold => "HOLD",
            Self::Refuse => "REFUSE",
        }
    }
}

/// When a held request is released without a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Release {
    /// As far as the district's stock is above the open requests of the admitted classes.
    pub above_demand: bool,
    /// So many days after the request was made.
    pub after_days: Option<i32>,
}

/// A stretch of local dates, both ends included; open where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Window {
    /// Whether a date lies in it.
    pub fn contains(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }
}

/// What a version says of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRule {
    /// Which.
    pub class: ApplicantClass,
    /// What becomes of its requests.
    pub outcome: ClassOutcome,
    /// What is wanted with the request.
    pub documents: Vec<Document>,
    /// On which local dates the person must have been enrolled; outside it a request is held.
    pub enrolled: Window,
    /// When a held request is released by itself.
    pub release: Release,
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_window_has_both_its_ends() {
        let window = Window {
            from: Some(date!(2016 - 12 - 01)),
            to: Some(date!(2016 - 12 - 31)),
        };
        assert!(!window.contains(date!(2016 - 11 - 30)));
        assert!(window.contains(date!(2016 - 12 - 01)));
        assert!(window.contains(date!(2016 - 12 - 31)));
        assert!(!window.contains(date!(2017 - 01 - 01)));
        assert!(Window::default().contains(date!(1900 - 01 - 01)));
    }
}
