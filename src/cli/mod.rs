//! What a person starts from the command line. Everything in here is an outside user of the server, like a terminal in a
//! district: it speaks through the generated clients and touches neither the database nor a feature.

pub mod demo;
