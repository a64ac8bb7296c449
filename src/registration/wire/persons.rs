//! What is recorded of a person, as a terminal sends it: at the enrolment whole, later in parts. One set of rules for both.

use time::Date;

use crate::{
    areas,
    ids::{District, Phone, Sex, Village},
    person::Person,
    proto,
    violations::Violations,
    wire::date,
};

/// The earliest birth date that can be right.
const BIRTH_DATE_MIN: Date = time::macros::date!(1900 - 01 - 01);
/// The longest name of a person.
const NAME_MAX: usize = 120;

/// Where in a request a person stands, and beside what it is judged.
pub(super) struct Place {
    /// The path of the message.
    pub(super) path: &'static str,
    /// The terminal's district.
    pub(super) district: District,
    /// The local day.
    pub(super) today: Date,
}

impl Place {
    /// The path of one field.
    pub(super) fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

/// What was well formed; of what was not there are violations.
pub(super) struct Sheet {
    pub(super) person: Person,
    pub(super) birth_date: Option<Date>,
    pub(super) sex: Option<Sex>,
    pub(super) village: Option<Village>,
}

/// Reads all but the NIK.
pub(super) fn sheet(
    violations: &mut Violations,
    resident: &proto::Resident,
    place: &Place,
) -> Sheet {
    let birth_date = violations.take(
        place.field("birth_date"),
        birth_date(&resident.birth_date, place.today),
    );
    let sex = violations.take(place.field("sex"), sex(resident.sex));
    let village = violations.parse::<Village>(place.field("village"), &resident.village);
    if let Some(village) = village {
        let inside = village.district() == place.district;
        violations.require(
            inside,
            place.field("village"),
            "must lie in the terminal's district",
        );
        let listed = areas::village(village).is_some();
        violations.require(
            listed,
            place.field("village"),
            "is not in the list of villages",
        );
    }
    let phone = violations.parse_optional::<Phone>(place.field("phone"), &resident.phone);
    Sheet {
        person: person(violations, resident, phone.as_ref(), place),
        birth_date,
        sex,
        village,
    }
}

fn person(
    violations: &mut Violations,
    resident: &proto::Resident,
    phone: Option<&Phone>,
    place: &Place,
) -> Person {
    violations.require(
        resident.neighbourhood <= 999,
        place.field("neighbourhood"),
        "must be 0 to 999",
    );
    violations.require(
        resident.community <= 999,
        place.field("community"),
        "must be 0 to 999",
    );
    let blood_type = match resident.blood_type.trim() {
        "" => "-".to_owned(),
        known => {
            let plain = known.trim_end_matches(['+', '-']);
            let signs = known.len() - plain.len();
            let fits = matches!(plain, "A" | "B" | "AB" | "O") && signs <= 1;
            violations.require(
                fits,
                place.field("blood_type"),
                "must be A, B, AB or O, with or without + or -",
            );
            known.to_owned()
        }
    };
    Person {
        nik: resident.nik.clone(),
        full_name: violations.text(place.field("full_name"), &resident.full_name, 1, NAME_MAX),
        mother_name: violations.text(
            place.field("mother_name"),
            &resident.mother_name,
            1,
            NAME_MAX,
        ),
        birth_place: violations.text(place.field("birth_place"), &resident.birth_place, 1, 60),
        address: violations.text(place.field("address"), &resident.address, 1, 120),
        neighbourhood: resident.neighbourhood,
        community: resident.community,
        phone: phone.map(|phone| phone.expose().to_owned()),
        religion: violations.text(place.field("religion"), &resident.religion, 1, 30),
        marital_status: violations.text(
            place.field("marital_status"),
            &resident.marital_status,
            1,
            30,
        ),
        occupation: violations.text(place.field("occupation"), &resident.occupation, 1, 60),
        blood_type,
    }
}

fn birth_date(text: &str, today: Date) -> Result<Date, &'static str> {
    let birth_date = date(text)?;
    if (BIRTH_DATE_MIN..=today).contains(&birth_date) {
        Ok(birth_date)
    } else {
        Err("must be from 1900-01-01 to today")
    }
}

fn sex(number: i32) -> Result<Sex, &'static str> {
    match proto::Sex::try_from(number) {
        Ok(proto::Sex::Female) => Ok(Sex::Female),
        Ok(proto::Sex::Male) => Ok(Sex::Male),
        Ok(proto::Sex::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}
