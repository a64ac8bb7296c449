//! The nouns of what happens to a person after the enrolment: a changed record, and the end of the residence.
//!
//! What is easily got wrong: a [`Record`] is personal and has no `Debug`; what decisions and events see of it are versions.

use time::Date;

use crate::{
    ids::{District, EnrolmentId, ResidentId, Sex, Village},
    person::Person,
    registration::{EnrolmentState, Life},
};

/// A field of a person's record that an office may change. The NIK is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    FullName,
    MotherName,
    BirthPlace,
    BirthDate,
    Sex,
    Village,
    Address,
    Neighbourhood,
    Community,
    Phone,
    Religion,
    MaritalStatus,
    Occupation,
    BloodType,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::FullName,
        Self::MotherName,
        Self::BirthPlace,
        Self::BirthDate,
        Self::Sex,
        Self::Village,
        Self::Address,
        Self::Neighbourhood,
        Self::Community,
        Self::Phone,
        Self::Religion,
        Self::MaritalStatus,
        Self::Occupation,
        Self::BloodType,
    ];

    /// The name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullName => "full_name",
            Self::MotherName => "mother_name",
            Self::BirthPlace => "birth_place",
            Self::BirthDate => "birth_date",
            Self::Sex => "sex",
            Self::Village => "village",
            Self::Address => "address",
            Self::Neighbourhood => "neighbourhood",
            Self::Community => "community",
            Self::Phone => "phone",
            Self::Religion => "religion",
            Self::MaritalStatus => "marital_status",
            Self::Occupation => "occupation",
            Self::BloodType => "blood_type",
        }
    }
}

/// What is recorded of a person.
#[derive(Clone)]
pub struct Record {
    /// What is sealed.
    pub person: Person,
    /// The birth date.
    pub birth_date: Date,
    /// The sex.
    pub sex: Sex,
    /// Where the person lives.
    pub village: Village,
}

/// A change of one person's record.
pub struct Change {
    /// Whose.
    pub resident_id: ResidentId,
    /// What is set.
    pub fields: Vec<Field>,
    /// The new values; of a field that is not set, nothing is known here.
    pub person: Person,
    /// The new birth date, if it is set.
    pub birth_date: Option<Date>,
    /// The new sex, if it is set.
    pub sex: Option<Sex>,
    /// The new village, if it is set.
    pub village: Option<Village>,
}

impl Change {
    /// The record with the change.
    pub fn applied_to(&self, record: &Record) -> Record {
        let mut after = record.clone();
        let (person, new) = (&mut after.person, &self.person);
        for field in &self.fields {
            match field {
                Field::FullName => person.full_name.clone_from(&new.full_name),
                Field::MotherName => person.mother_name.clone_from(&new.mother_name),
                Field::BirthPlace => person.birth_place.clone_from(&new.birth_place),
                Field::BirthDate => after.birth_date = self.birth_date.unwrap_or(record.birth_date),
                Field::Sex => after.sex = self.sex.unwrap_or(record.sex),
                Field::Village => after.village = self.village.unwrap_or(record.village),
                Field::Address => person.address.clone_from(&new.address),
                Field::Neighbourhood => person.neighbourhood = new.neighbourhood,
                Field::Community => person.community = new.community,
                Field::Phone => person.phone.clone_from(&new.phone),
                Field::Religion => person.religion.clone_from(&new.religion),
                Field::MaritalStatus => person.marital_status.clone_from(&new.marital_status),
                Field::Occupation => person.occupation.clone_from(&new.occupation),
                Field::BloodType => person.blood_type.clone_from(&new.blood_type),
            }
        }
        after
    }
}

/// What a change of a record leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Whether anything is to be written.
    pub any: bool,
    /// Whether the person's identity is another one.
    pub identity: bool,
    /// Whether the card shows something else.
    pub facts: bool,
    /// Whether the centre must decide again.
    pub send_again: bool,
}

/// A person whom a district serves or served, locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The person.
    pub resident_id: ResidentId,
    /// The enrolment.
    pub enrolment_id: EnrolmentId,
    /// Where it stands.
    pub enrolment: EnrolmentState,
    /// What became of the person.
    pub life: Life,
}

/// What ended a residence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifeEventKind {
    /// The person died.
    Death,
    /// The person moved away.
    MoveOut {
        /// Where to.
        destination: District,
    },
}

/// What happened to a person, as the deed has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeEvent {
    /// To whom.
    pub resident_id: ResidentId,
    /// What.
    pub kind: LifeEventKind,
    /// When, by the deed.
    pub event_on: Date,
    /// The deed's number.
    pub document_number: String,
}
