//! The rules of rules, pure: what a version must say to make sense, and when it may come into force.
//!
//! What is easily got wrong: a field that could not be read is told by the wire room already; here it is passed over, so
//! that a client's author reads every violation once.

use std::collections::BTreeSet;

use time::Date;

use crate::{
    error::Violation,
    policy::{
        ApplicantClass, ClassOutcome, ClassRule, PolicyArea, PolicyState, Refusal, Release, Sketch,
        Standing, Window,
    },
};

/// More requests of one site in a day no office has ever taken in; "400 thousand a day" (S1-11) was a slip of the pen.
const QUOTA_MAX: i32 = 100_000;
/// More closed days than this no year has.
const HOLIDAYS_MAX: usize = 100;
/// An office that is closed on all seven never takes anything in.
const CLOSED_MAX: usize = 6;
/// Ten years; who waits longer is not waiting for a rule.
const WAIT_MAX: i32 = 3_650;

/// Everything that is wrong with what a version says, by field path.
pub fn violations(sketch: &Sketch) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |field: String, rule: &str| {
        found.push(Violation {
            field: format!("rules.{field}"),
            rule: rule.to_owned(),
        });
    };
    let window = Window {
        from: sketch.valid_from,
        to: sketch.valid_to,
    };
    if sketch.area == Some(PolicyArea::Nation) && sketch.valid_to.is_some() {
        add("valid_to".to_owned(), "must be empty for the nation");
    } else if !runs_forward(window) {
        add("valid_to".to_owned(), "must not be before valid_from");
    }
    if sketch
        .daily_quota
        .is_some_and(|quota| !(0..=QUOTA_MAX).contains(&quota))
    {
        add("daily_quota".to_owned(), "must be from 0 to 100000");
    }
    if sketch.closed_weekdays.len() > CLOSED_MAX {
        add("closed_weekdays".to_owned(), "must leave a day open");
    }
    if sketch.holidays.len() > HOLIDAYS_MAX {
        add("holidays".to_owned(), "must have at most 100 items");
    }
    twice(&sketch.closed_weekdays, "closed_weekdays", &mut add);
    twice(&sketch.holidays, "holidays", &mut add);
    for (place, rule) in sketch.classes.iter().enumerate() {
        if let Some(rule) = rule {
            class(rule, &format!("classes[{place}]"), &mut add);
        }
    }
    classes(&sketch.classes, &mut add);
    found
}

fn runs_forward(window: Window) -> bool {
    match (window.from, window.to) {
        (Some(from), Some(to)) => from <= to,
        (Some(_) | None, Some(_) | None) => true,
    }
}

/// What was read of a list, without those that could not be.
fn twice<T: Ord + Copy>(items: &[Option<T>], field: &str, add: &mut impl FnMut(String, &str)) {
    let mut seen = BTreeSet::new();
    for (place, item) in items.iter().enumerate() {
        if item.is_some_and(|item| !seen.insert(item)) {
            add(format!("{field}[{place}]"), "comes twice");
        }
    }
}

fn class(rule: &ClassRule, at: &str, add: &mut impl FnMut(String, &str)) {
    if rule.class == ApplicantClass::ReplaceDefective && rule.outcome != ClassOutcome::Admit {
        let why = "must be ADMIT: the office mends its own defect";
        add(format!("{at}.outcome"), why);
    }
    if rule.class == ApplicantClass::ReplaceDefective && rule.enrolled != Window::default() {
        let why = "must be open: the office mends its own defect";
        add(format!("{at}.enrolled"), why);
    }
    if !runs_forward(rule.enrolled) {
        add(format!("{at}.enrolled.to"), "must not be before from");
    }
    let documents: Vec<_> = rule.documents.iter().copied().map(Some).collect();
    twice(&documents, &format!("{at}.documents"), add);
    if rule.release != Release::default() && rule.outcome != ClassOutcome::Hold {
        add(format!("{at}.release"), "is for HOLD alone");
    }
    let waits = rule.release.after_days;
    if waits.is_some_and(|days| !(1..=WAIT_MAX).contains(&days)) {
        add(format!("{at}.release.after_days"), "must be from 0 to 3650");
    }
}

