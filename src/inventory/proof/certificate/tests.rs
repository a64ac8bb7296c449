//! A certificate reads back as it was written, and one that was changed, or does not balance, is none.

use time::macros::datetime;

use super::*;
use crate::audit::Key;

fn at(text: &str) -> Location {
    text.parse().expect("a location of the test")
}

fn quantities(of: &[(&str, i64)]) -> Quantities {
    of.iter()
        .map(|(state, count)| ((*state).to_owned(), *count))
        .collect()
}

fn certificate() -> Certificate {
    let centre = Place {
        movements: 2,
        received: 100,
        sent_on: 60,
        due: 0,
        leaf: [1; 32],
        quantities: quantities(&[("IN_STOCK", 40)]),
    };
    let district = Place {
        movements: 3,
        received: 50,
        sent_on: 0,
        due: 10,
        leaf: [2; 32],
        quantities: quantities(&[("AT_SITE", 1), ("IN_STOCK", 49), ("IN_TRANSIT", 10)]),
    };
    Certificate {
        area: Area::Nation,
        made_at: datetime!(2018-05-02 08:01:00.25 +07:00),
        registered: 100,
        givers: BTreeMap::new(),
        places: [(at("centre"), centre), (at("35.75"), district)].into(),
    }
}

#[test]
fn a_certificate_has_one_spelling_and_reads_back() {
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    let root = hex::encode(&certificate().root());
    assert_eq!(
        certificate().text(),
        format!(
            "ektp stock certificate v1\nscope: nation\nmade: 2018-05-02T01:01:00.250000Z\nregistered: 100\n\
             location: centre movements 2 received 100 sent-on 60 due 0 leaf {one} IN_STOCK 40\n\
             location: 35.75 movements 3 received 50 sent-on 0 due 10 leaf {two} AT_SITE 1 IN_STOCK 49 IN_TRANSIT 10\n\
             total: AT_SITE 1 IN_STOCK 89 IN_TRANSIT 10\nroot: {root}\n"
        )
    );
    let key = Key::random();
    let mut of_district = certificate();
    of_district.area = "35.75".parse().expect("an area");
    of_district.places.remove(&Location::CENTRE);
    of_district.givers.insert(Location::CENTRE, 2);
    for written in [certificate(), of_district] {
        let read = Signed::read(&written.signed(&key), Some(&key.public())).expect("it holds");
        assert_eq!((read.certificate, read.key), (written, key.public()));
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let key = Key::random();
    let refused = |file: &str| Signed::read(file, None).expect_err("it does not hold");
    let file = certificate().signed(&key);
    assert_eq!(refused("hello"), CertificateError::NotSigned);
    assert_eq!(
        refused(&file.replace("registered: 100", "registered: 101")),
        CertificateError::Changed
    );
    let other = Key::random().public();
    assert_eq!(
        Signed::read(&file, Some(&other)),
        Err(CertificateError::OtherKey(hex::encode(&key.public())))
    );
    let again = |from: &str, to: &str| {
        let text = certificate().text().replace(from, to);
        refused(&document::sign(&text, &key))
    };
    assert_eq!(
        again("received 50", "received 050"),
        CertificateError::Line(6)
    );
    assert_eq!(again("sent-on 0", "sent-on x"), CertificateError::Line(6));
    // Figures that would not add up in 64 bits are none.
    assert_eq!(
        again("IN_STOCK 49", "IN_STOCK 9223372036854775807"),
        CertificateError::Line(6)
    );
    assert_eq!(
        Signed::read(&" ".repeat(FILE_MAX + 1), None),
        Err(CertificateError::TooLong)
    );
    assert_eq!(
        again("total: AT_SITE 1", "total: AT_SITE 2"),
        CertificateError::Sum("total")
    );
    assert_eq!(
        again(&"02".repeat(32), &"03".repeat(32)),
        CertificateError::Sum("root")
    );
    assert_eq!(
        again("received 50", "received 51"),
        CertificateError::Broken(vec![
            "35.75 received 51 and sent on 0, and 50 are there".to_owned()
        ])
    );
    assert_eq!(
        again("registered: 100", "registered: 99"),
        CertificateError::Broken(vec!["99 were registered, and 100 are anywhere".to_owned()])
    );
    assert_eq!(
        again("due 10", "due 9"),
        CertificateError::Broken(vec!["9 are due at 35.75, and 10 are in transit".to_owned()])
    );
}

#[test]
fn an_older_certificate_shows_what_changed_without_a_movement() {
    let older = certificate();
    assert_eq!(certificate().contradicts(&older), [""; 0]);
    let mut grown = certificate();
    let place = grown.places.get_mut(&at("35.75")).expect("it is there");
    (place.movements, place.leaf) = (4, [9; 32]);
    assert_eq!(grown.contradicts(&older), [""; 0]);
    let mut changed = certificate();
    changed
        .places
        .get_mut(&at("35.75"))
        .expect("it is there")
        .leaf = [9; 32];
    assert_eq!(
        changed.contradicts(&older),
        ["35.75 has other serials, and nothing moved there"]
    );
    assert_eq!(
        older.contradicts(&grown),
        ["35.75 has fewer movements than it had"]
    );
}

/// What a message may have is 4 MiB, in the clients' libraries too.
#[test]
fn every_location_of_the_nation_fits_into_one_message() {
    const LOCATIONS: i32 = 7_800;
    const MESSAGE_MAX: usize = 4 * 1024 * 1024;
    let states =
        "AT_SITE,BOUND,DESTROYED,DISPUTED,HANDED_OVER,IN_STOCK,IN_TRANSIT,LOST,RETURNED,SPOILED";
    let quantities: Vec<(&str, i64)> = states.split(',').map(|state| (state, 9_999_999)).collect();
    let numbers = (110_101..999_999).filter_map(|number| Location::from_number(number).ok());
    let place = Place {
        movements: 9_999_999,
        received: 999_999_999,
        sent_on: 999_999_999,
        due: 9_999_999,
        leaf: [0xab; 32],
        quantities: super::tests::quantities(&quantities),
    };
    let places = numbers.take(usize::try_from(LOCATIONS).expect("a few"));
    let large = Certificate {
        places: places.map(|location| (location, place.clone())).collect(),
        ..certificate()
    };
    let length = large.signed(&Key::random()).len();
    assert!(length < MESSAGE_MAX - 64 * 1024, "{length} bytes");
}
