use super::*;

use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use crate::api::Throttle;
use crate::api::exact_limit::ExactLimit;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A wall clock that stands still with tokio's, for tests in which nobody really waits.
fn paused_clock() -> Duration {
    // One test's time may have been paused before another asked first.
    (tokio::time::Instant::now().into_std() + HOUR).duration_since(*ORIGIN)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dixaform");
    (folder, path)
}

fn open(folder: &Path, limit: RateLimit) -> PaceFile {
    PaceFile::open_by(folder, KEY, limit, paused_clock).expect("a private folder")
}

/// As in a process of its own.
fn throttle(folder: &Path, limit: RateLimit) -> Arc<Throttle> {
    Arc::new(Throttle::with_shared(limit, Some(open(folder, limit).into_shared())))
}

/// Sends until `until`; when it sent.
async fn send(throttle: Arc<Throttle>, until: Duration) -> Vec<Duration> {
    let mut sent = Vec::new();
    loop {
        throttle.wait().await;
        let now = paused_clock();
        if now > until {
            return sent;
        }
        sent.push(now);
    }
}

#[tokio::test(start_paused = true)]
async fn processes_together_use_the_rate_and_never_trip_it_and_none_starves() {
    for (rate, burst, processes) in [(10.0, 4, 2), (10.0, 2, 2), (50.0, 8, 3), (10.0, 4, 5), (3.0, 2, 2)] {
        let limit = RateLimit { requests_per_second: rate, burst };
        let (_folder, folder) = folder();
        let start = paused_clock();
        let seconds = 60;
        let until = start + Duration::from_secs(seconds);
        let senders: Vec<_> = (0..processes).map(|_| tokio::spawn(send(throttle(&folder, limit), until))).collect();
        let mut sent = Vec::new();
        let mut shares = Vec::new();
        for sender in senders {
            let its = sender.await.expect("no panic");
            shares.push(its.len());
            sent.extend(its);
        }
        assert_eq!(ExactLimit::refusals_with_jitter(limit, &sent), 0, "{limit:?}");
        let ideal = rate * seconds as f64;
        assert!(sent.len() as f64 >= ideal * 0.97, "{limit:?}: {} of {ideal}", sent.len());
        let (least, most) = (shares.iter().min().expect("some"), shares.iter().max().expect("some"));
        // The first one found a full bucket.
        assert!(most - least <= burst as usize, "{limit:?}: {shares:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_burst_the_sum_still_keeps_to_the_rate() {
    let limit = RateLimit { requests_per_second: 10.0, burst: 1 };
    let (_folder, folder) = folder();
    let until = paused_clock() + Duration::from_secs(60);
    let (first, second) = (throttle(&folder, limit), throttle(&folder, limit));
    let (first, second) = tokio::join!(send(first, until), send(second, until));
    assert!(first.len().abs_diff(second.len()) <= 1, "{} {}", first.len(), second.len());
    let sent = [first, second].concat();
    assert!(sent.len() >= 582, "{}", sent.len());
    assert_eq!(ExactLimit::refusals(limit, sent), 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_alone_is_as_fast_as_without_a_file_and_a_second_one_gets_half_at_once() {
    let (_folder, folder) = folder();
    let start = paused_clock();
    let until = start + Duration::from_secs(40);
    let early = tokio::spawn(send(throttle(&folder, RateLimit::DIXA), until));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let late = send(throttle(&folder, RateLimit::DIXA), until).await;
    let early = early.await.expect("no panic");
    let alone = early.iter().filter(|at| **at < start + Duration::from_secs(20)).count();
    assert!(alone >= 200, "{alone}");
    assert!((98..=102).contains(&late.len()), "{}", late.len());
    assert_eq!(ExactLimit::refusals_with_jitter(RateLimit::DIXA, &[early, late].concat()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stricter_process_keeps_to_its_own_limit_and_neither_starves() {
    let (_folder, folder) = folder();
    let strict = RateLimit { requests_per_second: 3.0, burst: 2 };
    let until = paused_clock() + Duration::from_secs(30);
    let (slow, fast) = (throttle(&folder, strict), throttle(&folder, RateLimit::DIXA));
    let (slow, fast) = tokio::join!(send(slow, until), send(fast, until));
    assert!(slow.len() >= 30 && fast.len() >= 150, "{} {}", slow.len(), fast.len());
    assert_eq!(ExactLimit::refusals_with_jitter(strict, &slow), 0);
    assert_eq!(ExactLimit::refusals_with_jitter(RateLimit::DIXA, &[slow, fast].concat()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_successor_does_not_burst_after_its_predecessor() {
    let (_folder, folder) = folder();
    let mut sent = Vec::new();
    for _ in 0..20 {
        let throttle = throttle(&folder, RateLimit::DIXA);
        for _ in 0..3 {
            throttle.wait().await;
            sent.push(paused_clock());
        }
    }
    assert_eq!(ExactLimit::refusals_with_jitter(RateLimit::DIXA, &sent), 0);
    let took = *sent.last().expect("sent") - sent[0];
    assert!(took <= Duration::from_millis(5900), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_429_told_to_one_pauses_the_other_even_while_it_waits() {
    let (_folder, folder) = folder();
    let (first, second) = (throttle(&folder, RateLimit::DIXA), throttle(&folder, RateLimit::DIXA));
    for _ in 0..3 {
        second.wait().await;
    }
    let start = paused_clock();
    let waiting = tokio::spawn(send(second, start + Duration::from_secs(7)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.slow_down(Some(Duration::from_secs(5)));
    let sent = waiting.await.expect("no panic");
    assert!(sent[0] >= start + Duration::from_millis(5050), "{:?}", sent[0] - start);
    // Half the rate, growing.
    assert!((9..=12).contains(&sent.len()), "{}", sent.len());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_dropped_costs_the_other_process_no_more_than_the_grace() {
    let (_folder, folder) = folder();
    let (first, second) = (throttle(&folder, RateLimit::DIXA), throttle(&folder, RateLimit::DIXA));
    for _ in 0..3 {
        first.wait().await;
    }
    let start = paused_clock();
    let dropped = Arc::clone(&second);
    let dropped = tokio::spawn(async move { dropped.wait().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    dropped.abort();
    let sent = send(first, start + Duration::from_secs(10)).await;
    assert!(sent[0] - start <= Duration::from_millis(205), "{:?}", sent[0] - start);
    assert!(sent.len() >= 99, "{}", sent.len());
}

#[tokio::test(start_paused = true)]
async fn garbage_in_the_file_neither_stops_anybody_nor_gives_a_burst_away() {
    for garbage in [&b"x"[..], &[0xff; RECORD_BYTES], &[0; RECORD_BYTES + 10], &[b'7'; 100_000]] {
        let (_folder, folder) = folder();
        let pace = open(&folder, RateLimit::DIXA);
        fs::write(&pace.path, garbage).expect("written");
        let wait = pace.take().expect_err("nobody knows what was used");
        assert!(wait <= Duration::from_millis(101), "{wait:?}");
        tokio::time::sleep(wait).await;
        pace.take().expect("by now");
        assert_eq!(fs::read(&pace.path).expect("there").len(), RECORD_BYTES);
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_file_that_is_deleted_is_made_again_with_what_was_known() {
    let (_folder, folder) = folder();
    let (first, second) = (open(&folder, RateLimit::DIXA), open(&folder, RateLimit::DIXA));
    for _ in 0..3 {
        first.take().expect("a full bucket");
    }
    fs::remove_dir_all(&folder).expect("deleted");
    first.take().expect_err("still used up");
    second.take().expect_err("and known to the other one");
    tokio::time::sleep(Duration::from_millis(101)).await;
    first.take().expect("first in the queue");
    second.take().expect_err("the same bucket");
}

#[cfg(unix)]
#[test]
fn the_file_and_its_folder_are_for_this_user_only_and_its_name_is_the_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, folder) = folder();
    let pace = PaceFile::open(&folder, KEY, RateLimit::DIXA).expect("opened");
    pace.take().expect("a full bucket");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join(format!("{KEY}.pace"))), 0o600);
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_may_use_or_a_link_or_none_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, folder) = folder();
    PaceFile::open(&folder.join("missing/parent"), KEY, RateLimit::DIXA).expect_err("no parent");
    make_private(&folder).expect("made");
    std::os::unix::fs::symlink(&folder, folder.join("link")).expect("linked");
    PaceFile::open(&folder.join("link"), KEY, RateLimit::DIXA).expect_err("a link");
    fs::write(folder.join("file"), "").expect("written");
    PaceFile::open(&folder.join("file"), KEY, RateLimit::DIXA).expect_err("a file");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("set");
    PaceFile::open(&folder, KEY, RateLimit::DIXA).expect_err("open to others");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_folder_that_is_lost_for_good_leaves_each_process_its_own_bucket() {
    let (_folder, folder) = folder();
    let throttle = throttle(&folder, RateLimit::DIXA);
    throttle.wait().await;
    fs::remove_dir_all(&folder).expect("deleted");
    fs::write(&folder, "in the way").expect("written");
    let start = paused_clock();
    let sent = send(Arc::clone(&throttle), start + Duration::from_secs(10)).await;
    assert_eq!(ExactLimit::refusals_with_jitter(RateLimit::DIXA, &sent), 0);
    assert!(sent.len() >= 99, "{}", sent.len());
    throttle.slow_down(None);
}

#[test]
fn a_lock_that_is_never_let_go_is_waited_for_a_while_and_then_not_any_more() {
    let (_folder, folder) = folder();
    let pace = PaceFile::open(&folder, KEY, RateLimit::DIXA).expect("opened");
    let hung = atomic_file::open_or_create(&pace.path).expect("opened");
    hung.lock().expect("locked");
    assert_eq!(pace.take(), Err(BUSY));
    hung.unlock().expect("unlocked");
    pace.take().expect("a full bucket");
    hung.lock().expect("locked");
    let refused = (0..10_000).take_while(|_| pace.take() == Err(BUSY)).count();
    assert_eq!(refused, BUSY_MAX as usize);
    pace.take().expect("not shared any more");
    pace.slow_down(None);
}

#[test]
fn no_token_is_taken_twice_however_many_ask_at_once() {
    let (_folder, folder) = folder();
    let limit = RateLimit { requests_per_second: 1e-6, burst: 400 };
    let start = Instant::now();
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let pace = PaceFile::open(&folder, KEY, limit).expect("opened");
            thread::spawn(move || {
                let mut taken = 0;
                loop {
                    match pace.take() {
                        Ok(()) => taken += 1,
                        Err(BUSY) => thread::yield_now(),
                        Err(_) => return taken,
                    }
                }
            })
        })
        .collect();
    let taken: u32 = takers.into_iter().map(|taker| taker.join().expect("no panic")).sum();
    assert_eq!(taken, 399);
    println!("4 threads: {:?} per take", start.elapsed() / taken);
}

#[test]
fn what_nobody_has_used_for_a_day_is_deleted_and_nothing_else() {
    let (_folder, folder) = folder();
    make_private(&folder).expect("made");
    let old = SystemTime::now() - STALE - Duration::from_secs(60);
    for (name, modified) in [("a.pace", old), ("b.pace", SystemTime::now()), ("c.txt", old)] {
        let file = atomic_file::open_or_create(&folder.join(name)).expect("made");
        file.set_modified(modified).expect("set");
    }
    PaceFile::open(&folder, KEY, RateLimit::DIXA).expect("opened");
    let there = |name: &str| folder.join(name).exists();
    assert!(!there("a.pace") && there("b.pace") && there("c.txt"));
}

/// How many requests each process of the test below sends.
const EACH: usize = 12;

/// Not a test of its own: one of the processes of the test below.
#[tokio::test]
async fn sender_for_the_test_of_several_processes() {
    let Some(folder) = std::env::var_os("DIXAFORM_TEST_PACE") else { return };
    let pace = PaceFile::open(Path::new(&folder), KEY, RateLimit::DIXA).expect("opened");
    let throttle = Throttle::with_shared(RateLimit::DIXA, Some(pace.into_shared()));
    let mut sent = String::new();
    for _ in 0..EACH {
        throttle.wait().await;
        sent.push_str(&format!("{}\n", unix_time().as_nanos()));
    }
    fs::write(Path::new(&folder).join(format!("{}.sent", std::process::id())), sent).expect("written");
}

fn start_sender(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "workspace::pace_file::tests::sender_for_the_test_of_several_processes"])
        .env("DIXAFORM_TEST_PACE", folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

#[test]
fn real_processes_at_once_and_one_right_after_them_keep_to_the_limit_together() {
    let (_folder, folder) = folder();
    make_private(&folder).expect("made");
    let end = |mut child: Child| assert!(child.wait().expect("ended").success());
    let at_once: Vec<Child> = (0..3).map(|_| start_sender(&folder)).collect();
    at_once.into_iter().for_each(end);
    end(start_sender(&folder));
    let mut sent = Vec::new();
    for entry in fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "sent") {
            let text = fs::read_to_string(path).expect("text");
            sent.extend(text.lines().map(|line| Duration::from_nanos(line.parse().expect("a number"))));
        }
    }
    sent.sort();
    assert_eq!(sent.len(), 4 * EACH);
    assert_eq!(ExactLimit::refusals_with_jitter(RateLimit::DIXA, &sent), 0, "{sent:?}");
    // What processes take to start is added; this is no measurement of the rate.
    let took = sent[sent.len() - 1] - sent[0];
    assert!(took <= Duration::from_secs(9), "{took:?}");
}
