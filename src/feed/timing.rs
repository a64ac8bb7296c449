//! The streams' times in one place. They are no options of users; tests make them shorter.

use std::time::Duration;

/// How often, how long, how late.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Between two looks at all heads. A lost doorbell costs no more than this.
    pub look_every: Duration,
    /// A look that takes longer has failed.
    pub look_timeout: Duration,
    /// The least time between two notifications to the other servers.
    pub notify_every: Duration,
    /// A server that has nothing to tell rings all the same, to hear whether it still hears.
    pub ring_every: Duration,
    /// A listener that has heard nothing for so long, not even itself, connects anew.
    pub deaf_after: Duration,
    /// A stream without a change says so often that nothing was missed.
    pub bookmark_every: Duration,
    /// Without a good look for so long, a picture may be old.
    pub stale_after: Duration,
    /// Without a good look for so long, streams end.
    pub give_up_after: Duration,
    /// A reader that takes nothing for so long, with something to take, is told so and loses its connection.
    pub stall_after: Duration,
    /// A stream's life, give or take a fifth, so that streams opened together do not end together.
    pub life: Duration,
    /// A snapshot is shared by all who ask within so long.
    pub share_for: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            look_every: Duration::from_millis(500),
            look_timeout: Duration::from_secs(2),
            notify_every: Duration::from_millis(20),
            ring_every: Duration::from_secs(5),
            deaf_after: Duration::from_secs(10),
            bookmark_every: Duration::from_secs(15),
            stale_after: Duration::from_secs(5),
            give_up_after: Duration::from_secs(30),
            stall_after: Duration::from_secs(30),
            life: Duration::from_secs(30 * 60),
            share_for: Duration::from_secs(1),
        }
    }
}
