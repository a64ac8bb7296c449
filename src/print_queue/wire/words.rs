//! What the counter reads out: every reason why a card is not printed now, in both languages (S4-9), and what the person
//! can do. No date is ever named, because nobody can promise one (S1-4).

use crate::{
    error::{NextAction, Words},
    policy::{Document, Documents},
    print_queue::{Change, EnrolmentState, HoldReason, HoldReasons, Refusal, WaitStage},
};

fn words(indonesian: impl Into<String>, english: impl Into<String>) -> Words {
    Words {
        indonesian: indonesian.into(),
        english: english.into(),
    }
}

/// A refusal for the person; none where it concerns the officer or the printer alone.
pub fn of_refusal(refusal: &Refusal) -> Option<Words> {
    Some(match refusal {
        Refusal::OpenRequestExists(_) => words(
            "Permohonan kartu Anda sudah tercatat dan sedang diproses.",
            "Your request for a card is already recorded and under way.",
        ),
        Refusal::DuplicateRecord => of_enrolment(EnrolmentState::Duplicate),
        Refusal::NotPrintReady(verdict) => of_enrolment(verdict.enrolment),
        Refusal::CardAlreadyIssued { under_way: true } => words(
            "Kartu Anda sudah dicetak atau sedang dicetak. Silakan tunggu pemberitahuan untuk mengambilnya.",
            "Your card is printed or being printed. Please wait for the message to collect it.",
        ),
        Refusal::CardAlreadyIssued { under_way: false } => words(
            "Anda sudah pernah menerima kartu. Permohonan ini hanya untuk yang belum pernah memilikinya.",
            "You have had a card before. This request is only for those who never had one.",
        ),
        Refusal::NoCardToReplace => words(
            "Tidak tercatat kartu yang sudah Anda terima, jadi belum ada yang dapat diganti.",
            "No card is recorded as handed over to you, so there is none to replace.",
        ),
        Refusal::InterimCertificateRequired => words(
            "Surat keterangan pengganti diperlukan lebih dahulu. Kantor dapat menerbitkannya sekarang.",
            "An interim certificate is needed first. The office can issue one now.",
        ),
        Refusal::AlreadyPrinted { .. } => words(
            "Kartu Anda sudah pernah dicetak. Selama blangko terbatas, aturan pusat tidak mengizinkan cetak ulang; \
             kantor dapat menerbitkan surat keterangan.",
            "A card was printed for you before. While blanks are short, the centre's rule allows no second print; the \
             office can issue an interim certificate.",
        ),
        Refusal::ClassNotServed { .. } => words(
            "Permohonan jenis ini belum dilayani menurut aturan pusat yang berlaku; kantor dapat menerbitkan surat \
             keterangan.",
            "This kind of request is not served under the centre's rule in force; the office can issue an interim \
             certificate.",
        ),
        Refusal::DocumentMissing(missing) => {
            let (indonesian, english) = lists(*missing);
            words(
                format!("Masih diperlukan: {indonesian}. Silakan melengkapinya."),
                format!("Still needed: {english}. Please bring it."),
            )
        }
        Refusal::Changed(Change::Deceased) => words(
            "Yang bersangkutan tercatat telah meninggal dunia.",
            "The person is recorded as deceased.",
        ),
        Refusal::Changed(Change::MovedOut) => words(
            "Anda tercatat pindah ke daerah lain; kartu dimohonkan di sana.",
            "You are recorded as moved to another district; the card is asked for there.",
        ),
        Refusal::ResidentNotFound
        | Refusal::LocationNotFound
        | Refusal::PrintRequestNotFound
        | Refusal::Fenced
        | Refusal::LeaseExpired
        | Refusal::WrongState(_)
        | Refusal::SerialDiffers { .. }
        | Refusal::Changed(Change::Facts)
        | Refusal::Unsure(_) => return None,
    })
}

