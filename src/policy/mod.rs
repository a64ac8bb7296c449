//! Policy: the rules of the ministry as far as the queue needs them, in versions that come into force on a day.
//!
//! A version orders the classes of applicants and nothing else moves anybody in a queue: the rows carry their class, so a
//! new version rewrites none of them. A class that a version leaves out is not served while it is in force.
//!
//! Tables: policy_version.

mod store;

pub use store::current;

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
}

impl ApplicantClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FirstIssue, Self::Relocation, Self::DataChange];

    /// The name in tables and tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstIssue => "FIRST_ISSUE",
            Self::Relocation => "RELOCATION",
            Self::DataChange => "DATA_CHANGE",
        }
    }
}

/// One version of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its number; decisions and requests keep it.
    pub version: i32,
    /// The classes that are served, in their order.
    pub class_order: Vec<ApplicantClass>,
    /// Whether a card is asked for with an interim certificate in hand (S0-3).
    pub interim_certificate_required: bool,
}

impl Policy {
    /// Every class in the order in which a queue is shown: the served ones, then those that wait for another version.
    pub fn order(&self) -> Vec<ApplicantClass> {
        let unserved = ApplicantClass::ALL
            .into_iter()
            .filter(|class| !self.class_order.contains(class));
        self.class_order.iter().copied().chain(unserved).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_is_not_served_is_shown_last() {
        let policy = Policy {
            version: 2,
            class_order: vec![ApplicantClass::DataChange, ApplicantClass::FirstIssue],
            interim_certificate_required: true,
        };
        assert_eq!(
            policy.order(),
            [
                ApplicantClass::DataChange,
                ApplicantClass::FirstIssue,
                ApplicantClass::Relocation
            ]
        );
    }
}
