//! The identity in a client certificate, read strictly from its one text form.
//!
//! What is easily got wrong: a site that is a subdistrict code *limits* a terminal, so a mistyped code must never pass
//! as a free name (the limit would be gone without a word). Therefore names begin with a letter, and every form has
//! exactly one spelling.

use std::{fmt, str::FromStr};

use crate::ids::{District, Province, Subdistrict};

/// The scheme of our identities; other URIs in a certificate are not ours to judge.
pub(super) const SCHEME: &str = "ektp://";

/// The longest form is about 70 characters; a longer one is refused before it is taken apart.
const URI_MAX: usize = 128;

/// Long enough for the name of an office, short enough for a log line.
const SLUG_MAX: usize = 32;

/// The identity that the ministry's authority wrote into a certificate. Its text form, for example
/// `ektp://district/35.75/site/35.75.02/terminal/3`, is the caller's name everywhere; it names a device, never a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A terminal of a district's office (Disdukcapil), of one of its subdistricts, or of a mobile unit.
    Terminal {
        district: District,
        site: Site,
        number: u16,
    },
    /// A province's supervising office.
    Province(Province),
    /// One of the ministry's own machines.
    Centre(CentreRole),
    /// A gateway behind which the public asks, such as a website.
    Public(String),
    /// The server's own chores. No certificate says this: the text form does not parse.
    System,
}

/// Where a terminal stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Site {
    /// A subdistrict (kecamatan): the terminal is limited to it.
    Subdistrict(Subdistrict),
    /// A place that serves the whole district: `office`, or another name.
    Named(String),
}

/// The ministry's machines, by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CentreRole {
    /// The matching engine, which gives the uniqueness verdicts.
    Matcher,
    /// The central store of blanks.
    Store,
    /// The centre's own print room.
    Printer,
    /// The policy desk, with the dashboard.
    Policy,
}

/// A text that is no identity. It never repeats the text, which a stranger may have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    #[error("an identity begins with ektp:// and has at most {URI_MAX} characters")]
    Form,
    #[error("an identity is one of district, province, centre and public, in the documented form")]
    Kind,
    #[error("the identity's area code is not one")]
    Area,
    #[error(
        "a site is a subdistrict of the terminal's own district, or a name that begins with a letter"
    )]
    Site,
    #[error("a terminal's number is from 1 to 65535, without leading zeros")]
    Number,
    #[error("the centre's roles are matcher, store, printer and policy")]
    CentreRole,
    #[error(
        "a gateway's name begins with a letter and has at most {SLUG_MAX} of a-z, 0-9, '.' and '-'"
    )]
    Gateway,
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        if text.len() > URI_MAX {
            return Err(PrincipalError::Form);
        }
        let path = text.strip_prefix(SCHEME).ok_or(PrincipalError::Form)?;
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["district", district, "site", site, "terminal", number] => {
                let district: District = area(district)?;
                // Code 00.00 is the ledger of the centre, not a district in which a terminal could stand.
                if district == District::CENTRE {
                    return Err(PrincipalError::Area);
                }
                Ok(Principal::Terminal {
                    district,
                    site: site_of(district, site)?,
                    number: terminal_number(number)?,
                })
            }
            ["province", province] => Ok(Principal::Province(area(province)?)),
            ["centre", role] => Ok(Principal::Centre(role.parse()?)),
            ["public", gateway] if is_slug(gateway) => Ok(Principal::Public((*gateway).to_owned())),
            ["public", _] => Err(PrincipalError::Gateway),
            _ => Err(PrincipalError::Kind),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Terminal {
                district,
                site,
                number,
            } => write!(
                out,
                "{SCHEME}district/{district}/site/{site}/terminal/{number}"
            ),
            Principal::Province(province) => write!(out, "{SCHEME}province/{province}"),
            Principal::Centre(role) => write!(out, "{SCHEME}centre/{role}"),
            Principal::Public(gateway) => write!(out, "{SCHEME}public/{gateway}"),
            Principal::System => out.write_str("system"),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Subdistrict(subdistrict) => subdistrict.fmt(out),
            Site::Named(name) => out.write_str(name),
        }
    }
}

