//! How far the demo is: a bar on a terminal, a plain line for each finished phase everywhere; always on standard error, so
//! that standard output holds the result alone.

use std::{borrow::Cow, time::Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// One phase of the story.
pub struct Phase {
    name: &'static str,
    bar: ProgressBar,
    started: Instant,
}

impl Phase {
    /// Begins a phase of so many steps.
    pub fn begin(name: &'static str, steps: usize) -> Self {
        // The bar hides itself where standard error is no terminal.
        let bar = ProgressBar::new(u64::try_from(steps).expect("the story is finite"));
        let style = ProgressStyle::with_template("{prefix:28} {bar:40} {pos:>6}/{len} {msg}");
        bar.set_style(style.expect("the template is a constant"));
        bar.set_prefix(name);
        Self {
            name,
            bar,
            started: Instant::now(),
        }
    }

    /// So many steps are done.
    pub fn advance(&self, steps: usize) {
        self.bar
            .inc(u64::try_from(steps).expect("the story is finite"));
    }

    /// What is going on, beside the bar.
    pub fn say(&self, words: impl Into<Cow<'static, str>>) {
        self.bar.set_message(words);
    }

    /// Ends the phase with what came of it.
    pub fn end(self, came_of_it: &str) {
        self.bar.finish_and_clear();
        eprintln!(
            "{:28} {came_of_it} ({:.1} s)",
            self.name,
            self.started.elapsed().as_secs_f64()
        );
    }
}