/// Why a person's enrolment does not yet allow a card.
fn of_enrolment(enrolment: EnrolmentState) -> Words {
    match enrolment {
        EnrolmentState::Recorded => words(
            "Perekaman sidik jari, iris, dan foto Anda belum lengkap. Silakan melakukan perekaman di kantor.",
            "Your fingerprints, iris and photo are not yet taken. Please have them taken at the office.",
        ),
        EnrolmentState::Sent | EnrolmentState::Checking | EnrolmentState::Adjudicating => words(
            "Data Anda masih diperiksa di pusat. Lamanya tidak dapat dipastikan; kantor tidak dapat mempercepatnya.",
            "Your record is still being checked at the centre. How long it takes cannot be told; the office cannot \
             speed it up.",
        ),
        EnrolmentState::CaptureRejected => words(
            "Hasil perekaman Anda ditolak pusat. Kantor akan mengajukannya ke pusat.",
            "The centre rejected the recording. The office takes it up with the centre.",
        ),
        EnrolmentState::Duplicate => words(
            "Data Anda tercatat lebih dari satu kali. Hanya pusat yang dapat membukanya; kantor akan mengajukannya.",
            "You are recorded more than once. Only the centre can lift this; the office files it there.",
        ),
        EnrolmentState::PrintReady => words(
            "Data Anda berubah dan harus diperiksa kembali di pusat.",
            "Your data changed and has to be checked by the centre again.",
        ),
    }
}

/// What the person of a held request is told.
pub fn of_holds(reasons: HoldReasons) -> Words {
    let held: Vec<Words> = reasons.iter().map(of_hold).collect();
    let join = |text: fn(&Words) -> &str| {
        let texts: Vec<&str> = held.iter().map(text).collect();
        texts.join(" ")
    };
    words(
        format!(
            "Permohonan Anda diterima dan tanggalnya tetap berlaku. {}",
            join(|words| &words.indonesian)
        ),
        format!(
            "Your request is taken and keeps its date. {}",
            join(|words| &words.english)
        ),
    )
}

/// What is said of a stage where no refusal and no hold says more, and what the person can do.
pub fn of_stage(stage: WaitStage) -> (NextAction, Words) {
    match stage {
        WaitStage::Nothing => (
            NextAction::Unspecified,
            words(
                "Tidak ada permohonan yang menunggu.",
                "No request is waiting.",
            ),
        ),
        WaitStage::Ask => (
            NextAction::AskForCard,
            words(
                "Belum ada permohonan kartu yang berjalan. Silakan mengajukannya.",
                "No request for a card is under way. Please ask for one.",
            ),
        ),
        WaitStage::Enrolment => (
            NextAction::TakeBiometrics,
            of_enrolment(EnrolmentState::Recorded),
        ),
        WaitStage::Centre => (
            NextAction::WaitForCentre,
            of_enrolment(EnrolmentState::Checking),
        ),
        WaitStage::Documents => (
            NextAction::BringDocument,
            words("Persyaratan belum lengkap.", "The papers are not complete."),
        ),
        WaitStage::Rule => (NextAction::WaitForRule, of_hold(HoldReason::ClassHeld)),
        WaitStage::Quota => (NextAction::WaitForRule, of_hold(HoldReason::Quota)),
        WaitStage::Stock => (
            NextAction::WaitForTurn,
            words(
                "Permohonan Anda ada dalam antrean; blangko kartu sedang habis. Tempat Anda tetap.",
                "Your request stands in the queue; there are no blank cards just now. You keep your place.",
            ),
        ),
        WaitStage::Printer => (
            NextAction::WaitForTurn,
            words(
                "Permohonan Anda ada dalam antrean cetak; kartu dicetak sesuai urutan.",
                "Your request stands in the queue for printing; cards are printed in its order.",
            ),
        ),
        WaitStage::Tray => (
            NextAction::OfficeLooksIntoTray,
            of_hold(HoldReason::Incident),
        ),
        WaitStage::Collection => (
            NextAction::CollectCard,
            words(
                "Kartu Anda sudah dicetak. Silakan mengambilnya.",
                "Your card is printed. Please collect it.",
            ),
        ),
        WaitStage::Transfer => (NextAction::Unspecified, of_hold(HoldReason::MovedOut)),
    }
}

/// What must go first decides: a rule is no use to whom the centre still checks.
pub fn held_next(reasons: HoldReasons) -> NextAction {
    if reasons.contains(HoldReason::Incident) {
        NextAction::OfficeLooksIntoTray
    } else if reasons.contains(HoldReason::AwaitingCentre) {
        NextAction::WaitForCentre
    } else if reasons.contains(HoldReason::MovedOut) {
        NextAction::Unspecified
    } else {
        NextAction::WaitForRule
    }
}