fn classes(rules: &[Option<ClassRule>], add: &mut impl FnMut(String, &str)) {
    let said: Vec<Option<ApplicantClass>> = rules
        .iter()
        .map(|rule| rule.as_ref().map(|rule| rule.class))
        .collect();
    if rules.is_empty() {
        return add("classes".to_owned(), "is required");
    }
    for (place, class) in said.iter().enumerate() {
        if class.is_some() && said[..place].contains(class) {
            add(format!("classes[{place}].applicant_class"), "comes twice");
        }
    }
    // What could not be read may be the one that is missing.
    let Some(known) = rules.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else {
        return;
    };
    let missing = |class: &&ApplicantClass| !said.contains(&Some(**class));
    let missing: Vec<&str> = ApplicantClass::ALL
        .iter()
        .filter(missing)
        .map(|class| class.name())
        .collect();
    if !missing.is_empty() {
        let rule = format!("must have every class; without {}", missing.join(", "));
        add("classes".to_owned(), &rule);
    }
    let serves = |rule: &&ClassRule| {
        rule.class != ApplicantClass::ReplaceDefective && rule.outcome != ClassOutcome::Refuse
    };
    if !known.into_iter().any(|rule| serves(&rule)) {
        add("classes".to_owned(), "must not all be refused");
    }
}

