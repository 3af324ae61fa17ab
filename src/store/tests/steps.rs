//! Each step of the protocol by itself.

use std::sync::Arc;
use std::time::Duration;

use super::weather::{Chance, Server, Weather, Wire};
use crate::state::Lineage;
use crate::store::objects::Put;
use crate::store::{Depot, Hold, Holder, Keep, Late, Objects as _, Save, StoreError, SystemClocks, When, force, take};
use crate::store::{late, segment};

const TTL: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::ZERO;

fn server() -> Arc<Server> {
    Server::new(Weather::FAIR, &Arc::new(Chance::new(1)))
}

fn depot(server: &Arc<Server>) -> Depot {
    Depot::new(Arc::new(Wire(Arc::clone(server))), Arc::new(SystemClocks))
}

async fn taken(depot: &Depot, run: &str) -> Hold {
    let hold = take(depot, &Holder::of_run(run), AT_ONCE, "now").await.expect("free");
    hold.fence().await.expect("nobody else");
    hold
}

fn save(serial: u64) -> Save {
    Save { text: format!("state {serial}").into_bytes(), lineage: Lineage(uuid::Uuid::nil()), serial }
}

async fn objects(server: &Server) -> Vec<String> {
    let mut keys = Vec::new();
    for folder in ["state", segment::FOLDER, "late", "probe"] {
        keys.extend(server.calm().list(folder, usize::MAX).await.expect("calm").into_iter().map(|object| object.key));
    }
    keys.sort();
    keys
}

