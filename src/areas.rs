//! The ministry's list of areas, read once from the file the binary carries: which codes exist, what they are called and
//! what time it is there.
//!
//! It is today's list. Rows keep the code under which they were written, so a code that is missing here is not an error by
//! itself. Areas are looked up by code and never by name: Purworejo is a subdistrict of Kota Pasuruan and a district of
//! another province as well.

use std::{io::Read, ops::Range, sync::LazyLock};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use time::{Date, OffsetDateTime, UtcOffset, macros::offset};

use crate::ids::{District, Subdistrict, Village};

/// See `migrations/data/README.md` for source, licence and how it was made.
const FILE: &[u8] = include_bytes!("../migrations/data/areas.tsv.gz");

/// How much the file is when unpacked, to ask for the memory once.
const TEXT_BYTES: usize = 1_943_735;

/// How many areas the file holds, to ask for the memory once.
const COUNT: usize = 91_599;

static AREAS: LazyLock<Areas> = LazyLock::new(Areas::unpack);

/// The file's text as it is, and beside it the codes in rising order with the place of each name: three allocations for
/// all areas. The digits of a code tell its level, so one order serves all four.
struct Areas {
    text: String,
    codes: Vec<i64>,
    names: Vec<Range<u32>>,
}

impl Areas {
    fn unpack() -> Self {
        let mut text = String::with_capacity(TEXT_BYTES);
        GzDecoder::new(FILE)
            .read_to_string(&mut text)
            .expect("the embedded file is the one that the tests have read");
        let mut codes = Vec::with_capacity(COUNT);
        let mut names = Vec::with_capacity(COUNT);
        let mut at = 0;
        for line in text.lines() {
            let (code, name) = line
                .split_once('\t')
                .expect("the tests have read every line");
            codes.push(code.parse().expect("the tests have read every code"));
            let end = at + line.len();
            let place = |byte: usize| u32::try_from(byte).expect("the text has two million bytes");
            names.push(place(end - name.len())..place(end));
            at = end + 1;
        }
        Self { text, codes, names }
    }

    fn name(&self, index: usize) -> &str {
        let Range { start, end } = self.names[index];
        &self.text[start as usize..end as usize]
    }

    fn find(&self, code: i64) -> Option<&str> {
        self.codes
            .binary_search(&code)
            .ok()
            .map(|index| self.name(index))
    }

    fn between(&self, codes: Range<i64>) -> &[i64] {
        let start = self.codes.partition_point(|code| *code < codes.start);
        let end = self.codes.partition_point(|code| *code < codes.end);
        &self.codes[start..end]
    }
}

/// The official name, `Kota Pasuruan`; none for the centre and for a code that is not in the list.
pub fn district(code: District) -> Option<&'static str> {
    AREAS.find(i64::from(code.number()))
}

/// The official name, without the word kecamatan.
pub fn subdistrict(code: Subdistrict) -> Option<&'static str> {
    AREAS.find(i64::from(code.number()))
}

/// The official name, without the word kelurahan or desa.
pub fn village(code: Village) -> Option<&'static str> {
    AREAS.find(code.number())
}

/// Whether the subdistrict is in today's list.
pub fn is_listed(code: Subdistrict) -> bool {
    subdistrict(code).is_some()
}

/// All districts, by code.
pub fn districts() -> impl Iterator<Item = District> {
    let codes = AREAS.between(1_000..10_000).iter();
    codes.map(|code| {
        let number = i32::try_from(*code).expect("the range is four digits");
        District::from_number(number).expect("the tests have taken every code")
    })
}

/// The subdistricts of a district, by code; none for the centre.
pub fn subdistricts_of(district: District) -> impl Iterator<Item = Subdistrict> {
    let first = i64::from(district.number()) * 100;
    // The centre's range would be 0..100, which holds the provinces.
    let codes = if district.is_centre() {
        &[]
    } else {
        AREAS.between(first..first + 100)
    };
    codes.iter().map(|code| {
        let number = i32::try_from(*code).expect("the range is six digits");
        Subdistrict::from_number(number).expect("the tests have taken every code")
    })
}

/// The villages of a subdistrict, by code.
pub fn villages_of(subdistrict: Subdistrict) -> impl Iterator<Item = Village> {
    let first = i64::from(subdistrict.number()) * 10_000;
    let codes = AREAS.between(first..first + 10_000).iter();
    codes.map(|code| Village::from_number(*code).expect("the tests have taken every code"))
}

/// The digest of the file, by which `ektp migrate` knows whether it has loaded this release before.
pub fn digest() -> &'static [u8] {
    static DIGEST: LazyLock<[u8; 32]> = LazyLock::new(|| Sha256::digest(FILE).into());
    DIGEST.as_slice()
}

/// Every area as the table `area` holds it, by code: provinces first, villages last.
pub fn rows() -> impl Iterator<Item = (i64, &'static str)> {
    let areas = &*AREAS;
    areas
        .codes
        .iter()
        .enumerate()
        .map(|(index, code)| (*code, areas.name(index)))
}

/// One of the three zones of Indonesia, none of which moves its clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeZone {
    /// Western time: Sumatra, Java, West and Central Kalimantan.
    Wib,
    /// Central time: the rest of Kalimantan, Sulawesi, Bali and the Lesser Sundas.
    Wita,
    /// Eastern time: Maluku and Papua.
    Wit,
}

