//! ImportEnrolments: reads items into chunks and commits each chunk before the next is read.
//!
//! A chunk never holds a request id or a NIK twice: the second opens the next chunk, where what the first one did is
//! committed and known. So one item's answer does not depend on how the stream happened to be cut.

use std::{collections::HashSet, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use prost::Message;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::{
    access::Standing,
    caller::Nature,
    edge::unread,
    error::{Error, Kind, Result},
    ids::{Nik, RequestId},
    proto::{ImportEnrolmentResult, ImportEnrolmentsRequest, ImportEnrolmentsResponse},
    registration::{Draft, steps, wire},
    work::{Call, Desk, Item},
};

/// Items in one commit: as many as one district's ledger takes at once.
const CHUNK_MAX: usize = 500;
/// A client that pauses so long with items pending gets them answered.
const PAUSE: Duration = Duration::from_millis(50);
/// A client that sends nothing for so long is sent away: an import is a burst, and its items are safe already.
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// How often a chunk is tried when another office records one of its persons in the same moment. Each time that person is
/// known the next time; three strangers in a row are an attack or a defect.
const TRIES_MAX: usize = 3;

/// The answers to an import, one for each chunk.
pub(super) fn stream(
    desk: Desk,
    call: Call,
    items: Streaming<ImportEnrolmentsRequest>,
) -> BoxStream<'static, Result<ImportEnrolmentsResponse, Status>> {
    let import = Import {
        standing: desk.access().standing(&call.caller),
        desk,
        call,
        items,
        held: None,
        end: None,
    };
    stream::try_unfold(import, |mut import| async move {
        let chunk = import.read().await;
        if chunk.is_empty() {
            return match import.end.take() {
                Some(Err(status)) => Err(status),
                Some(Ok(())) | None => Ok(None),
            };
        }
        let response = import.commit(chunk).await?;
        Ok(Some((response, import)))
    })
    .boxed()
}

/// An import under way.
struct Import {
    desk: Desk,
    call: Call,
    items: Streaming<ImportEnrolmentsRequest>,
    standing: Standing,
    /// Read, but not of the last chunk any more.
    held: Option<Entry>,
    /// How the client's side ended.
    end: Option<Result<(), Status>>,
}

/// One item as it was read; a malformed one only waits for its place in the answer.
struct Entry {
    request_id: String,
    parsed: Result<Good>,
}

#[derive(Clone)]
struct Good {
    id: RequestId,
    digest: Vec<u8>,
    draft: Draft,
}

/// Items that are committed together.
#[derive(Default)]
struct Chunk {
    entries: Vec<Entry>,
    ids: HashSet<RequestId>,
    niks: HashSet<Nik>,
}

impl Chunk {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes the entry, or gives it back if it has to wait for this chunk's commit.
    fn take(&mut self, entry: Entry) -> Option<Entry> {
        if let Ok(good) = &entry.parsed {
            if self.ids.contains(&good.id) || self.niks.contains(&good.draft.nik) {
                return Some(entry);
            }
            self.ids.insert(good.id);
            self.niks.insert(good.draft.nik.clone());
        }
        self.entries.push(entry);
        None
    }
}

impl Import {
    /// The next chunk; an empty one only when the client's side has ended.
    async fn read(&mut self) -> Chunk {
        let mut chunk = Chunk::default();
        if let Some(entry) = self.held.take() {
            chunk.take(entry);
        }
        let draining = self.desk.draining().clone();
        while self.end.is_none() && chunk.entries.len() < CHUNK_MAX {
            let patience = if chunk.is_empty() { SILENCE_MAX } else { PAUSE };
            let item = tokio::select! {
                biased;
                () = draining.cancelled() => Ok(Err(Error::draining().into())),
                why = self.standing.lost() => Ok(Err(why.into())),
                item = timeout(patience, self.items.message()) => item,
            };
            match item {
                Ok(Ok(Some(message))) => {
                    self.held = chunk.take(self.parse(&message));
                    if self.held.is_some() {
                        break;
                    }
                }
                Ok(Ok(None)) => self.end = Some(Ok(())),
                Ok(Err(status)) => self.end = Some(Err(unread(status))),
                Err(_) if chunk.is_empty() => self.end = Some(Err(Error::late().into())),
                Err(_) => break,
            }
        }
        chunk
    }

    fn parse(&self, message: &ImportEnrolmentsRequest) -> Entry {
        let parsed = wire::import_enrolment(message, &self.call.caller, self.desk.now());
        let digest = |id, draft| Good {
            id,
            digest: self
                .desk
                .keys()
                .digest(self.call.method, &message.encode_to_vec()),
            draft,
        };
        Entry {
            request_id: message.request_id.clone(),
            parsed: parsed.map(|(id, draft)| digest(id, draft)),
        }
    }

    /// Commits the chunk and answers each of its items in their order.
    async fn commit(&self, chunk: Chunk) -> Result<ImportEnrolmentsResponse> {
        let (mut request_ids, mut good) = (Vec::new(), Vec::new());
        let mut results: Vec<Option<ImportEnrolmentResult>> = Vec::new();
        for entry in chunk.entries {
            request_ids.push(entry.request_id);
            results.push(match entry.parsed {
                Ok(item) => {
                    good.push(item);
                    None
                }
                Err(error) => Some(wire::refused_item(&error)),
            });
        }
        // A stream is one call and may be a million questions: each commit takes its token.
        self.desk.limits().enter(&self.call.caller, Nature::Write)?;
        let (answered, committed_revision) = if good.is_empty() {
            (Vec::new(), 0)
        } else {
            self.act(&good).await?
        };
        let mut answered = answered.into_iter();
        let results = results
            .into_iter()
            .zip(request_ids)
            .map(|(result, request_id)| {
                let result = result
                    .or_else(|| answered.next())
                    .ok_or_else(|| Error::internal("an item of an import got no answer"))?;
                Ok(ImportEnrolmentResult {
                    request_id,
                    ..result
                })
            });
        Ok(ImportEnrolmentsResponse {
            results: results.collect::<Result<_>>()?,
            committed_revision,
        })
    }

    async fn act(&self, good: &[Good]) -> Result<(Vec<ImportEnrolmentResult>, u64)> {
        let mut tries = 1;
        loop {
            let items = good.iter().cloned().map(|item| Item {
                id: item.id,
                digest: item.digest,
                content: item.draft,
            });
            let done = self
                .desk
                .act_on_many(
                    &self.call,
                    items.collect(),
                    wire::reused_item(),
                    |work, drafts| {
                        Box::pin(async move {
                            let recorded = steps::record_enrolments(work, drafts).await?;
                            Ok(recorded
                                .into_iter()
                                .map(|one| {
                                    let about = one.as_ref().map_or_else(
                                        |_| String::new(),
                                        |done| format!("enrolment/{}", done.enrolment_id),
                                    );
                                    (wire::import_result(one), about)
                                })
                                .collect())
                        })
                    },
                )
                .await;
            match done {
                Err(error) if error.kind() == Kind::Clash && tries < TRIES_MAX => tries += 1,
                done => return done,
            }
        }
    }
}
