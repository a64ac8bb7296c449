//! The table *article – system – equal?*, for people and for machines, and the stock proof by sums.
//!
//! What is easily got wrong: a figure of the system's side is counted from answers (`figures.rs`). The other side is the
//! article's figure, what follows from it by arithmetic, or what the people of the story did themselves.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::proto::Stock;

/// One figure.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// The rule of the article that it belongs to.
    rule: &'static str,
    what: &'static str,
    article: String,
    system: String,
    pub equal: bool,
}

impl Figure {
    /// The rule and the figure, for a message.
    pub fn name(&self) -> String {
        let Self {
            rule,
            what,
            article,
            system,
            ..
        } = self;
        format!("{rule} {what} ({system} instead of {article})")
    }
}

/// The figures as they are written down, rule by rule.
#[derive(Default)]
pub struct Sheet {
    rule: &'static str,
    figures: Vec<Figure>,
}

impl Sheet {
    /// The next figures belong to this rule.
    pub fn rule(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// A number that must be the article's.
    pub fn number(&mut self, what: &'static str, article: usize, system: usize) {
        self.add(what, grouped(article), grouped(system), article == system);
    }

    /// A number of which the article says only that there were some.
    pub fn some(&mut self, what: &'static str, system: usize) {
        self.add(what, "more than 0".to_owned(), grouped(system), system > 0);
    }

    /// A number that must be above another one.
    pub fn above(&mut self, what: &'static str, bound: usize, system: usize) {
        let article = format!("more than {}", grouped(bound));
        self.add(what, article, grouped(system), system > bound);
    }

    /// Words that must be the article's.
    pub fn words(&mut self, what: &'static str, article: &str, system: &str) {
        self.add(
            what,
            article.to_owned(),
            system.to_owned(),
            article == system,
        );
    }

    /// Whether something happened that must, or must not.
    pub fn happened(&mut self, what: &'static str, article: bool, system: bool) {
        self.words(what, yes(article), yes(system));
    }

    fn add(&mut self, what: &'static str, article: String, system: String, equal: bool) {
        self.figures.push(Figure {
            rule: self.rule,
            what,
            article,
            system,
            equal,
        });
    }

    /// The figures by rule, the article's first; within a rule as they were written down.
    pub fn figures(mut self) -> Vec<Figure> {
        self.figures.sort_by_key(|figure| {
            let number = figure.rule.split_once('-');
            number
                .and_then(|(_, number)| number.parse().ok())
                .unwrap_or(u8::MAX)
        });
        self.figures
    }
}

fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

/// A quantity of the contract as a number to compare.
pub fn count(of: u64) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}

/// Thousands parted, for people.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How much a block of a bar stands for, and the longest bar.
const BLOCK: usize = 50;
const BLOCKS_MAX: usize = 60;

/// A number as a bar.
pub fn bar(number: usize) -> String {
    "█".repeat((number / BLOCK).min(BLOCKS_MAX))
}

/// The table for people.
pub fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["rule", "figure", "article", "system", "equal?"]);
    for figure in figures {
        let Figure {
            rule,
            what,
            article,
            system,
            equal,
        } = figure;
        table.add_row([*rule, *what, article.as_str(), system.as_str(), yes(*equal)]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What an account misses; 0 for one that is right.
pub fn imbalance(stock: &Stock) -> usize {
    let became: u64 = became(stock).iter().map(|(_, quantity)| quantity).sum();
    count(stock.received.abs_diff(became))
}

fn became(stock: &Stock) -> [(&'static str, u64); 10] {
    [
        ("sent on", stock.sent_on),
        ("in stock", stock.in_stock),
        ("bound", stock.bound),
        ("at the site", stock.at_site),
        ("handed over", stock.handed_over),
        ("spoiled", stock.spoiled),
        ("disputed", stock.disputed),
        ("returned", stock.returned),
        ("lost", stock.lost),
        ("destroyed", stock.destroyed),
    ]
}

/// The first so many of them happen at every office; the others are told of where they happened.
const USUAL: usize = 6;

/// The stock proof, by sums.
pub fn stock_proof(place: &str, stock: &Stock) -> String {
    let told = became(stock).into_iter().enumerate();
    let told = told.filter(|(place, (_, quantity))| *place < USUAL || *quantity > 0);
    let parts: Vec<String> = told
        .map(|(_, (name, quantity))| format!("{} {name}", grouped(count(quantity))))
        .collect();
    let sign = if imbalance(stock) == 0 { "=" } else { "is not" };
    let received = grouped(count(stock.received));
    format!("{place}: {received} received {sign} {}", parts.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        for (number, text) in [
            (0, "0"),
            (96, "96"),
            (7_904, "7,904"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_figure_that_differs_is_named() {
        let mut sheet = Sheet::default();
        sheet.rule("S0-5");
        sheet.number("blanks left", 96, 95);
        sheet.some("data changes accepted", 0);
        sheet.happened("a stranger opens the service", false, false);
        let figures = sheet.figures();
        assert_eq!(figures[0].name(), "S0-5 blanks left (95 instead of 96)");
        let equal: Vec<bool> = figures.iter().map(|figure| figure.equal).collect();
        assert_eq!(equal, [false, false, true]);
    }

    #[test]
    fn an_account_that_misses_a_blank_is_seen() {
        let mut stock = Stock {
            received: 8_000,
            in_stock: 96,
            at_site: 7_904,
            ..Stock::default()
        };
        assert_eq!(imbalance(&stock), 0);
        assert!(!stock_proof("35.75", &stock).contains("lost"));
        stock.at_site -= 1;
        assert_eq!(imbalance(&stock), 1);
        assert!(stock_proof("35.75", &stock).contains("is not"));
        stock.lost += 1;
        assert!(stock_proof("35.75", &stock).ends_with(" + 1 lost"));
    }
}
