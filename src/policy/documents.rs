//! Several documents at once, each of them once.

use crate::policy::Document;

/// Documents, none twice; small enough to be copied along with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Documents(u8);

impl Documents {
    /// None.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, document: Document) -> Self {
        Self(self.0 | 1 << document as u8)
    }

    /// Whether this is one of them.
    pub const fn contains(self, document: Document) -> bool {
        self.0 & (1 << document as u8) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One by one, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = Document> {
        Document::ALL
            .into_iter()
            .filter(move |document| self.contains(*document))
    }

    /// Their names with commas between them.
    pub fn names(self) -> String {
        let names: Vec<&str> = self.iter().map(Document::name).collect();
        names.join(",")
    }
}

impl FromIterator<Document> for Documents {
    fn from_iter<T: IntoIterator<Item = Document>>(documents: T) -> Self {
        documents.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_kept_apart_from_the_others() {
        for one in Document::ALL {
            let held = Documents::NONE.with(one);
            assert_eq!(held.names(), one.name());
            assert!(
                Document::ALL
                    .into_iter()
                    .all(|other| held.contains(other) == (other == one))
            );
        }
        let all: Documents = Document::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Document::ALL.len());
        assert!(Documents::NONE.is_empty() && !all.is_empty());
    }
}
