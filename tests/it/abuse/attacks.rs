//! What hostile clients do. Each is one who has a terminal's good certificate and an officer at work there, or nothing at all.
//!
//! What is easily got wrong: an attack that breaks the protocol is over with its first bytes. These keep to the letter of it
//! as long as they can, because what is allowed is what costs.

use super::frames::{Frames, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE};

const STOCK: &str = "/ektp.v1.Inventory/GetStock";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// Frames that are written at once.
const AT_ONCE: u32 = 200;
/// As many calls as a connection may have at a time.
const CALLS: u32 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    SilentSockets,
    Handshakes,
    RapidReset,
    ResetCalls,
    Pings,
    Settings,
    Continuations,
    EmptyFrames,
    TinyWindows,
    LongMessages,
    Empties,
    OpenEmpties,
    SlowMessages,
    Nested,
}

/// How an attack reaches the server.
pub enum Means {
    /// Sockets on which nothing is said.
    Sockets,
    /// Connections that stand and say nothing.
    Handshakes,
    /// Frames, written as fast as they are taken.
    Frames {
        /// Whether the client reads what comes back.
        reads: bool,
    },
    /// Messages of a proper client.
    Messages {
        /// How long the message says it is.
        said: usize,
        /// What is sent of it.
        message: Vec<u8>,
        /// Whether the client ends its side.
        ends: bool,
    },
}

impl Attack {
    pub const ALL: [Self; 14] = [
        Self::SilentSockets,
        Self::Handshakes,
        Self::RapidReset,
        Self::ResetCalls,
        Self::Pings,
        Self::Settings,
        Self::Continuations,
        Self::EmptyFrames,
        Self::TinyWindows,
        Self::LongMessages,
        Self::Empties,
        Self::OpenEmpties,
        Self::SlowMessages,
        Self::Nested,
    ];

    pub fn means(self) -> Means {
        const READ_MAX: usize = 256 * 1024;
        let messages = |message: Vec<u8>, ends| Means::Messages {
            said: message.len(),
            message,
            ends,
        };
        match self {
            Self::SilentSockets => Means::Sockets,
            Self::Handshakes => Means::Handshakes,
            Self::RapidReset
            | Self::ResetCalls
            | Self::Continuations
            | Self::EmptyFrames
            | Self::TinyWindows => Means::Frames { reads: true },
            Self::Pings | Self::Settings => Means::Frames { reads: false },
            Self::LongMessages => messages(empties(16 * READ_MAX), true),
            Self::Empties => messages(empties(READ_MAX), true),
            Self::OpenEmpties => messages(empties(READ_MAX), false),
            Self::SlowMessages => Means::Messages {
                said: READ_MAX,
                message: text(READ_MAX - 1),
                ends: false,
            },
            Self::Nested => messages(nested(10_000), true),
        }
    }

    /// What is written first on a connection.
    pub fn greeting(self) -> Frames {
        let mut frames = Frames(super::frames::PREFACE.to_vec());
        let window = match self {
            Self::TinyWindows => 0,
            Self::SilentSockets
            | Self::Handshakes
            | Self::RapidReset
            | Self::ResetCalls
            | Self::Pings
            | Self::Settings
            | Self::Continuations
            | Self::EmptyFrames
            | Self::LongMessages
            | Self::Empties
            | Self::OpenEmpties
            | Self::SlowMessages
            | Self::Nested => 65_535,
        };
        frames.settings(&[(INITIAL_WINDOW_SIZE, window)]);
        frames
    }

    /// What is written in the n-th round on a connection.
    pub fn round(self, round: u32) -> Frames {
        let mut frames = Frames::default();
        // Streams of a client have odd numbers, and none comes twice.
        let streams = (0..AT_ONCE).map(|n| 1 + 2 * (round * AT_ONCE + n));
        match self {
            Self::RapidReset => streams.for_each(|stream| {
                frames.call(stream, STOCK);
                frames.reset(stream);
            }),
            Self::ResetCalls => streams.for_each(|stream| {
                frames.call(stream, STOCK);
                frames.message(stream, &[]);
                frames.reset(stream);
            }),
            Self::Pings => streams.for_each(|_| frames.ping()),
            Self::Settings => streams.for_each(|stream| {
                let window = if stream % 4 == 1 { 0 } else { 65_535 };
                frames.settings(&[(INITIAL_WINDOW_SIZE, window), (HEADER_TABLE_SIZE, stream)]);
            }),
            Self::Continuations => {
                if round == 0 {
                    frames.endless_call(1, STOCK);
                }
                streams.for_each(|_| frames.continuation(1));
            }
            Self::EmptyFrames => {
                if round == 0 {
                    frames.call(1, STOCK);
                }
                streams.for_each(|_| frames.nothing(1));
            }
            // The answers of all calls, a byte of each at a time.
            Self::TinyWindows if round == 0 => {
                let mut symbol = vec![0x22, 18];
                symbol.extend_from_slice(b"ektp.v1.PrintQueue");
                for stream in (0..CALLS).map(|n| 1 + 2 * n) {
                    frames.call(stream, REFLECTION);
                    frames.message(stream, &symbol);
                }
            }
            Self::TinyWindows => {
                for stream in (0..CALLS).map(|n| 1 + 2 * n) {
                    frames.window(stream, 1);
                }
            }
            Self::SilentSockets
            | Self::Handshakes
            | Self::LongMessages
            | Self::Empties
            | Self::OpenEmpties
            | Self::SlowMessages
            | Self::Nested => {}
        }
        frames
    }
}

/// A message of so many bytes that is nothing but empty messages of its second field.
fn empties(bytes: usize) -> Vec<u8> {
    [0x12, 0].repeat(bytes / 2)
}

/// The first bytes of a message that is one long text.
fn text(bytes: usize) -> Vec<u8> {
    let mut message = vec![0x0a];
    prost::encoding::encode_varint(bytes as u64 - 3, &mut message);
    message.resize(bytes, b'a');
    message
}

/// An unknown group in a group in a group, each closed as it should be.
fn nested(deep: usize) -> Vec<u8> {
    const BEGINS: [u8; 2] = [0xc3, 0x3e];
    const ENDS: [u8; 2] = [0xc4, 0x3e];
    [BEGINS.repeat(deep), ENDS.repeat(deep)].concat()
}
