//! Many requests in one commit: what an import needs, where each item has its own request id and its own answer.

use futures::future::BoxFuture;
use prost::Message;
use tonic::Code;

use super::{Call, Desk, Work, decoded, own_task};
use crate::{
    error::{Error, Result},
    feed::journal::Answer,
    ids::RequestId,
    requests,
};

/// One request of many.
#[derive(Debug)]
pub struct Item<I> {
    /// Its request id.
    pub id: RequestId,
    /// The keyed digest of its content.
    pub digest: Vec<u8>,
    /// What it asks for.
    pub content: I,
}

impl Desk {
    /// Carries out many requests in one commit: those already answered get their first answer, the others go to `step`
    /// together, which answers each with what it was about (noun/id). Used by imports; a request id used for other content is answered by `reused`.
    pub async fn act_on_many<I, R, F>(
        &self,
        call: &Call,
        items: Vec<Item<I>>,
        reused: R,
        step: F,
    ) -> Result<(Vec<R>, u64)>
    where
        I: Send + 'static,
        R: Message + Default + Clone + 'static,
        F: for<'w> FnOnce(&'w mut Work, Vec<I>) -> BoxFuture<'w, Result<Vec<(R, String)>>>
            + Send
            + 'static,
    {
        let desk = self.clone();
        let call = call.clone();
        own_task(async move { desk.act_on_many_to_end(&call, items, reused, step).await }).await
    }

    async fn act_on_many_to_end<I, R, F>(
        &self,
        call: &Call,
        items: Vec<Item<I>>,
        reused: R,
        step: F,
    ) -> Result<(Vec<R>, u64)>
    where
        R: Message + Default + Clone + 'static,
        F: for<'w> FnOnce(&'w mut Work, Vec<I>) -> BoxFuture<'w, Result<Vec<(R, String)>>>
            + Send
            + 'static,
    {
        let _place = self.place(call, None).await?;
        let mut work = self.begin(&call.caller, call.method, None).await?;
        let keys: Vec<(RequestId, Vec<u8>)> = items
            .iter()
            .map(|item| (item.id, item.digest.clone()))
            .collect();
        let mut taken =
            requests::claim_many(work.db(), &call.caller.name(), call.method, &keys).await?;
        let mut answers: Vec<Option<R>> = Vec::with_capacity(items.len());
        let (mut fresh, mut places) = (Vec::new(), Vec::new());
        for (place, item) in items.into_iter().enumerate() {
            match taken.remove(&item.id) {
                Some(first) if first.content_digest == item.digest => {
                    answers.push(Some(decoded(&first.bytes)?))
                }
                Some(_) => answers.push(Some(reused.clone())),
                None => {
                    answers.push(None);
                    places.push((place, item.id));
                    fresh.push(item.content);
                }
            }
        }
        let results = step(&mut work, fresh).await?;
        let mut stored = Vec::with_capacity(results.len());
        for ((place, id), (result, about)) in places.into_iter().zip(results) {
            stored.push(Answer {
                request_id: id,
                code: Code::Ok as i32,
                bytes: result.encode_to_vec(),
                reason: "",
                about,
            });
            answers[place] = Some(result);
        }
        let revision = work.commit(&stored).await?;
        let answers = answers
            .into_iter()
            .map(|answer| answer.ok_or_else(|| Error::internal("an item got no answer")));
        Ok((answers.collect::<Result<_>>()?, revision.unsigned_abs()))
    }
}