impl TimeZone {
    /// No border of a zone runs inside a province. The centre sits in Jakarta.
    pub fn of(district: District) -> Self {
        match district.province().map_or(0, |province| province.number()) {
            51..=59 | 63..=79 => Self::Wita,
            80.. => Self::Wit,
            _ => Self::Wib,
        }
    }

    pub const fn offset(self) -> UtcOffset {
        match self {
            Self::Wib => offset!(+7),
            Self::Wita => offset!(+8),
            Self::Wit => offset!(+9),
        }
    }

    /// The date on the wall of an office in this zone.
    pub fn local_date(self, instant: OffsetDateTime) -> Date {
        instant.to_offset(self.offset()).date()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::ids::{Nik, Sex};

    fn code(text: &str) -> District {
        text.parse().expect("a district of the test")
    }

    #[test]
    fn the_list_holds_what_the_decree_counts() {
        let digits = |count| {
            rows()
                .filter(|(code, _)| code.to_string().len() == count)
                .count()
        };
        assert_eq!(
            [digits(2), digits(4), digits(6), digits(10)],
            [38, 514, 7_285, 83_762]
        );
        assert_eq!(rows().count(), COUNT);
        assert_eq!(AREAS.text.len(), TEXT_BYTES);
    }

    #[test]
    fn the_codes_rise_and_every_name_is_a_clean_text() {
        assert!(AREAS.codes.is_sorted_by(|one, next| one < next));
        for (code, name) in rows() {
            assert!(
                !name.is_empty() && name == name.trim() && !name.contains('\t'),
                "{code}"
            );
        }
    }

    #[test]
    fn walking_down_from_the_districts_meets_every_subdistrict_and_village() {
        assert_eq!(districts().count(), 514);
        let subdistricts: Vec<_> = districts().flat_map(subdistricts_of).collect();
        assert_eq!(subdistricts.len(), 7_285);
        assert_eq!(
            subdistricts.into_iter().flat_map(villages_of).count(),
            83_762
        );
    }

    #[test]
    fn the_five_seed_places_have_their_names_and_sizes() {
        for (text, name, subdistricts, villages) in [
            ("35.75", "Kota Pasuruan", 4, 34),
            ("32.71", "Kota Bogor", 6, 68),
            ("16.71", "Kota Palembang", 18, 107),
            ("35.76", "Kota Mojokerto", 3, 18),
            ("14.03", "Kabupaten Bengkalis", 11, 155),
        ] {
            assert_eq!(district(code(text)), Some(name));
            assert_eq!(subdistricts_of(code(text)).count(), subdistricts, "{name}");
            assert_eq!(
                subdistricts_of(code(text)).flat_map(villages_of).count(),
                villages,
                "{name}"
            );
        }
    }

    #[test]
    fn a_code_is_looked_up_at_its_own_level() {
        let purworejo: Subdistrict = "35.75.02".parse().expect("a subdistrict");
        assert_eq!(subdistrict(purworejo), Some("Purworejo"));
        assert!(is_listed(purworejo));
        let wirogunan: Village = "35.75.02.1002".parse().expect("a village");
        assert_eq!(village(wirogunan), Some("Wirogunan"));
        assert_eq!(
            village("35.75.02.1999".parse().expect("a village's shape")),
            None
        );
        assert!(!is_listed(
            "35.75.05".parse().expect("a subdistrict's shape")
        ));
        assert_eq!(district(code("35.99")), None);
        assert_eq!(subdistricts_of(code("35.99")).count(), 0);
    }

    #[test]
    fn every_listed_subdistrict_can_begin_a_nik() {
        for code in districts().flat_map(subdistricts_of) {
            let nik = Nik::parse(&format!("{}0101900001", code.number()));
            let nik = nik.expect("an area that exists");
            assert_eq!(
                nik.warnings(date!(1990 - 01 - 01), Sex::Male, is_listed),
                []
            );
        }
    }

    #[test]
    fn the_centre_has_no_name_and_no_subdistricts() {
        assert_eq!(district(District::CENTRE), None);
        assert_eq!(subdistricts_of(District::CENTRE).count(), 0);
        assert!(districts().all(|district| !district.is_centre()));
    }

    #[test]
    fn the_zones_follow_the_provinces() {
        for (text, zone) in [
            ("11.01", TimeZone::Wib),
            ("35.75", TimeZone::Wib),
            ("61.01", TimeZone::Wib),
            ("62.01", TimeZone::Wib),
            ("51.01", TimeZone::Wita),
            ("53.01", TimeZone::Wita),
            ("63.01", TimeZone::Wita),
            ("65.01", TimeZone::Wita),
            ("76.01", TimeZone::Wita),
            ("81.01", TimeZone::Wit),
            ("96.01", TimeZone::Wit),
        ] {
            assert_eq!(TimeZone::of(code(text)), zone, "{text}");
        }
        assert_eq!(TimeZone::of(District::CENTRE), TimeZone::Wib);
    }

    #[test]
    fn the_day_begins_earlier_in_the_east() {
        let instant = datetime!(2017-04-10 15:30 UTC);
        assert_eq!(TimeZone::Wib.local_date(instant), date!(2017 - 04 - 10));
        assert_eq!(TimeZone::Wita.local_date(instant), date!(2017 - 04 - 10));
        assert_eq!(TimeZone::Wit.local_date(instant), date!(2017 - 04 - 11));
    }
}
