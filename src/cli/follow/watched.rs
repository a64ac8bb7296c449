//! What a follower must know of a stream: how it is opened, how its messages read, what its entries make.
//!
//! What is easily got wrong: an entry is the state of a thing and not a difference, so it may come again after a break, and
//! taking it in twice must lead to the same.

use std::future::Future;

use tonic::{Response, Status, Streaming};

use crate::{cli::client::Terminal, stream::Said};

/// What one of the streams shows, made of its entries.
pub trait Watched {
    /// What it tells of one thing.
    type Entry;
    /// Its message on the wire.
    type Response;

    /// Opens the stream of a district; an empty token asks for a snapshot.
    fn watch(
        terminal: &Terminal,
        district: String,
        resume_token: Vec<u8>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Response>>, Status>>;

    /// What a message says; nothing, where it is of a newer contract.
    fn said(response: Self::Response) -> Option<Said<Self::Entry>>;

    /// The same without any entry, for a snapshot to fill.
    fn empty(&self) -> Self;

    /// Takes an entry in, in the state that it has now.
    fn take(&mut self, entry: &Self::Entry);

    /// How much is held.
    fn len(&self) -> usize;
}
