//! Who acts, with which devices, and the proof of it. Its streams are in [`watch`].

pub mod watch;
