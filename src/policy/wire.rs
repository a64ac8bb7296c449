//! The policy's words in the contract, both ways; other features' messages carry them too.

use crate::{
    policy::{ApplicantClass, Document},
    proto,
};

/// A class, to the contract.
pub fn class(class: ApplicantClass) -> proto::ApplicantClass {
    match class {
        ApplicantClass::FirstIssue => proto::ApplicantClass::FirstIssue,
        ApplicantClass::Relocation => proto::ApplicantClass::Relocation,
        ApplicantClass::DataChange => proto::ApplicantClass::DataChange,
        ApplicantClass::InterimExchange => proto::ApplicantClass::InterimExchange,
        ApplicantClass::Lost => proto::ApplicantClass::Lost,
        ApplicantClass::Damaged => proto::ApplicantClass::Damaged,
        ApplicantClass::ReplaceDefective => proto::ApplicantClass::ReplaceDefective,
    }
}

/// A class, from the contract; none for UNSPECIFIED.
pub fn class_of(number: i32) -> Result<Option<ApplicantClass>, &'static str> {
    Ok(Some(match proto::ApplicantClass::try_from(number) {
        Ok(proto::ApplicantClass::Unspecified) => return Ok(None),
        Ok(proto::ApplicantClass::FirstIssue) => ApplicantClass::FirstIssue,
        Ok(proto::ApplicantClass::Relocation) => ApplicantClass::Relocation,
        Ok(proto::ApplicantClass::DataChange) => ApplicantClass::DataChange,
        Ok(proto::ApplicantClass::InterimExchange) => ApplicantClass::InterimExchange,
        Ok(proto::ApplicantClass::Lost) => ApplicantClass::Lost,
        Ok(proto::ApplicantClass::Damaged) => ApplicantClass::Damaged,
        Ok(proto::ApplicantClass::ReplaceDefective) => ApplicantClass::ReplaceDefective,
        Err(_) => return Err("is not a known value"),
    }))
}

/// A document, from the contract.
pub fn document_of(number: i32) -> Result<Document, &'static str> {
    Ok(match proto::Document::try_from(number) {
        Ok(proto::Document::Unspecified) => return Err("is required"),
        Ok(proto::Document::FamilyCardCopy) => Document::FamilyCardCopy,
        Ok(proto::Document::InterimCertificate) => Document::InterimCertificate,
        Ok(proto::Document::PhoneNumber) => Document::PhoneNumber,
        Ok(proto::Document::PoliceReport) => Document::PoliceReport,
        Ok(proto::Document::OldCard) => Document::OldCard,
        Ok(proto::Document::MoveCertificate) => Document::MoveCertificate,
        Ok(proto::Document::SupportingDeed) => Document::SupportingDeed,
        Err(_) => return Err("is not a known value"),
    })
}
