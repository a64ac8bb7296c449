//! The kernel's identifiers: typed ids of rows, the ministry's area codes, serial numbers of blanks, and the two values
//! that point at a person (the NIK and the phone number).
//!
//! What parses here is well formed and nothing more: that a code is in today's list is for [`crate::areas`] to say, that
//! a row exists is for its feature. A [`Nik`] and a [`Phone`] have no `Display` on purpose; what leaves them goes through
//! `expose`, which is easy to search for.

mod codes;
mod nik;
mod phone;
mod runs;
mod serial;

use std::{fmt, str::FromStr};

use uuid::Uuid;

pub use codes::{CodeError, District, Province, Subdistrict, Village};
pub use nik::{Nik, NikError, NikWarning, Sex};
pub use phone::{Phone, PhoneError};
pub use runs::Runs;
pub use serial::{Serial, SerialError, SerialRange, disjoint, total};

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the one accepted spelling; a second spelling of the same id would defeat comparison as text.
    #[error("must be a UUID in lower case with hyphens")]
    Malformed,
    /// All zeros is what an unset field of a client looks like.
    #[error("must not be the nil UUID")]
    Nil,
}

fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    let uuid = Uuid::try_parse(text).map_err(|_| IdError::Malformed)?;
    if uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) != text {
        return Err(IdError::Malformed);
    }
    if uuid.is_nil() {
        return Err(IdError::Nil);
    }
    Ok(uuid)
}

/// Declares one id: a UUID that cannot be taken for another table's.
macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of version 7. It begins with the time, so that rows written together lie together in the
            /// index; nothing may read that time back, for it is the machine's and not the unit of work's.
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(out)
            }
        }
    )+};
}

typed_id! {
    /// A person who holds or may come to hold a card (penduduk).
    ResidentId
    /// One taking of a person's data and biometrics (perekaman).
    EnrolmentId
    /// An interim certificate (suket).
    CertificateId
    /// One row of a print queue (permohonan cetak).
    PrintRequestId
    /// A card that a printer reported without a right to print it.
    IncidentId
    /// Blanks on their way from one store to another.
    ShipmentId
    /// A district's request for blanks.
    BlankRequestId
    /// Serials that nobody can explain, until officers of two offices settle them.
    StockCaseId
    /// A blind count of what lies at a location.
    StockCountId
    /// Spoiled blanks and returned cards that were burned before witnesses.
    DestructionId
    /// A printed card that waits to be collected.
    CollectionId
    /// A person without a phone whom a village officer must tell.
    ContactTaskId
    /// One attempt to prove who collects a card.
    ChallengeId
    /// A decision of an officer that another act rests on.
    DecisionId
    /// A person who works for an office, whatever accounts that person has.
    PersonId
    /// An officer's account.
    OfficerId
    /// An officer at work on one terminal.
    ShiftId
    /// An act that waits for a second person.
    ApprovalId
    /// The client's name for one write; made by the client, so any version of UUID is taken.
    RequestId
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_fresh_id_reads_back_from_its_own_text() {
        let id = ResidentId::fresh();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.uuid().get_version_num(), 7);
        assert_ne!(id, ResidentId::fresh());
    }

    #[test]
    fn only_the_lower_case_hyphenated_spelling_is_an_id() {
        let good = "0190f5fe-7c00-7a00-8abc-def012345678";
        assert!(good.parse::<RequestId>().is_ok());
        for bad in [
            "",
            "0190F5FE-7C00-7A00-8ABC-DEF012345678",
            "0190f5fe7c007a008abcdef012345678",
            "{0190f5fe-7c00-7a00-8abc-def012345678}",
            "urn:uuid:0190f5fe-7c00-7a00-8abc-def012345678",
            " 0190f5fe-7c00-7a00-8abc-def012345678",
        ] {
            assert_eq!(bad.parse::<RequestId>(), Err(IdError::Malformed), "{bad}");
        }
    }

    #[test]
    fn the_nil_id_is_refused() {
        let nil = "00000000-0000-0000-0000-000000000000";
        assert_eq!(nil.parse::<RequestId>(), Err(IdError::Nil));
    }

    proptest! {
        #[test]
        fn every_other_uuid_survives_being_written_and_read(bits in any::<u128>()) {
            let id = ShipmentId::from(Uuid::from_u128(bits | 1));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
