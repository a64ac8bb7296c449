//! One day at a district's office, replayed on the real server. The people, their names and their numbers are invented.

mod names;
pub mod people;
