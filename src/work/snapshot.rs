//! A read of several statements that see one moment.
//!
//! What is easily got wrong: a long read is cut by the pool's own statement limit, which is for lookups. This one may take
//! what the call's deadline leaves.

use super::{Call, Desk, Read};
use crate::{
    deadline::ANSWER_MARGIN,
    error::{Error, Result},
};

impl Desk {
    /// A transaction for a read of what the caller may see, all of it at one moment.
    pub async fn snapshot(&self, call: &Call) -> Result<Read> {
        let home = call.caller.ledger();
        let place = self.0.reads.enter(call.class, home, Some(call.deadline));
        let place = place.await?;
        let left = call.deadline.remaining().checked_sub(ANSWER_MARGIN);
        let left = left.ok_or_else(Error::late)?;
        let how = format!(
            "isolation level repeatable read read only; set local statement_timeout = {}",
            left.as_millis().max(1)
        );
        let begin = call.caller.walls().begin(&how);
        Ok(Read {
            transaction: Box::pin(self.0.pools.reads.begin_with(begin)).await?,
            _place: Some(place),
        })
    }
}
