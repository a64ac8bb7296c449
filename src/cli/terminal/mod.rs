//! `ektp terminal`: follows a district's queue, in place on a screen or line by line for scripts, for as long as it runs.
//!
//! What is easily got wrong: how a stream is followed stands in `follow`, for every stream alike; here is only what the
//! queue is (`queue`) and what it looks like (`view`).

mod queue;
mod view;

use std::{convert::Infallible, future::pending};

use super::{
    Failure,
    follow::{self, Picture, Window},
};

pub use queue::Queue;
pub use view::QueueView;

/// Follows until Ctrl-C, a refusal or a gap.
pub async fn run(window: Window) -> Result<(), Failure> {
    let picture = Picture::new(Queue::default());
    let nothing = |_| pending::<Infallible>();
    follow::run(&window, picture, QueueView, nothing).await
}
