//! Frames of HTTP/2 as a hostile client writes them: bytes without any regard for what the other side allows.
//!
//! What is easily got wrong: header blocks are written without compression and without the dynamic table, so that each of
//! them is good whatever came before it.

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The error code of a client that does not want its answer any more.
const CANCEL: u32 = 8;

/// Settings by their number.
pub const HEADER_TABLE_SIZE: u16 = 1;
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// Frames one after the other, as they go over the line.
#[derive(Default)]
pub struct Frames(pub Vec<u8>);

impl Frames {
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a frame of ours is short");
        self.0.extend_from_slice(&length.to_be_bytes()[1..]);
        self.0.extend_from_slice(&[kind, flags]);
        self.0.extend_from_slice(&stream.to_be_bytes());
        self.0.extend_from_slice(payload);
    }

    pub fn settings(&mut self, values: &[(u16, u32)]) {
        let payload: Vec<u8> = values
            .iter()
            .flat_map(|(name, value)| {
                let (name, value) = (name.to_be_bytes(), value.to_be_bytes());
                name.into_iter().chain(value)
            })
            .collect();
        self.frame(SETTINGS, 0, 0, &payload);
    }

    pub fn ping(&mut self) {
        self.frame(PING, 0, 0, b"are you?");
    }

    /// Calls a method; the stream stays open for the message.
    pub fn call(&mut self, stream: u32, path: &str) {
        self.frame(HEADERS, END_HEADERS, stream, &call_headers(path));
    }

    /// Begins a call whose headers do not end.
    pub fn endless_call(&mut self, stream: u32, path: &str) {
        self.frame(HEADERS, 0, stream, &call_headers(path));
    }

    /// More of such headers.
    pub fn continuation(&mut self, stream: u32) {
        self.frame(
            CONTINUATION,
            0,
            stream,
            &literal(0, "x-more", "of the same"),
        );
    }

    /// The message of a call, which ends the client's side.
    pub fn message(&mut self, stream: u32, message: &[u8]) {
        let mut payload = vec![0];
        let length = u32::try_from(message.len()).expect("a message of ours is short");
        payload.extend_from_slice(&length.to_be_bytes());
        payload.extend_from_slice(message);
        self.frame(DATA, END_STREAM, stream, &payload);
    }

    /// Data without a byte, which ends nothing.
    pub fn nothing(&mut self, stream: u32) {
        self.frame(DATA, 0, stream, &[]);
    }

    pub fn reset(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }

    pub fn window(&mut self, stream: u32, more: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
    }
}

/// The headers of a call: `:method` and `:scheme` stand in the static table.
fn call_headers(path: &str) -> Vec<u8> {
    const METHOD_POST: u8 = 0x83;
    const SCHEME_HTTPS: u8 = 0x87;
    const AUTHORITY: u8 = 1;
    const PATH: u8 = 4;
    let mut block = vec![METHOD_POST, SCHEME_HTTPS];
    block.extend(literal(AUTHORITY, "", "localhost"));
    block.extend(literal(PATH, "", path));
    block.extend(literal(0, "content-type", "application/grpc"));
    block.extend(literal(0, "te", "trailers"));
    block
}

/// A field that is not remembered, its name from the static table or written out.
fn literal(indexed: u8, name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![indexed];
    if indexed == 0 {
        text(&mut field, name);
    }
    text(&mut field, value);
    field
}

fn text(into: &mut Vec<u8>, text: &str) {
    into.push(u8::try_from(text.len()).expect("a field of ours is short"));
    into.extend_from_slice(text.as_bytes());
}
