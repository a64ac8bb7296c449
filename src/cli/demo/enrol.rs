//! Half a year at the four counters: people enrol, and the city's office issues their interim
//! certificates on the same day.
//!
//! What is easily got wrong: a counter may record only the residents of its own subdistrict, so each day's people go to
//! the counter of the village that they live in.

use futures::future::try_join_all;
use time::{Date, Weekday};
use tonic::Status;

use super::{
    centre::Matcher, citizen::Citizen, office::Office, people::Person, place, progress::Phase,
};
use crate::{
    cli::{
        Failure,
        client::{self, Line, Terminal, request_id},
    },
    ids::Sex,
    proto::{
        self, EnrolmentDraft, ImportEnrolmentsRequest, InterimCertificate,
        IssueInterimCertificatesRequest, RecordEnrolmentRequest, RecordEnrolmentResponse, Resident,
        import_enrolment_result, interim_certificate_result,
        registration_client::RegistrationClient,
    },
};

/// So many people of the first day are recorded one by one, as at a counter with a line; the others in a daily import.
const ONE_BY_ONE: usize = 20;
/// Certificates of one call.
const CERTIFICATES_A_CALL: usize = 100;

/// What one person's visit came to.
struct Visit {
    place: usize,
    recorded: RecordEnrolmentResponse,
    certificate: Option<InterimCertificate>,
}

/// Enrols everybody who is not enrolled yet, day by day; each Friday the centre's engine works off what has come in.
pub async fn run(
    office: &Office,
    citizens: &mut [Citizen],
    matcher: &mut Matcher,
) -> Result<(), Failure> {
    let mut first = citizens.partition_point(|citizen| !citizen.enrolment_id.is_empty());
    let all = citizens.len() - first;
    let phase = Phase::begin("enrolments, certificates", all);
    while let Some(day) = citizens.get(first).map(|citizen| citizen.day) {
        let coming = citizens[first..]
            .iter()
            .take_while(|citizen| citizen.day == day)
            .count();
        let today = first..first + coming;
        office.clock.set(place::at(day, 9, 0));
        phase.say(day.to_string());
        let people: &[Citizen] = citizens;
        let counters = office.counters.iter().zip(office.place.subdistricts);
        let visits = try_join_all(counters.map(|(terminal, subdistrict)| {
            let lives_here =
                move |place: &usize| people[*place].person.village.starts_with(subdistrict);
            counter_day(
                (office.place.slug, terminal),
                people,
                today.clone().filter(lives_here).collect(),
            )
        }))
        .await?;
        let mut visits: Vec<Visit> = visits.into_iter().flatten().collect();
        issue_certificates(&office.desk, people, &mut visits).await?;
        for visit in visits {
            matcher.expect(&visit.recorded, visit.place, citizens[visit.place].part);
            let citizen = &mut citizens[visit.place];
            citizen.enrolment_id = visit.recorded.enrolment_id;
            citizen.resident_id = visit.recorded.resident_id;
            citizen.certificate = visit.certificate;
        }
        first = today.end;
        phase.advance(coming);
        if is_matching_day(office, day) {
            office.clock.set(place::at(day, 16, 0));
            matcher.work_off(citizens).await?;
        }
    }
    phase.end(&format!(
        "{all} people enrolled, {} verdicts recorded",
        matcher.verdicts().values().sum::<usize>()
    ));
    Ok(())
}

fn is_matching_day(office: &Office, day: Date) -> bool {
    day <= office.place.checked_until && day.weekday() == Weekday::Friday
}

async fn counter_day(
    (slug, terminal): (&str, &Terminal),
    citizens: &[Citizen],
    places: Vec<usize>,
) -> Result<Vec<Visit>, Failure> {
    let mut visits = Vec::with_capacity(places.len());
    let (singly, together): (Vec<usize>, Vec<usize>) =
        places.into_iter().partition(|place| *place < ONE_BY_ONE);
    for place in singly {
        let request = RecordEnrolmentRequest {
            request_id: request_id(),
            enrolment: Some(draft(slug, &citizens[place], place)),
        };
        let call = |mut client: RegistrationClient<Line>, request| async move {
            client.record_enrolment(request).await
        };
        let recorded = terminal.registration(request, call).await?;
        visits.push(Visit {
            place,
            recorded,
            certificate: None,
        });
    }
    visits.extend(import((slug, terminal), citizens, together).await?);
    Ok(visits)
}