impl FromStr for CentreRole {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        match text {
            "matcher" => Ok(CentreRole::Matcher),
            "store" => Ok(CentreRole::Store),
            "printer" => Ok(CentreRole::Printer),
            "policy" => Ok(CentreRole::Policy),
            _ => Err(PrincipalError::CentreRole),
        }
    }
}

impl fmt::Display for CentreRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            CentreRole::Matcher => "matcher",
            CentreRole::Store => "store",
            CentreRole::Printer => "printer",
            CentreRole::Policy => "policy",
        })
    }
}

/// An area code in its one canonical spelling; two spellings would be two names of one terminal.
fn area<Code: FromStr + fmt::Display>(text: &str) -> Result<Code, PrincipalError> {
    let code: Code = text.parse().map_err(|_| PrincipalError::Area)?;
    if code.to_string() == text {
        Ok(code)
    } else {
        Err(PrincipalError::Area)
    }
}

fn site_of(district: District, text: &str) -> Result<Site, PrincipalError> {
    if is_slug(text) {
        return Ok(Site::Named(text.to_owned()));
    }
    let subdistrict: Subdistrict = area(text).map_err(|_| PrincipalError::Site)?;
    if subdistrict.district() == district {
        Ok(Site::Subdistrict(subdistrict))
    } else {
        Err(PrincipalError::Site)
    }
}

fn terminal_number(text: &str) -> Result<u16, PrincipalError> {
    let number: u16 = text.parse().map_err(|_| PrincipalError::Number)?;
    if number > 0 && number.to_string() == text {
        Ok(number)
    } else {
        Err(PrincipalError::Number)
    }
}

/// A letter first, so that nothing that looks like a code is a name.
fn is_slug(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
    };
    text.len() <= SLUG_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_as_it_was_read() {
        for text in [
            "ektp://district/35.75/site/office/terminal/1",
            "ektp://district/35.75/site/35.75.02/terminal/65535",
            "ektp://district/35.75/site/mobile-unit.2/terminal/12",
            "ektp://province/35",
            "ektp://centre/matcher",
            "ektp://centre/store",
            "ektp://centre/printer",
            "ektp://centre/policy",
            "ektp://public/website",
        ] {
            let principal: Principal = text.parse().expect("a valid identity");
            assert_eq!(principal.to_string(), text);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let long_name = format!("ektp://public/{}", "a".repeat(SLUG_MAX + 1));
        let long_text = format!("ektp://public/{}", "a".repeat(URI_MAX));
        for (reason, texts) in [
            (PrincipalError::Form, FORM),
            (PrincipalError::Form, &[long_text.as_str()]),
            (PrincipalError::Kind, KIND),
            (PrincipalError::Area, AREA),
            (PrincipalError::Site, SITE),
            (PrincipalError::Number, NUMBER),
            (PrincipalError::CentreRole, &["ektp://centre/root"]),
            (PrincipalError::Gateway, &["ektp://public/", &long_name]),
        ] {
            for text in texts {
                assert_eq!(text.parse::<Principal>(), Err(reason), "{text}");
            }
        }
    }

    const FORM: &[&str] = &["", "EKTP://centre/store", "https://centre/store"];
    const KIND: &[&str] = &[
        "ektp://",
        "ektp://centre/store/",
        "ektp://district/35.75/terminal/1",
        "ektp://district/35.75/site/office/terminal/1/2",
    ];
    const AREA: &[&str] = &[
        "ektp://district/3575/site/office/terminal/1",
        "ektp://district/35.7/site/office/terminal/1",
        "ektp://district/00.00/site/office/terminal/1",
        "ektp://province/35.75",
        "ektp://province/3%35",
    ];
    const SITE: &[&str] = &[
        "ektp://district/35.75/site//terminal/1",
        "ektp://district/35.75/site/35.74.02/terminal/1",
        "ektp://district/35.75/site/35.75/terminal/1",
        "ektp://district/35.75/site/35.75.o2/terminal/1",
        "ektp://district/35.75/site/357502/terminal/1",
        "ektp://district/35.75/site/Office/terminal/1",
        "ektp://district/35.75/site/of fice/terminal/1",
    ];
    const NUMBER: &[&str] = &[
        "ektp://district/35.75/site/office/terminal/0",
        "ektp://district/35.75/site/office/terminal/01",
        "ektp://district/35.75/site/office/terminal/+1",
        "ektp://district/35.75/site/office/terminal/65536",
    ];
}
