//! What is said about what a store does: nothing that misleads.

use std::sync::Arc;
use std::time::Duration;

use super::weather::{Chance, Server, Weather, Wire};
use crate::hint::Hint as _;
use crate::journal::JournalError;
use crate::store::objects::{Put, put_settled};
use crate::store::segment::{self, Segment};
use crate::store::{
    Answer, Depot, Fault, FaultKind, Holder, Listed, Object, Objects, StoreError, SystemClocks, Version, When, take,
};

#[tokio::test(start_paused = true)]
async fn a_run_is_not_said_to_be_taken_over_by_itself() {
    let server = Server::new(Weather::FAIR, &Arc::new(Chance::new(1)));
    let depot = Depot::new(Arc::new(Wire(Arc::clone(&server))), Arc::new(SystemClocks));
    let hold = take(&depot, &Holder::of_run("a"), Duration::ZERO, "now").await.expect("free");
    let next = hold.fence().await.expect("nobody else").next + 1;
    // There are newer segments than the head knows, as after it was restored.
    let other = Segment { n: next, epoch: 9, run: "b".into(), nonce: "x".into(), cut: false }.text(b"");
    server.calm().put(&segment::key(next), other, When::Always).await.expect("calm");
    let error = hold.append(b"one\n").await.expect_err("its place is taken").to_string();
    assert!(error.contains("somebody has restored or removed head.json") && !error.contains("ann on ci-7"), "{error}");
}

/// A store that lets nobody replace or create anything.
struct Rigid(Option<Object>);

impl Objects for Rigid {
    fn get<'a>(&'a self, _key: &'a str) -> Answer<'a, Option<Object>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn put<'a>(&'a self, _key: &'a str, _body: Vec<u8>, _when: When) -> Answer<'a, Put> {
        Box::pin(async { Ok(Put::Refused) })
    }

    fn list<'a>(&'a self, _folder: &'a str, _limit: usize) -> Answer<'a, Vec<Listed>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn delete<'a>(&'a self, _key: &'a str) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_though_nothing_has_changed_is_reported_as_that() {
    let version = Version { e_tag: Some("1".into()), version: None };
    let there = Object { body: b"old".to_vec(), version: version.clone(), modified: None };
    let written = async |found: Option<Object>, when: When| {
        let fault = put_settled(&Rigid(found), "head.json", b"new", &when, true, &|| Duration::ZERO).await;
        fault.expect_err("refused").message
    };
    let replaced = written(Some(there), When::Unchanged(version)).await;
    assert!(replaced.starts_with("the store refuses to write head.json, although nobody has changed it"), "{replaced}");
    let created = written(None, When::Absent).await;
    assert!(created.contains("although there is nothing in its place"), "{created}");
}

#[test]
fn where_credentials_have_ended_nobody_is_told_to_wait_for_the_store() {
    let hint = |kind| StoreError::Expired(Fault { message: "no".into(), kind }).hint().expect("one").into_owned();
    let journal =
        |is_refused| JournalError::Store { message: "no".into(), is_refused }.hint().expect("one").into_owned();
    for said in [hint(FaultKind::Lasting), hint(FaultKind::Credentials), journal(true)] {
        assert!(said.starts_with("nothing more was sent; log in again"), "{said}");
    }
    for said in [hint(FaultKind::Passing), journal(false)] {
        assert!(said.starts_with("nothing more was sent; run again when the store can be reached"), "{said}");
    }
}