async fn import(
    (slug, terminal): (&str, &Terminal),
    citizens: &[Citizen],
    places: Vec<usize>,
) -> Result<Vec<Visit>, Failure> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<ImportEnrolmentsRequest> = places
        .iter()
        .map(|place| ImportEnrolmentsRequest {
            request_id: request_id(),
            enrolment: Some(draft(slug, &citizens[*place], *place)),
        })
        .collect();
    // A retry sends all items again under their first ids: what was committed is answered again.
    let results = client::retrying(|| send_import(terminal, items.clone())).await?;
    if results.len() != places.len() {
        return Err(Failure::Call(format!(
            "{} people were imported and {} answered",
            places.len(),
            results.len()
        )));
    }
    let visits = places
        .into_iter()
        .zip(results)
        .map(|(place, result)| match result.outcome {
            Some(import_enrolment_result::Outcome::Recorded(recorded)) => Ok(Visit {
                place,
                recorded,
                certificate: None,
            }),
            Some(import_enrolment_result::Outcome::Refused(refusal)) => {
                Err(refused("an enrolment", &refusal))
            }
            None => Err(Failure::Call(
                "an import answered an item without an outcome".to_owned(),
            )),
        });
    visits.collect()
}

async fn send_import(
    terminal: &Terminal,
    items: Vec<ImportEnrolmentsRequest>,
) -> Result<Vec<proto::ImportEnrolmentResult>, Status> {
    let mut client = terminal.registration_client();
    let mut answers = client
        .import_enrolments(tokio_stream::iter(items))
        .await?
        .into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await? {
        results.extend(answer.results);
    }
    Ok(results)
}

/// The city's office issues the day's certificates.
async fn issue_certificates(
    desk: &Terminal,
    citizens: &[Citizen],
    visits: &mut [Visit],
) -> Result<(), Failure> {
    let mut due: Vec<&mut Visit> = visits
        .iter_mut()
        .filter(|visit| citizens[visit.place].part.gets_certificate())
        .collect();
    let batches = due.chunks_mut(CERTIFICATES_A_CALL);
    try_join_all(batches.map(|batch| issue_batch(desk, batch))).await?;
    Ok(())
}

async fn issue_batch(desk: &Terminal, batch: &mut [&mut Visit]) -> Result<(), Failure> {
    let ids = batch
        .iter()
        .map(|visit| visit.recorded.enrolment_id.clone());
    let certificates = issue(desk, ids.collect()).await?;
    for (visit, certificate) in batch.iter_mut().zip(certificates) {
        visit.certificate = Some(certificate);
    }
    Ok(())
}

/// Certificates for those of the citizens who were turned away; answers how many were issued.
pub async fn certificates(
    office: &Office,
    citizens: &[Citizen],
    places: &[usize],
) -> Result<usize, Failure> {
    let batches = places.chunks(CERTIFICATES_A_CALL).map(|batch| {
        let ids = batch
            .iter()
            .map(|place| citizens[*place].enrolment_id.clone());
        issue(&office.desk, ids.collect())
    });
    Ok(try_join_all(batches).await?.iter().map(Vec::len).sum())
}

async fn issue(
    desk: &Terminal,
    enrolment_ids: Vec<String>,
) -> Result<Vec<InterimCertificate>, Failure> {
    let request = IssueInterimCertificatesRequest {
        request_id: request_id(),
        enrolment_ids,
    };
    let call = |mut client: RegistrationClient<Line>, request| async move {
        client.issue_interim_certificates(request).await
    };
    let answer = desk.registration(request, call).await?;
    let outcomes = answer
        .results
        .into_iter()
        .filter_map(|result| result.outcome);
    outcomes
        .map(|outcome| match outcome {
            interim_certificate_result::Outcome::Certificate(certificate) => Ok(certificate),
            interim_certificate_result::Outcome::Refused(refusal) => {
                Err(refused("an interim certificate", &refusal))
            }
        })
        .collect()
}

/// A refusal that the story does not provide for.
pub fn refused(what: &str, refusal: &proto::Refusal) -> Failure {
    Failure::Call(format!(
        "{what} was refused, {}: {} {:?}",
        refusal.reason().as_str_name(),
        refusal.message,
        refusal.metadata
    ))
}

fn draft(slug: &str, citizen: &Citizen, place: usize) -> EnrolmentDraft {
    let biometric_package = if citizen.part.is_captured() {
        format!("{slug}-{place:06}")
    } else {
        String::new()
    };
    EnrolmentDraft {
        resident: Some(resident(&citizen.person)),
        biometric_package,
        captured_time: None,
    }
}

fn resident(person: &Person) -> Resident {
    let sex = match person.sex {
        Sex::Female => proto::Sex::Female,
        Sex::Male => proto::Sex::Male,
    };
    Resident {
        nik: person.nik.clone(),
        full_name: person.name.clone(),
        mother_name: person.mother_name.clone(),
        birth_place: person.birth_place.clone(),
        birth_date: person.birth_date.to_string(),
        sex: sex.into(),
        village: person.village.clone(),
        address: person.address.clone(),
        neighbourhood: person.rt.into(),
        community: person.rw.into(),
        phone: person.phone.clone().unwrap_or_default(),
        religion: person.religion.to_owned(),
        marital_status: person.marital_status.to_owned(),
        occupation: person.occupation.to_owned(),
        blood_type: String::new(),
    }
}
