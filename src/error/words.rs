//! What is said to the person at the counter, beside what the client reads.

use crate::proto;

/// One text for the person at the counter, in the languages of the counters; without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Bahasa Indonesia.
    pub indonesian: String,
    /// English.
    pub english: String,
}

impl Words {
    /// To the contract.
    pub fn to_proto(&self) -> proto::LocalizedText {
        proto::LocalizedText {
            indonesian: self.indonesian.clone(),
            english: self.english.clone(),
        }
    }
}
