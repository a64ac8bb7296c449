//! Sending the notices: claim in one unit of work, send outside of any, mark in another.
//!
//! A message goes out at least once: between the gateway's yes and the mark there is a moment in which a server may die.
//! The text names neither the person nor the NIK, for a phone may have changed hands.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;
use tokio::{fs::OpenOptions, io::AsyncWriteExt, time::timeout};

use crate::{
    areas,
    caller::{Caller, Principal},
    error::{Error, Result},
    handover::store::{self, Due},
    ids::{CollectionId, District, Phone},
    person::Person,
    seal::Keys,
    work::{Desk, Work},
};

/// Notices in one round. With [`SEND_TIMEOUT`] each, a round ends before its claims do.
const ROUND_MAX: usize = 100;
/// How long the gateway may take for one message.
const SEND_TIMEOUT: Duration = Duration::from_millis(500);
/// Notices marked in one commit: each may be of another district, and a commit touches at most 64 ledgers.
const MARKED_PER_COMMIT: usize = 50;

/// A way out for messages.
#[derive(Debug, Clone)]
pub enum Gateway {
    /// One line of JSON for each message at the end of a file, the number masked: for a server without a contract with an
    /// operator, and for the eye.
    LogFile(PathBuf),
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is about; also the gateway's key against doubles.
    pub collection_id: CollectionId,
    /// To whom.
    pub phone: Phone,
    /// What it says.
    pub text: String,
}

#[derive(Serialize)]
struct Line<'a> {
    collection_id: String,
    to: String,
    text: &'a str,
}

impl Gateway {
    async fn send(&self, message: &Message) -> std::io::Result<()> {
        match self {
            Self::LogFile(path) => {
                let mut line = serde_json::to_vec(&Line {
                    collection_id: message.collection_id.to_string(),
                    to: message.phone.masked(),
                    text: &message.text,
                })?;
                line.push(b'\n');
                let mut file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(path)
                    .await?;
                file.write_all(&line).await?;
                file.flush().await
            }
        }
    }
}

/// How the audit log names it.
const METHOD: &str = "chore/send_notices";

/// One round: sends what is due, at most [`ROUND_MAX`] messages, and answers whether more may be due at once. A gateway that
/// took nothing is left alone until the next turn.
#[tracing::instrument(name = "step.send_notices", skip_all)]
pub async fn send_notices(desk: &Desk, gateway: &Gateway) -> Result<bool> {
    let system = Caller::from(Principal::System);
    let due = desk
        .act_unasked(system.clone(), METHOD, |work| {
            Box::pin(async move { claim_notices(work, ROUND_MAX).await })
        })
        .await?;
    let is_full = due.len() == ROUND_MAX;
    let (mut sent, mut failed) = (Vec::new(), Vec::new());
    for notice in due {
        let id = notice.collection_id;
        if delivered(desk.keys(), gateway, notice).await {
            sent.push(id);
        } else {
            failed.push(id);
        }
    }
    for part in sent.chunks(MARKED_PER_COMMIT) {
        let part = part.to_vec();
        desk.act_unasked(system.clone(), METHOD, |work| {
            Box::pin(async move { mark_sent(work, &part).await })
        })
        .await?;
    }
    if !failed.is_empty() {
        tracing::warn!(
            notices = failed.len(),
            "the gateway did not take notices; they wait"
        );
        desk.act_unasked(system, METHOD, |work| {
            Box::pin(async move { mark_failed(work, &failed).await })
        })
        .await?;
    }
    Ok(is_full && !sent.is_empty())
}

/// Whether the gateway took it. One notice that cannot be sent must not keep the others.
async fn delivered(keys: &Keys, gateway: &Gateway, notice: Due) -> bool {
    let message = match message(keys, &notice) {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(collection = %notice.collection_id, %error, "a notice has no address");
            return false;
        }
    };
    match timeout(SEND_TIMEOUT, gateway.send(&message)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(collection = %notice.collection_id, cause = %error.kind(), "not sent");
            false
        }
        Err(_) => {
            tracing::debug!(collection = %notice.collection_id, "not sent in time");
            false
        }
    }
}

fn message(keys: &Keys, notice: &Due) -> Result<Message> {
    let person = Person::open(keys, notice.resident_id, &notice.sealed)?;
    let phone = person
        .phone
        .as_deref()
        .and_then(|phone| phone.parse().ok())
        .ok_or_else(|| Error::corrupt("resident", notice.resident_id))?;
    Ok(Message {
        collection_id: notice.collection_id,
        phone,
        text: text(notice.district),
    })
}

fn text(district: District) -> String {
    let code = district.to_string();
    let name = areas::district(district).unwrap_or(&code);
    format!("KTP-el Anda sudah dicetak. Silakan diambil di kantor Dukcapil {name}. Gratis.")
}

/// Takes the notices that are due, for a minute.
pub async fn claim_notices(work: &mut Work, limit: usize) -> Result<Vec<Due>> {
    let limit = i64::try_from(limit).map_err(|_| Error::internal("a limit beyond all rows"))?;
    store::claim_notices(work.db(), limit).await
}

/// Marks what the gateway took, and tells the districts' ledgers.
pub async fn mark_sent(work: &mut Work, ids: &[CollectionId]) -> Result<()> {
    let now = work.now();
    for collection in store::mark_sent(work.db(), ids, now).await? {
        super::record(work, &collection);
    }
    Ok(())
}

/// Puts off what the gateway did not take.
pub async fn mark_failed(work: &mut Work, ids: &[CollectionId]) -> Result<()> {
    store::mark_failed(work.db(), ids).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_where_and_that_it_is_free_and_nothing_about_the_person() {
        let pasuruan = "35.75".parse().expect("a district");
        assert_eq!(
            text(pasuruan),
            "KTP-el Anda sudah dicetak. Silakan diambil di kantor Dukcapil Kota Pasuruan. Gratis."
        );
    }

    #[tokio::test]
    async fn the_log_file_holds_a_line_for_each_message_with_the_number_masked() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notices.log");
        let gateway = Gateway::LogFile(path.clone());
        let message = Message {
            collection_id: CollectionId::fresh(),
            phone: "+6281234567890".parse().expect("a number"),
            text: "a text".to_owned(),
        };
        for _ in 0..2 {
            gateway.send(&message).await.expect("the folder is there");
        }
        let log = std::fs::read_to_string(path).expect("the file is there");
        let lines: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let line = serde_json::json!({
            "collection_id": message.collection_id.to_string(),
            "to": "+62812****890",
            "text": "a text",
        });
        assert_eq!(lines, [line.clone(), line]);
        let nowhere = Gateway::LogFile(folder.path().join("missing").join("notices.log"));
        assert!(nowhere.send(&message).await.is_err());
    }
}
