//! Who called what, by when it wants to know, and how urgent it is: what the edge has found out before the message is read.
//!
//! What is easily got wrong: the method is the feature's own word for it, from a fixed list; a path that a client chose
//! never becomes one.

use tonic::Request;

use super::Desk;
use crate::{
    admission::Place,
    caller::{Caller, Class},
    deadline::Deadline,
    error::{Error, Result},
};

/// Who called what, and by when it wants to know.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller, from the certificate.
    pub caller: Caller,
    /// The RPC as `Service/Method`.
    pub method: &'static str,
    /// When the client gives up.
    pub deadline: Deadline,
    /// How urgent it is.
    pub class: Class,
}

impl Call {
    /// Opens a request: its call and its message.
    pub fn open<M>(request: Request<M>, method: &'static str) -> Result<(Self, M)> {
        let (_, extensions, message) = request.into_parts();
        let caller = extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Error::internal("a call passed the edge without a caller"))?;
        let deadline = extensions
            .get::<Deadline>()
            .copied()
            .ok_or_else(|| Error::internal("a call passed the edge without a deadline"))?;
        // What has none of its own asks for a place only to look something up.
        let class = extensions.get::<Class>().copied().unwrap_or(Class::Lists);
        Ok((
            Self {
                caller,
                method,
                deadline,
                class,
            },
            message,
        ))
    }
}

impl Desk {
    /// A place among the acts, as one of the caller's district.
    pub(super) async fn place(&self, call: &Call, by: Option<Deadline>) -> Result<Place> {
        let home = call.caller.ledger();
        self.0.acts.enter(call.class, home, by).await
    }
}
