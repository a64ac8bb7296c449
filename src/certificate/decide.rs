//! The rules of interim certificates, pure: how long one is valid, and when a person may get another.

use time::Date;

use crate::{
    certificate::{Current, Refusal},
    ids::CertificateId,
};

/// Calendar months from the day of issue to the last valid day.
const VALID_MONTHS: u8 = 6;

/// Whether the person may get a certificate today, and which one it then replaces.
pub(super) fn issue(
    current: Option<&Current>,
    today: Date,
) -> Result<Option<CertificateId>, Refusal> {
    match current {
        // The last day still counts.
        Some(current) if today <= current.expires_on => Err(Refusal::StillValid {
            expires_on: current.expires_on,
        }),
        Some(expired) => Ok(Some(expired.certificate_id)),
        None => Ok(None),
    }
}

/// The last day of a certificate: the same day six calendar months later, or that month's last day where it is shorter.
pub(super) fn last_day(issued: Date) -> Date {
    let month = issued.month().nth_next(VALID_MONTHS);
    let wraps = u8::from(month) <= u8::from(issued.month());
    let year = issued.year() + i32::from(wraps);
    let day = issued.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).expect("the day is within its month")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use time::macros::date;

    use super::*;

    #[test]
    fn six_calendar_months_end_on_the_same_day_or_on_the_months_last() {
        for (issued, last) in [
            (date!(2016 - 10 - 03), date!(2017 - 04 - 03)),
            (date!(2016 - 08 - 31), date!(2017 - 02 - 28)),
            (date!(2015 - 08 - 31), date!(2016 - 02 - 29)),
            (date!(2015 - 08 - 29), date!(2016 - 02 - 29)),
            (date!(2016 - 10 - 31), date!(2017 - 04 - 30)),
            (date!(2017 - 06 - 30), date!(2017 - 12 - 30)),
            (date!(2017 - 07 - 01), date!(2018 - 01 - 01)),
            (date!(2016 - 12 - 31), date!(2017 - 06 - 30)),
        ] {
            assert_eq!(last_day(issued), last, "{issued}");
        }
    }

    proptest! {
        #[test]
        fn a_certificate_is_valid_for_about_half_a_year(day in 0_i32..36_500) {
            let issued = date!(2000 - 01 - 01) + time::Duration::days(i64::from(day));
            let last = last_day(issued);
            prop_assert!((178..=184).contains(&(last - issued).whole_days()));
            let months = |d: Date| d.year() * 12 + i32::from(u8::from(d.month()));
            prop_assert_eq!(months(last), months(issued) + 6);
        }
    }

    #[test]
    fn another_one_is_issued_only_after_the_last_day() {
        let current = Current {
            certificate_id: CertificateId::fresh(),
            expires_on: date!(2017 - 04 - 03),
        };
        let still_valid = Err(Refusal::StillValid {
            expires_on: current.expires_on,
        });
        assert_eq!(issue(Some(&current), date!(2017 - 02 - 01)), still_valid);
        assert_eq!(issue(Some(&current), current.expires_on), still_valid);
        let next_day = date!(2017 - 04 - 04);
        assert_eq!(
            issue(Some(&current), next_day),
            Ok(Some(current.certificate_id))
        );
    }

    #[test]
    fn a_first_certificate_replaces_none() {
        assert_eq!(issue(None, date!(2016 - 10 - 03)), Ok(None));
    }
}
