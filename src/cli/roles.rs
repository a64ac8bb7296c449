//! `ektp roles`: prints who may call what, from the one table that the server itself decides by.
//!
//! What is easily got wrong: a line says that a call may come at all. Whose rows it sees follows from the caller's
//! district and subdistrict.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::caller::{Class, Nature, Officers, RIGHTS, Right};

use super::Failure;

/// Where most of the RPCs are; not worth a column's width.
const OURS: &str = "ektp.v1.";
/// Columns of the printed table; longer lists are broken, so that it fits a screen.
const WIDTH: u16 = 130;

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Roles {
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

/// One line of the table in words.
#[derive(Debug, Serialize)]
struct Line {
    rpc: String,
    call: &'static str,
    /// How urgent it is when not all can be served at once; absent where it is answered however many wait.
    class: Option<&'static str>,
    certificates: Vec<String>,
    /// Whether an officer must be at work there: "none", "may come" or "needed".
    officer: &'static str,
    /// The roles of which a needed officer must have one.
    roles: Vec<&'static str>,
}

impl Line {
    fn of(right: &Right) -> Self {
        let (officer, roles) = match right.officers {
            Officers::None => ("none", Vec::new()),
            Officers::MayCome => ("may come", Vec::new()),
            Officers::Needed(roles) => ("needed", roles.iter().map(|role| role.label()).collect()),
        };
        let name = |role: &_| format!("{role:?}").to_lowercase();
        Self {
            rpc: right.path.trim_start_matches('/').to_owned(),
            call: match right.nature {
                Nature::Write => "write",
                Nature::Read => "read",
                Nature::Stream => "stream",
            },
            class: right.class.map(Class::label),
            certificates: right.callers.iter().map(name).collect(),
            officer,
            roles,
        }
    }

    fn officers(&self) -> String {
        if self.roles.is_empty() {
            self.officer.to_owned()
        } else {
            self.roles.join(" ")
        }
    }
}

/// Prints the table; it needs no database and no server.
pub fn run(command: &Roles) -> Result<(), Failure> {
    let lines: Vec<Line> = RIGHTS.iter().map(Line::of).collect();
    if command.json {
        let text = serde_json::to_string_pretty(&lines)
            .map_err(|error| Failure::Call(error.to_string()))?;
        println!("{text}");
    } else {
        println!("{}", table(&lines));
    }
    Ok(())
}

fn table(lines: &[Line]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table.set_header(["RPC", "call", "class", "certificates", "officers"]);
    // A method's name is read as one word, and searched for as one.
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    for line in lines {
        table.add_row([
            line.rpc.trim_start_matches(OURS).to_owned(),
            line.call.to_owned(),
            line.class.unwrap_or("-").to_owned(),
            line.certificates.join(" "),
            line.officers(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_printed_with_its_officers() {
        let lines: Vec<Line> = RIGHTS.iter().map(Line::of).collect();
        assert_eq!(table(&lines).row_count(), RIGHTS.len());
        let text = table(&lines).to_string();
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= WIDTH.into())
        );
        for (line, right) in lines.iter().zip(RIGHTS) {
            let method = line.rpc.rsplit('/').next().unwrap_or_default();
            assert!(text.contains(method), "{method} is not printed");
            let officers = line.officers();
            match right.officers {
                Officers::None => assert_eq!(officers, "none"),
                Officers::MayCome => assert_eq!(officers, "may come"),
                Officers::Needed(roles) => {
                    let printed: Vec<&str> = officers.split(' ').collect();
                    let wanted: Vec<&str> = roles.iter().map(|role| role.label()).collect();
                    assert_eq!(printed, wanted, "{method}");
                }
            }
        }
    }
}
