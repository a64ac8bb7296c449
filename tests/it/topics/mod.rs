//! The streams of a district's stock, collections and enrolments, through their generated clients; what all streams share
//! is told of the queue's in `watch.rs`.
//!
//! What is easily got wrong: a picture of the stock is kept by serial here, because runs are joined and split on the way.

mod collections;
mod enrolments;
pub mod follower;
mod stock;
mod together;

use tonic::Code;

use self::follower::{Followed, Follower};
use crate::support::{
    office::{Office, violated_fields},
    stream::quick,
};

/// What every stream of a district promises of whose it is: a terminal's own, one that the centre names, nobody else's.
async fn shows_its_own_district_and_no_other<F: Followed>() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut neighbour = office.terminal("35.76/office/1").await;
    let mut policy = office.centre("policy").await;
    let own = Follower::<F>::open(&mut terminal, "", &[]).await;
    own.expect("a terminal's own").snapshot().await;
    let any = Follower::<F>::open(&mut policy, "35.75", &[]).await;
    any.expect("the centre's").snapshot().await;
    // A district that exists and one that does not are refused in the same words.
    let mut told = Vec::new();
    for foreign in ["35.76", "11.99"] {
        let refused = Follower::<F>::open(&mut terminal, foreign, &[]).await;
        let refused = refused.err().expect("not its own");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(violated_fields(&refused), ["district"]);
        told.push((refused.message().to_owned(), refused.details().to_vec()));
    }
    assert_eq!(told[0], told[1]);
    for unknown in ["", "11.99", "00.00", "3575"] {
        let refused = Follower::<F>::open(&mut policy, unknown, &[]).await;
        let refused = refused.err().expect("no district");
        assert_eq!(violated_fields(&refused), ["district"], "{unknown}");
    }
    let theirs = Follower::<F>::follow(&mut neighbour).await;
    let another_streams = terminal.follow().await.token;
    for wrong in [&theirs.token, &another_streams] {
        let refused = Follower::<F>::open(&mut terminal, "", wrong).await;
        let refused = refused.err().expect("not its token");
        assert_eq!(violated_fields(&refused), ["resume_token"]);
    }
}