#[tokio::test(start_paused = true)]
async fn what_was_saved_is_what_is_looked_at_with_what_came_after_it() {
    let server = server();
    let depot = depot(&server);
    assert!(depot.look().await.expect("empty").is_none());
    let hold = taken(&depot, "a").await;
    hold.append(b"one\n").await.expect("held");
    hold.append(b"two\nthree\n").await.expect("held");
    let look = depot.look().await.expect("readable").expect("there");
    assert_eq!((look.state, look.journal), (None, b"one\ntwo\nthree\n".to_vec()));
    hold.save(save(1), Keep::Nothing, false).await.expect("held");
    hold.append(b"four\n").await.expect("held");
    let look = depot.look().await.expect("readable").expect("there");
    assert_eq!((look.state.as_deref(), look.journal), (Some("state 1"), b"four\n".to_vec()));
    hold.save(save(2), Keep::Lines(b"left\n".to_vec()), true).await.expect("held");
    let look = depot.look().await.expect("readable").expect("there");
    assert_eq!((look.state.as_deref(), look.journal), (Some("state 2"), b"left\n".to_vec()));
    assert_eq!(look.head.holder, None);
    let hold = taken(&depot, "b").await;
    assert_eq!(hold.head().await.epoch, 2);
    hold.cut(Keep::Nothing).await.expect("held");
    hold.release().await.expect("held");
    assert_eq!(depot.look().await.expect("readable").expect("there").journal, b"");
    assert!(objects(&server).await.iter().all(|key| !key.starts_with("probe")));
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_down_and_never_saved_does_not_count() {
    let server = server();
    let depot = depot(&server);
    let hold = taken(&depot, "a").await;
    hold.append(b"one\n").await.expect("held");
    // As if the process had died between the two.
    *server.away.lock().expect("free") = false;
    let segment = segment::Segment { n: 3, epoch: 1, run: "a".into(), nonce: "x".into(), cut: true };
    server.calm().put(&segment::key(3), segment.text(b"one\n"), When::Absent).await.expect("calm");
    assert_eq!(depot.look().await.expect("readable").expect("there").journal, b"one\n");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_held_is_refused_and_says_by_whom() {
    let server = server();
    let depot = depot(&server);
    let _held = taken(&depot, "a").await;
    let error = take(&depot, &Holder::of_run("b"), AT_ONCE, "now").await.expect_err("held");
    assert_eq!(
        error.to_string(),
        "the state is held by ann on ci-7 (process 4711, apply, since 2026-09-14T08:30:00Z); it was not watched for a \
         sign of life, and it is taken over after 30 s without one"
    );
    let start = tokio::time::Instant::now();
    let error = take(&depot, &Holder::of_run("b"), Duration::from_secs(10), "now").await;
    let error = error.expect_err("held, and not for long enough quiet").to_string();
    assert!(error.contains("its last sign of life was seen 9 s ago, and it is taken over"), "{error}");
    assert!((10..12).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_holder_without_a_sign_of_life_is_taken_over_and_can_write_nothing_more() {
    let server = server();
    let depot = depot(&server);
    let old = taken(&depot, "a").await;
    old.append(b"one\n").await.expect("held");
    let start = tokio::time::Instant::now();
    let new = take(&depot, &Holder::of_run("b"), Duration::from_secs(120), "now").await.expect("its holder is dead");
    assert!(start.elapsed() >= TTL && start.elapsed() < TTL * 2, "{:?}", start.elapsed());
    // There is no fence yet: what the old one still writes counts, and it does not learn so.
    old.append(b"two\n").await.expect_err("its lease is over, and the head is not its own");
    assert_eq!(new.fence().await.expect("held").text, b"one\ntwo\n");
    for error in [
        old.append(b"three\n").await.expect_err("fenced"),
        old.save(save(1), Keep::Nothing, true).await.expect_err("fenced"),
        old.beat_once().await.expect_err("fenced"),
        old.release().await.expect_err("fenced"),
    ] {
        assert!(matches!(&error, StoreError::Fenced { holder: Some(holder) } if holder.run == "b"), "{error}");
    }
    assert!(old.lease().is_fenced());
    old.put_aside("late", 0, b"{}").await.expect("it has a name of its own");
    assert!(objects(&server).await.contains(&"late/1-a-0.json".to_owned()));
    new.append(b"three\n").await.expect("held");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_frozen_before_its_fence_does_not_write_it_behind_those_who_came_after() {
    let server = server();
    let depot = depot(&server);
    let frozen = take(&depot, &Holder::of_run("a"), AT_ONCE, "now").await.expect("free");
    let new = take(&depot, &Holder::of_run("b"), Duration::from_secs(120), "now").await.expect("its holder is dead");
    new.fence().await.expect("held");
    new.append(b"one\n").await.expect("held");
    let error = frozen.fence().await.expect_err("fenced");
    assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
    new.append(b"two\n").await.expect("held");
}

/// The store does not answer the first requests after the sleep; the lease leaves no time to ask again.
#[tokio::test(start_paused = true)]
async fn a_run_that_has_slept_and_misses_an_answer_learns_all_the_same_that_another_took_over() {
    let server = server();
    let depot = depot(&server);
    let old = taken(&depot, "a").await;
    let new = take(&depot, &Holder::of_run("b"), Duration::from_secs(120), "now").await.expect("its holder is dead");
    new.fence().await.expect("held");
    let away = |away: bool| *server.away.lock().expect("free") = away;
    away(true);
    let comes_back = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        away(false);
    };
    let (appended, ()) = tokio::join!(old.append(b"one\n"), comes_back);
    let error = appended.expect_err("fenced");
    assert!(matches!(&error, StoreError::Fenced { holder: Some(holder) } if holder.run == "b"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lives_is_never_taken_over() {
    let server = server();
    let depot = depot(&server);
    let old = Arc::new(taken(&depot, "a").await);
    let beating = tokio::spawn(Arc::clone(&old).beat());
    take(&depot, &Holder::of_run("b"), Duration::from_secs(300), "now").await.expect_err("alive");
    old.append(b"one\n").await.expect("held");
    assert!(old.head().await.beat > 25, "{}", old.head().await.beat);
    beating.abort();
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_the_store_says_how_long_ago_calls_were_sent_at_the_latest() {
    const HOUR: Duration = Duration::from_secs(3600);
    let server = server();
    let depot = depot(&server);
    let first = taken(&depot, "a").await;
    assert_eq!(first.sent_before().await.expect("calm"), Duration::ZERO, "nobody was there before");
    first.release().await.expect("held");
    tokio::time::sleep(HOUR).await;
    let second = taken(&depot, "b").await;
    let sent = second.sent_before().await.expect("calm").as_secs();
    assert!((3590..=3600).contains(&sent), "{sent}: it had let go");
    // It dies, and is watched for its lease: by then its lease may just have ended.
    let third = take(&depot, &Holder::of_run("c"), Duration::from_secs(120), "now").await.expect("its holder is dead");
    assert!(third.sent_before().await.expect("calm") < Duration::from_secs(3));
    tokio::time::sleep(HOUR).await;
    let fourth = take(&depot, &Holder::of_run("d"), Duration::from_secs(120), "now").await.expect("its holder is dead");
    let sent = fourth.sent_before().await.expect("calm").as_secs();
    assert!((3590..=3600).contains(&sent), "{sent}: its lease is not counted");
    force(&depot).await.expect("held").expect("by somebody");
    let fifth = take(&depot, &Holder::of_run("e"), AT_ONCE, "now").await.expect("free");
    assert_eq!(fifth.sent_before().await.expect("calm"), Duration::ZERO, "it may go on until its lease ends");
}

#[tokio::test(start_paused = true)]
async fn whoever_forces_a_holder_out_ends_it() {
    let server = server();
    let depot = depot(&server);
    assert!(force(&depot).await.expect("nothing there").is_none());
    let old = taken(&depot, "a").await;
    assert_eq!(force(&depot).await.expect("held").expect("by somebody").run, "a");
    assert!(force(&depot).await.expect("free").is_none());
    let error = old.beat_once().await.expect_err("forced out");
    assert!(error.to_string().contains("state unlock --force"), "{error}");
    // What it has written is not lost.
    let new = take(&depot, &Holder::of_run("b"), AT_ONCE, "now").await.expect("free");
    assert_eq!(new.head().await.epoch, 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_while_ends_a_run_only_when_its_lease_ends() {
    let server = server();
    let depot = depot(&server);
    let hold = Arc::new(taken(&depot, "a").await);
    let beating = tokio::spawn(Arc::clone(&hold).beat());
    let away = |away: bool| *server.away.lock().expect("free") = away;
    away(true);
    let comes_back = async {
        tokio::time::sleep(Duration::from_secs(15)).await;
        away(false);
    };
    let (appended, ()) = tokio::join!(hold.append(b"one\n"), comes_back);
    appended.expect("it came back in time");
    away(true);
    let start = tokio::time::Instant::now();
    let error = hold.append(b"two\n").await.expect_err("away for too long");
    assert!(matches!(error, StoreError::Expired(_)), "{error}");
    assert!(start.elapsed() < TTL + Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!hold.lease().is_fenced());
    away(false);
    // Nobody has taken it meanwhile, so it is as good as ever.
    hold.beat_once().await.expect("held");
    hold.save(save(1), Keep::Nothing, true).await.expect("held");
    beating.abort();
}

/// A segment of run `a` that the store took although nobody heard so.
async fn arrives(server: &Server, n: u64, lines: &[u8]) -> Put {
    let segment = segment::Segment { n, epoch: 1, run: "a".into(), nonce: "x".into(), cut: false };
    server.calm().put(&segment::key(n), segment.text(lines), When::Absent).await.expect("calm")
}

#[tokio::test(start_paused = true)]
async fn a_segment_of_which_nothing_was_heard_is_never_a_part_of_what_comes_next() {
    for (keep, journal) in [(Keep::Nothing, &b""[..]), (Keep::Lines(b"left\n".to_vec()), b"left\n")] {
        for arrives_before in [true, false] {
            let server = server();
            let depot = depot(&server);
            let hold = taken(&depot, "a").await;
            hold.append(b"one\n").await.expect("held");
            *server.away.lock().expect("free") = true;
            hold.append(b"two\n").await.expect_err("away for too long");
            if arrives_before {
                assert!(matches!(arrives(&server, 3, b"two\n").await, Put::Done(_)));
            }
            *server.away.lock().expect("free") = false;
            hold.beat_once().await.expect("nobody has taken it");
            hold.save(save(1), keep.clone(), true).await.expect("held");
            if !arrives_before {
                assert_eq!(arrives(&server, 3, b"two\n").await, Put::Refused);
            }
            assert_eq!(depot.look().await.expect("readable").expect("there").journal, journal);
            let next = take(&depot, &Holder::of_run("b"), AT_ONCE, "now").await.expect("free");
            assert_eq!(next.fence().await.expect("held").text, journal);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_at_the_head_leaves_the_journal_to_whoever_comes_next() {
    // Nothing was heard of the last segment, although it arrived; or all were heard of.
    for is_heard in [true, false] {
        for is_cut in [true, false] {
            let server = server();
            let depot = depot(&server);
            let hold = taken(&depot, "a").await;
            if is_heard {
                hold.append(b"one\n").await.expect("held");
            } else {
                *server.away.lock().expect("free") = true;
                hold.append(b"one\n").await.expect_err("away for too long");
                assert!(matches!(arrives(&server, 2, b"one\n").await, Put::Done(_)));
                *server.away.lock().expect("free") = false;
            }
            *server.barred.lock().expect("free") = Some("head.json");
            match is_cut {
                true => hold.cut(Keep::Nothing).await.expect_err("the head can't be written"),
                false => hold.save(save(1), Keep::Nothing, true).await.expect_err("the head can't be written"),
            };
            *server.barred.lock().expect("free") = None;
            hold.release().await.expect("nobody has taken it");
            let look = depot.look().await.expect("readable").expect("there");
            assert_eq!((look.state, look.journal), (None, b"one\n".to_vec()), "{is_heard} {is_cut}");
            let next = take(&depot, &Holder::of_run("b"), AT_ONCE, "now").await.expect("free");
            assert_eq!(next.fence().await.expect("held").text, b"one\n");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_lets_go_before_a_fence_hides_no_journal() {
    let server = server();
    let depot = depot(&server);
    taken(&depot, "a").await.append(b"one\n").await.expect("held");
    let next = take(&depot, &Holder::of_run("b"), Duration::from_secs(120), "now").await.expect("its holder is dead");
    next.release().await.expect("held");
    assert_eq!(depot.look().await.expect("readable").expect("there").journal, b"one\n");
}

#[tokio::test(start_paused = true)]
async fn runs_that_write_nothing_leave_nothing_to_read() {
    let server = server();
    let depot = depot(&server);
    for _ in 0..3 {
        taken(&depot, "a").await.release().await.expect("held");
        let head = depot.look().await.expect("readable").expect("there").head;
        assert_eq!(head.log.first, head.log.next);
    }
    let hold = taken(&depot, "a").await;
    hold.append(b"one\n").await.expect("held");
    hold.release().await.expect("held");
    assert_eq!(depot.look().await.expect("readable").expect("there").journal, b"one\n");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_costs_a_holder_nothing() {
    let server = server();
    let depot = depot(&server);
    let old = Arc::new(taken(&depot, "a").await);
    let beating = tokio::spawn(Arc::clone(&old).beat());
    tokio::time::sleep(Duration::from_secs(9)).await;
    *server.away.lock().expect("free") = true;
    tokio::time::sleep(Duration::from_secs(13)).await;
    *server.away.lock().expect("free") = false;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(old.lease().left(depot.clock.now()) > Duration::from_secs(15));
    beating.abort();
}

#[tokio::test(start_paused = true)]
async fn stores_that_forget_a_condition_are_found_out_before_anything_is_written() {
    let weather = Weather { forgets: true, ..Weather::FAIR };
    let server = Server::new(weather, &Arc::new(Chance::new(1)));
    let error = take(&depot(&server), &Holder::of_run("a"), AT_ONCE, "now").await.expect_err("it forgets");
    assert!(matches!(error, StoreError::NotConditional { .. }), "{error}");
    assert_eq!(objects(&server).await, Vec::<String>::new());
    assert!(server.calm().get("head.json").await.expect("calm").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_segments_are_read_in_their_order() {
    let server = server();
    let depot = depot(&server);
    let hold = taken(&depot, "a").await;
    let lines: Vec<String> = (0..300).map(|number| format!("{number}\n")).collect();
    for line in &lines {
        hold.append(line.as_bytes()).await.expect("held");
    }
    assert_eq!(depot.look().await.expect("readable").expect("there").journal, lines.concat().into_bytes());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_what_the_head_names_is_refused() {
    let server = server();
    let depot = depot(&server);
    let hold = taken(&depot, "a").await;
    hold.save(save(1), Keep::Nothing, true).await.expect("held");
    let key = hold.head().await.state.expect("saved").key;
    server.calm().put(&key, b"state 2".to_vec(), When::Always).await.expect("calm");
    let error = depot.look().await.expect_err("another one");
    assert!(error.to_string().contains("is not the state that head.json names"), "{error}");
    server.calm().delete(&key).await.expect("calm");
    let error = depot.look().await.expect_err("none");
    assert!(error.to_string().contains("which does not exist"), "{error}");
    server.calm().put("head.json", b"{\"format\":\"dixaform-head/7\"}".to_vec(), When::Always).await.expect("calm");
    assert!(matches!(depot.look().await.expect_err("newer"), StoreError::Newer(_)));
}

/// One answer that is lost is no reason to end a command.
#[tokio::test(start_paused = true)]
async fn word_that_was_left_late_is_found_and_removed_although_answers_are_lost() {
    let weather = Weather { lost: 5, unheard: 5, ..Weather::FAIR };
    let depot = depot(&Server::new(weather, &Arc::new(Chance::new(1))));
    let hold = taken(&depot, "a").await;
    for number in 0..20 {
        let word = Late::new("ann".to_owned(), String::new(), vec![format!("line {number}")]);
        hold.put_aside(late::FOLDER, number, &word.text()).await.expect("written");
    }
    let found = late::read(&depot).await.expect("read");
    assert_eq!(found.len(), 20);
    late::remove(&depot, &found).await.expect("removed");
    assert_eq!(late::read(&depot).await.expect("read"), []);
}