/// Whether a version may come into force: on a day that has begun nowhere yet, and beside the versions of its area that
/// are in force or will be. Answers the one that ends on the day before.
pub fn activate(
    version: &Standing,
    active: &[Standing],
    today_in_the_east: Date,
) -> Result<Option<Standing>, Refusal> {
    match version.state {
        PolicyState::Active => return Err(Refusal::AlreadyActive),
        PolicyState::Proposed => {}
    }
    if version.valid_from <= today_in_the_east {
        return Err(Refusal::NotInFuture {
            valid_from: version.valid_from,
        });
    }
    let follows =
        |other: &&Standing| other.valid_to.is_none() && other.valid_from < version.valid_from;
    let shares = |other: &&Standing| {
        other.valid_to.is_none_or(|to| version.valid_from <= to)
            && version.valid_to.is_none_or(|to| other.valid_from <= to)
    };
    let in_the_way = active.iter().filter(shares).find(|other| !follows(other));
    match in_the_way {
        Some(other) => Err(Refusal::Overlaps {
            version: other.version,
        }),
        None => Ok(active.iter().find(follows).copied()),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::policy::{Document, TieBreak};

    fn sketch() -> Sketch {
        let rule = |class| {
            Some(ClassRule {
                class,
                outcome: ClassOutcome::Admit,
                documents: Vec::new(),
                enrolled: Window::default(),
                release: Release::default(),
            })
        };
        Sketch {
            area: Some(PolicyArea::Nation),
            valid_from: Some(date!(2017 - 10 - 23)),
            valid_to: None,
            tie_break: Some(TieBreak::Enrolment),
            daily_quota: None,
            closed_weekdays: Vec::new(),
            holidays: Vec::new(),
            classes: ApplicantClass::ALL.map(rule).to_vec(),
            source: "a letter".to_owned(),
        }
    }

    fn fields(sketch: &Sketch) -> Vec<String> {
        let found = violations(sketch).into_iter();
        found.map(|violation| violation.field).collect()
    }

    fn change(sketch: &mut Sketch, place: usize, change: impl FnOnce(&mut ClassRule)) {
        change(sketch.classes[place].as_mut().expect("it was read"));
    }

    #[test]
    fn sensible_rules_have_no_violation() {
        assert_eq!(fields(&sketch()), [""; 0]);
    }

    #[test]
    fn the_quota_of_the_article_is_absurd() {
        for (quota, is_sane) in [
            (-1, false),
            (0, true),
            (400, true),
            (100_000, true),
            (100_001, false),
            (400_000, false),
        ] {
            let mut sketch = sketch();
            sketch.daily_quota = Some(quota);
            assert_eq!(fields(&sketch).is_empty(), is_sane, "{quota}");
        }
    }

    #[test]
    fn every_class_stands_once_and_not_all_are_refused() {
        let mut missing = sketch();
        missing.classes.pop();
        assert_eq!(fields(&missing), ["rules.classes"]);
        let mut double = sketch();
        double.classes[1] = double.classes[0].clone();
        assert_eq!(
            fields(&double),
            ["rules.classes[1].applicant_class", "rules.classes"]
        );
        let mut unread = sketch();
        unread.classes[3] = None;
        assert_eq!(fields(&unread), [""; 0], "the wire has told it");
        let mut refused = sketch();
        for place in 0..6 {
            change(&mut refused, place, |rule| {
                rule.outcome = ClassOutcome::Refuse
            });
        }
        assert_eq!(fields(&refused), ["rules.classes"]);
        change(&mut refused, 6, |rule| rule.outcome = ClassOutcome::Hold);
        assert_eq!(
            fields(&refused),
            ["rules.classes[6].outcome", "rules.classes"],
            "a defect is mended whatever is short"
        );
    }

    #[test]
    fn a_class_says_nothing_absurd() {
        let mut odd = sketch();
        change(&mut odd, 0, |rule| rule.release.above_demand = true);
        change(&mut odd, 1, |rule| {
            rule.outcome = ClassOutcome::Hold;
            rule.release.after_days = Some(3_651);
        });
        change(&mut odd, 2, |rule| {
            rule.documents = vec![Document::OldCard, Document::OldCard];
            rule.enrolled = Window {
                from: Some(date!(2016 - 12 - 02)),
                to: Some(date!(2016 - 12 - 01)),
            };
        });
        odd.area = None;
        odd.valid_to = Some(date!(2017 - 10 - 22));
        assert_eq!(
            fields(&odd),
            [
                "rules.valid_to",
                "rules.classes[0].release",
                "rules.classes[1].release.after_days",
                "rules.classes[2].enrolled.to",
                "rules.classes[2].documents[1]",
            ]
        );
    }

    fn standing(version: i32, valid_from: Date, valid_to: Option<Date>) -> Standing {
        Standing {
            version,
            area: PolicyArea::Nation,
            valid_from,
            valid_to,
            state: PolicyState::Proposed,
        }
    }

    #[test]
    fn a_version_follows_an_open_one_and_stands_beside_all_others() {
        let (today, first) = (date!(2017 - 10 - 20), date!(2017 - 10 - 23));
        let new = standing(9, first, Some(date!(2017 - 10 - 31)));
        let open = standing(1, date!(2014 - 01 - 01), None);
        assert_eq!(activate(&new, &[open], today), Ok(Some(open)));
        let before = standing(2, date!(2017 - 01 - 01), Some(date!(2017 - 10 - 22)));
        let after = standing(3, date!(2017 - 11 - 01), None);
        assert_eq!(activate(&new, &[before, after], today), Ok(None));
        for in_the_way in [
            standing(4, first, None),
            standing(4, date!(2017 - 01 - 01), Some(first)),
            standing(4, date!(2017 - 10 - 31), None),
            standing(4, date!(2017 - 10 - 25), Some(date!(2017 - 10 - 26))),
        ] {
            let refusal = Err(Refusal::Overlaps { version: 4 });
            assert_eq!(activate(&new, &[in_the_way], today), refusal);
        }
    }

    #[test]
    fn a_day_that_has_begun_somewhere_is_no_day_to_come() {
        let first = date!(2017 - 10 - 23);
        let new = standing(9, first, None);
        let begun = Err(Refusal::NotInFuture { valid_from: first });
        assert_eq!(activate(&new, &[], first), begun);
        assert_eq!(activate(&new, &[], date!(2017 - 10 - 22)), Ok(None));
        let active = Standing {
            state: PolicyState::Active,
            ..new
        };
        assert_eq!(activate(&active, &[], first), Err(Refusal::AlreadyActive));
    }
}