/// Why a request is held.
fn of_hold(reason: HoldReason) -> Words {
    match reason {
        HoldReason::ClassHeld => words(
            "Selama blangko terbatas, yang belum pernah memiliki kartu didahulukan; permohonan Anda masuk antrean \
             dengan sendirinya bila aturan mengizinkan. Sementara itu surat keterangan dapat diminta.",
            "While blanks are short, those who never had a card come first; your request comes into the queue by itself \
             when the rule allows it. Until then an interim certificate can be asked for.",
        ),
        HoldReason::EnrolmentWindow => words(
            "Tanggal perekaman Anda belum termasuk yang dilayani; permohonan masuk antrean dengan sendirinya bila \
             gilirannya dibuka.",
            "The date of your enrolment is not among those served yet; your request comes into the queue by itself when \
             they are opened.",
        ),
        HoldReason::Quota => words(
            "Kuota harian kantor ini sudah terpakai; permohonan masuk antrean dengan sendirinya pada hari kerja \
             berikutnya yang masih ada kuota.",
            "The daily quota of this office is used up; your request comes into the queue by itself on the next working \
             day with room.",
        ),
        HoldReason::OfficeClosed => words(
            "Hari ini bukan hari pelayanan; permohonan masuk antrean dengan sendirinya pada hari kerja.",
            "Today is no day of service; your request comes into the queue by itself on a working day.",
        ),
        // Print-ready, and not with the identity of today.
        HoldReason::AwaitingCentre => of_enrolment(EnrolmentState::PrintReady),
        HoldReason::MovedOut => words(
            "Anda tercatat pindah; permohonan menunggu daerah tujuan.",
            "You are recorded as moved; the request waits for the district you moved to.",
        ),
        HoldReason::Incident => words(
            "Kantor harus memastikan lebih dahulu apakah kartu Anda sudah tercetak.",
            "The office has to find out first whether your card was printed.",
        ),
    }
}

fn lists(missing: Documents) -> (String, String) {
    let names: Vec<(&str, &str)> = missing.iter().map(document).collect();
    let join = |text: fn(&(&'static str, &'static str)) -> &'static str| {
        let texts: Vec<&str> = names.iter().map(text).collect();
        texts.join(", ")
    };
    (join(|name| name.0), join(|name| name.1))
}

fn document(document: Document) -> (&'static str, &'static str) {
    match document {
        Document::FamilyCardCopy => ("fotokopi kartu keluarga", "a copy of the family card"),
        Document::InterimCertificate => ("surat keterangan pengganti", "an interim certificate"),
        Document::PhoneNumber => ("nomor telepon seluler", "a mobile number"),
        Document::PoliceReport => ("surat kehilangan dari kepolisian", "the police report"),
        Document::OldCard => ("kartu lama", "the old card"),
        Document::MoveCertificate => ("surat keterangan pindah", "the certificate of move"),
        Document::SupportingDeed => ("akta atau dokumen pendukung", "the deed behind the change"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_date_and_no_number_of_days_is_ever_said() {
        let enrolments = [
            EnrolmentState::Recorded,
            EnrolmentState::Sent,
            EnrolmentState::Checking,
            EnrolmentState::Adjudicating,
            EnrolmentState::CaptureRejected,
            EnrolmentState::Duplicate,
            EnrolmentState::PrintReady,
        ];
        let stages = [
            WaitStage::Nothing,
            WaitStage::Ask,
            WaitStage::Enrolment,
            WaitStage::Centre,
            WaitStage::Documents,
            WaitStage::Rule,
            WaitStage::Quota,
            WaitStage::Stock,
            WaitStage::Printer,
            WaitStage::Tray,
            WaitStage::Collection,
            WaitStage::Transfer,
        ];
        let missing = Refusal::DocumentMissing(Document::ALL.into_iter().collect());
        let said = enrolments
            .into_iter()
            .map(of_enrolment)
            .chain(stages.into_iter().map(|stage| of_stage(stage).1))
            .chain([of_holds(HoldReason::ALL.into_iter().collect())])
            .chain(of_refusal(&missing));
        for words in said {
            for text in [&words.indonesian, &words.english] {
                assert!(!text.is_empty());
                assert!(!text.contains(|one: char| one.is_ascii_digit()), "{text}");
            }
        }
    }
}
