//! Tests that walk over every RPC of the contract, read from its descriptor: an RPC that is added without a sample
//! ([`samples`]) fails them by name.
//!
//! What is easily got wrong: a sample that is refused for some small mistake would make all these tests pass while they
//! test nothing. Therefore each first shows that its samples work for the caller whose they are.

use std::collections::BTreeMap;

use ektp::{
    caller::{CLOSE_SHIFT, Role, right},
    proto,
};
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::{
    look,
    office::Office,
    officers::{self, Line},
    raw::Answer,
};

mod blanks;
mod doubt;
mod fields;
mod input;
mod isolation;
mod noise;
mod people;
mod printing;
mod replay;
mod rights;
pub mod samples;
pub mod scene;
mod staff;
mod stock;

/// The package whose RPCs are walked over; health and reflection are not ours.
const PACKAGE: &str = "ektp.v1";

/// One principal for each kind of caller.
pub const PRINCIPALS: [(Role, &str); 7] = [
    (
        Role::Terminal,
        "ektp://district/35.75/site/office/terminal/1",
    ),
    (Role::Province, "ektp://province/35"),
    (Role::Matcher, "ektp://centre/matcher"),
    (Role::Store, "ektp://centre/store"),
    (Role::Printer, "ektp://centre/printer"),
    (Role::Policy, "ektp://centre/policy"),
    (Role::Public, "ektp://public/website"),
];

/// One RPC as the descriptor has it.
pub struct Method {
    pub path: String,
    /// The request message.
    input: DescriptorProto,
    /// Which of its fields, by number, must be given.
    required: Vec<String>,
    client_streaming: bool,
    server_streaming: bool,
}

impl Method {
    /// A write carries the name that its client gave it.
    pub fn is_write(&self) -> bool {
        self.input
            .field
            .iter()
            .any(|field| field.name() == "request_id")
    }

    /// Whether its answer ends by itself when the client has sent everything.
    pub fn ends(&self) -> bool {
        !self.server_streaming || self.is_write()
    }
}

/// All RPCs of the contract.
pub fn methods() -> Vec<Method> {
    let files = FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET)
        .expect("our own descriptor")
        .file;
    let ours: Vec<&FileDescriptorProto> = files
        .iter()
        .filter(|file| file.package() == PACKAGE)
        .collect();
    let mut methods = Vec::new();
    for file in &ours {
        for service in &file.service {
            for method in &service.method {
                let (file, index) = message(&ours, method.input_type());
                methods.push(Method {
                    path: format!("/{PACKAGE}.{}/{}", service.name(), method.name()),
                    input: file.message_type[index].clone(),
                    required: required(file, index),
                    client_streaming: method.client_streaming(),
                    server_streaming: method.server_streaming(),
                });
            }
        }
    }
    assert!(methods.len() > 20, "the descriptor has the contract's RPCs");
    methods
}

fn message<'a>(files: &[&'a FileDescriptorProto], name: &str) -> (&'a FileDescriptorProto, usize) {
    let short = name
        .strip_prefix(&format!(".{PACKAGE}."))
        .expect("requests are messages of our own");
    files
        .iter()
        .find_map(|file| {
            let index = file
                .message_type
                .iter()
                .position(|message| message.name() == short)?;
            Some((*file, index))
        })
        .expect("the descriptor is complete")
}

/// The fields of a message whose comment begins with REQUIRED, and the choices of which one must be made.
fn required(file: &FileDescriptorProto, index: usize) -> Vec<String> {
    const MESSAGES_OF_FILE: i32 = 4;
    const FIELDS_OF_MESSAGE: i32 = 2;
    const CHOICES_OF_MESSAGE: i32 = 8;
    let message = &file.message_type[index];
    let index = i32::try_from(index).expect("a small number");
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations
        .filter(|location| {
            location
                .leading_comments()
                .trim_start()
                .starts_with("REQUIRED.")
        })
        .filter_map(|location| match location.path[..] {
            [MESSAGES_OF_FILE, at, kind, place] if at == index => {
                let place = usize::try_from(place).expect("places count from nought");
                match kind {
                    FIELDS_OF_MESSAGE => Some(message.field[place].name().to_owned()),
                    CHOICES_OF_MESSAGE => Some(message.oneof_decl[place].name().to_owned()),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect()
}

/// Who calls a method in these tests: the first role that may.
fn principal(path: &str) -> &'static str {
    let right = right(path).unwrap_or_else(|| panic!("{path} has no line in the table of rights"));
    let (_, principal) = PRINCIPALS
        .iter()
        .find(|(role, _)| right.callers.contains(role))
        .unwrap_or_else(|| panic!("{path} may be called by nobody"));
    principal
}

/// The principal's connection to a server. The one call that ends its shift has one of its own; all others go on.
async fn line(office: &Office, server: usize, path: &str) -> Line {
    let principal = principal(path);
    if path == CLOSE_SHIFT {
        let roles = Some(&officers::ALL_BUT_CONTRACTOR[..]);
        return office.client_as(server, principal, roles).await.channel;
    }
    office.client(server, principal).await.channel
}

/// How many rows each table has that acts write, the stored answers included; without the officers of the tests' clients
/// and the terminals that were seen.
async fn rows_of_acts(office: &Office) -> BTreeMap<String, i64> {
    let mut rows = look::counts(&office.sql).await;
    for of_clients in ["officer", "officer_person", "shift", "terminal"] {
        rows.remove(of_clients);
    }
    rows
}

/// An answer for comparing and reading, with every id and both districts' codes blanked.
pub fn shown(answer: &Answer) -> String {
    match answer {
        Ok(messages) => {
            let messages: Vec<String> = messages.iter().map(|message| blanked(message)).collect();
            format!("{messages:?}")
        }
        Err(status) => {
            let details = status.get_error_details();
            let info = details.error_info().map(|info| {
                let metadata: BTreeMap<_, _> = info.metadata.iter().collect();
                format!("{} {} {metadata:?}", info.domain, info.reason)
            });
            let rest = (details.bad_request(), details.retry_info());
            let text = format!("{:?} {} {info:?} {rest:?}", status.code(), status.message());
            blanked(text.as_bytes())
        }
    }
}

fn blanked(bytes: &[u8]) -> String {
    const ID: usize = 36;
    let mut rest = bytes;
    let mut kept = Vec::new();
    while let Some(first) = rest.first() {
        let is_id = rest
            .get(..ID)
            .is_some_and(|start| Uuid::try_parse_ascii(start).is_ok());
        if is_id {
            kept.extend_from_slice(b"<id>");
            rest = &rest[ID..];
        } else {
            kept.push(*first);
            rest = &rest[1..];
        }
    }
    let text = String::from_utf8_lossy(&kept);
    text.replace(scene::DISTRICT, "<district>")
        .replace(scene::EMPTY_DISTRICT, "<district>")
}

/// A field of text as it stands in a message: added at the end, it takes the place of an earlier one.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    prost::encoding::bytes::encode(number, &bytes.to_vec(), &mut encoded);
    encoded
}
