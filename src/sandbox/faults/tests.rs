use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn plan(text: &str) -> FaultPlan {
    text.parse().expect("a plan")
}

/// What befalls these requests, one after the other.
fn befallen(plan: &FaultPlan, requests: &[(&str, &str)]) -> Vec<Option<Fault>> {
    let mut tally = Tally::default();
    let decide = |(method, path): &(&str, &str)| {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        plan.decide(&tally.count(&method, path), Duration::ZERO)
    };
    requests.iter().map(decide).collect()
}

const CREATE: (&str, &str) = ("POST", "/v1/conversations");
const IMPORT: (&str, &str) = ("POST", "/v1/conversations/import");
const LIST: (&str, &str) = ("GET", "/v1/endusers/x/conversations");
const PATCH: (&str, &str) = ("PATCH", "/v1/conversations/1001/custom-attributes");
const ORGANIZATION: (&str, &str) = ("GET", "/v1/organization");

#[test]
fn each_call_is_counted_by_itself_and_only_the_picked_ones_are_hit() {
    let plan = plan("drop-after@create#2, 429@POST#1-1,500-before@import#2-3 ,hang@PATCH#*");
    let requests = [CREATE, IMPORT, CREATE, ORGANIZATION, PATCH, IMPORT, IMPORT, IMPORT, CREATE, PATCH];
    let before = Some(Fault::ServerErrorBefore);
    let hang = Some(Fault::Hang);
    let expected =
        [Some(Fault::TooManyRequests), None, Some(Fault::DropAfter), None, hang, before, before, None, None, hang];
    assert_eq!(befallen(&plan, &requests), expected);
}

#[test]
fn of_two_items_for_one_request_the_first_wins_and_both_count_it() {
    let plan = plan("401@create#1,hang@any#1-2");
    assert_eq!(befallen(&plan, &[CREATE, CREATE, CREATE]), [Some(Fault::Unauthorized), Some(Fault::Hang), None]);
}

#[test]
fn every_call_includes_its_own_requests_and_no_others() {
    let requests = [
        ("GET", "/v1/conversations/1001", "any GET conversation"),
        ("GET", "/v1/conversations/1001/", "any GET conversation"),
        ("GET", "/v1/conversations/1001/messages", "any GET messages"),
        ("GET", "/v1/endusers/x/conversations", "any GET conversations"),
        ("GET", "/v1/endusers/x", "any GET enduser"),
        ("GET", "/v1/endusers", "any GET endusers"),
        ("PUT", "/v1/endusers/x", "any write PUT change-enduser"),
        ("PUT", "/v1/conversations/1/transfer/queue", "any write PUT transfer"),
        ("DELETE", "/v1/conversations/1/tags/x", "any write DELETE take-tag"),
        ("POST", "/v1/conversations/1/tags/bulk", "any write POST bulk-tags"),
        ("GET", "/v1/organization", "any GET organization"),
        ("GET", "/v1/custom-attributes", "any GET definitions"),
        ("POST", "/v1/conversations", "any write POST create"),
        ("POST", "/v1/conversations/import", "any write POST import"),
        ("POST", "/v1/organization", "any write POST"),
        ("PATCH", "/v1/conversations/1/custom-attributes", "any write PATCH attributes"),
        ("PUT", "/v1/conversations", "any write PUT"),
        ("DELETE", "/v1/conversations/1", "any write DELETE"),
    ];
    for (method, path, expected) in requests {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let calls: Vec<&str> = Tally::default().count(&method, path).0.into_keys().map(Call::as_str).collect();
        assert_eq!(calls.join(" "), expected, "{method} {path}");
    }
}

#[test]
fn a_seed_decides_by_the_place_of_a_request_alone() {
    let creations = [CREATE; 400];
    let first = befallen(&plan("seed=42,rate=0.2"), &creations);
    assert_eq!(first, befallen(&plan("rate=0.2,seed=42"), &creations));
    assert_ne!(first, befallen(&plan("seed=43,rate=0.2"), &creations));
    // Other calls at other places do not move what happens at a place.
    let mixed: Vec<_> = (0..400).map(|place| if place % 3 == 0 { ORGANIZATION } else { CREATE }).collect();
    assert_eq!(first, befallen(&plan("seed=42,rate=0.2"), &mixed));
    let hit = first.iter().flatten().count();
    assert!((50..110).contains(&hit), "{hit} of 400");
    for fault in Fault::ALL {
        assert_eq!(first.contains(&Some(fault)), Fault::PASSING.contains(&fault), "{fault}");
    }
    // These are promised: a printed seed must mean the same tomorrow.
    let places: Vec<usize> = (0..30).filter(|place| first[*place].is_some()).collect();
    assert_eq!(places, [3, 5, 6, 8, 11, 19, 23]);
}

#[test]
fn a_rate_is_a_share_from_none_to_all_of_the_kinds_that_are_asked_for() {
    assert!(befallen(&plan("seed=1,rate=0"), &[CREATE; 100]).iter().all(Option::is_none));
    let all = befallen(&plan("seed=1,rate=1,kinds=401+hang"), &[CREATE; 100]);
    assert!(all.contains(&Some(Fault::Unauthorized)) && all.contains(&Some(Fault::Hang)));
    assert!(all.iter().all(|fault| matches!(fault, Some(Fault::Unauthorized | Fault::Hang))));
}

#[test]
fn by_seed_too_only_what_makes_something_is_answered_in_part() {
    let partial = plan("seed=1,rate=1,kinds=partial");
    assert_eq!(befallen(&partial, &[IMPORT, ORGANIZATION, PATCH]), [Some(Fault::Partial), None, None]);
}

#[test]
fn latency_lies_between_its_bounds_and_is_the_same_each_time() {
    let latencies = |plan: &FaultPlan| -> Vec<Duration> {
        let mut tally = Tally::default();
        (0..100).map(|_| plan.latency(&tally.count(&Method::GET, "/"))).collect()
    };
    let (least, most) = (Duration::from_millis(5), Duration::from_millis(20));
    let drawn = latencies(&plan("latency=5ms..20ms"));
    assert!(drawn.iter().all(|latency| (least..=most).contains(latency)), "{drawn:?}");
    assert!(drawn.iter().max() > drawn.iter().min());
    assert_eq!(drawn, latencies(&plan("latency=5ms..20ms")));
    assert_eq!(latencies(&plan("latency=1m"))[..2], [Duration::from_secs(60); 2]);
    assert_eq!(latencies(&plan("lag=3s"))[0], Duration::ZERO);
}

#[test]
fn every_kind_and_every_call_is_read_back_from_its_word() {
    for fault in Fault::ALL {
        let (call, request) =
            if fault.suits(Call::Create) { (Call::Create, CREATE) } else { (Call::Conversations, LIST) };
        assert_eq!(befallen(&plan(&format!("{fault}@{call}#1")), &[request]), [Some(fault)]);
    }
    for call in Call::ALL {
        assert_eq!(plan(&format!("429@{call}")), plan(&format!("429@{call}#*")));
    }
}

#[test]
fn the_error_of_a_wrong_plan_says_what_is_wrong_and_what_is_allowed() {
    let faults = Fault::ALL.map(Fault::as_str).join(", ");
    let calls = Call::ALL.map(Call::as_str).join(", ");
    let time = "is not a time; write a number and ms, s or m, at most an hour";
    let empty = "an item is empty; write KIND@CALL#N, for example drop-after@create#2, or seed=42,rate=0.2";
    let cases = [
        ("", empty.to_owned()),
        ("429@any,", empty.to_owned()),
        ("503@create#1", format!("`503` is not a fault; the faults are {faults}")),
        ("drop", format!("`drop` is not a fault; the faults are {faults}")),
        ("429@post#1", format!("`post` is not a call; the calls are {calls}")),
        ("429", format!("`429` names no call; write 429@CALL#N, where CALL is one of {calls}")),
        ("429@any#0", "`#0` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("429@any#3-2", "`#3-2` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("429@any#+1", "`#+1` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("429@any#", "`#` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("partial@PATCH#1", "`partial` is a fault of POST, create, import, not of PATCH".to_owned()),
        ("circle@create", "`circle` is a fault of GET, conversations, endusers, agents, not of create".to_owned()),
        (
            "sede=1",
            "`sede` is not a setting; the settings are seed, rate, kinds, latency, commit-delay, lag, list-lag, \
             read-lag, incident, incident-lag, duplicates, wording, retry-after, slow"
                .to_owned(),
        ),
        ("seed=x,rate=0", "`seed=x` is not a whole number".to_owned()),
        ("seed=1,rate=1.5", "`rate=1.5` is not a number from 0 to 1".to_owned()),
        ("seed=1,rate=NaN", "`rate=NaN` is not a number from 0 to 1".to_owned()),
        ("seed=1", "`seed` needs `rate`".to_owned()),
        ("rate=1", "`rate` needs `seed`".to_owned()),
        ("kinds=429", "`kinds` needs `seed`".to_owned()),
        ("seed=1,rate=1,kinds=429+x", format!("`x` is not a fault; the faults are {faults}")),
        ("lag=1s,lag=2s", "`lag` is given twice".to_owned()),
        ("lag=5", format!("`lag=5` {time}")),
        ("lag=é", format!("`lag=é` {time}")),
        ("slow=61m", format!("`slow=61m` {time}")),
        ("latency=2s..1s", "`latency=2s..1s` is not a time or MIN..MAX, for example 5ms..20ms".to_owned()),
        ("commit-delay=1", "`commit-delay=1` is not a time or MIN..MAX, for example 5ms..20ms".to_owned()),
        (
            "incident=2s",
            "`incident=2s` is not N-M, or FROM..TO in times since the start, for example 3-8 or 2s..40s".to_owned(),
        ),
        (
            "incident=0-2",
            "`incident=0-2` is not N-M, or FROM..TO in times since the start, for example 3-8 or 2s..40s".to_owned(),
        ),
        ("duplicates=maybe", "`duplicates=maybe` is not refuse or accept".to_owned()),
        ("wording=", "`wording=` is not a text of at most 200 bytes, or vary".to_owned()),
        ("retry-after=1s", "`retry-after=1s` is not a whole number of seconds".to_owned()),
    ];
    for (text, expected) in cases {
        let error = text.parse::<FaultPlan>().expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let many = vec!["429@any"; 1001].join(",");
    assert_eq!(many.parse::<FaultPlan>(), Err(FaultPlanError::TooMany));
}

#[test]
fn an_incident_befalls_the_posts_of_its_numbers_or_of_its_time() {
    let posts = plan("incident=2-3");
    let after = Some(Fault::ServerErrorAfter);
    assert_eq!(
        befallen(&posts, &[CREATE, LIST, IMPORT, PATCH, CREATE, CREATE]),
        [None, None, after, None, after, None]
    );
    let asked_for = plan("incident=1-2,hang@create#1");
    assert_eq!(befallen(&asked_for, &[CREATE, CREATE]), [Some(Fault::Hang), after]);
    let times = plan("incident=2s..40s");
    let arrival = Tally::default().count(&Method::POST, CREATE.1);
    let decided = [1, 2, 40, 41].map(|seconds| times.decide(&arrival, Duration::from_secs(seconds)));
    assert_eq!(decided, [None, after, after, None]);
}

#[test]
fn only_writes_wait_for_being_carried_out() {
    let plan = plan("commit-delay=2s..40s");
    let mut tally = Tally::default();
    let delays: Vec<Duration> =
        (0..50).map(|_| plan.commit_delay(&tally.count(&Method::POST, "/v1/conversations"))).collect();
    assert!(delays.iter().all(|delay| (2..=40).contains(&delay.as_secs())), "{delays:?}");
    assert!(delays.iter().max() > delays.iter().min());
    assert_eq!(plan.commit_delay(&tally.count(&Method::GET, "/v1/organization")), Duration::ZERO);
}

#[test]
fn a_wording_is_the_text_that_was_given_or_one_of_many() {
    let worded = |text: &str| -> BTreeSet<String> {
        let (plan, mut tally) = (plan(text), Tally::default());
        (0..60).map(|_| plan.wording(&tally.count(&Method::POST, "/")).to_owned()).collect()
    };
    assert_eq!(worded("wording=external_id = taken"), BTreeSet::from(["external_id = taken".to_owned()]));
    assert_eq!(worded("wording=vary"), WORDINGS.map(str::to_owned).into());
    assert_ne!(worded("seed=1,rate=0,wording=vary"), BTreeSet::from([WORDINGS[0].to_owned()]));
}

/// A plan that is right, as text, made of items in any order.
fn written() -> impl Strategy<Value = String> {
    let which = prop_oneof![
        Just(String::new()),
        Just("#*".to_owned()),
        (1..9_u64).prop_map(|n| format!("#{n}")),
        (1..9_u64, 0..9_u64).prop_map(|(n, more)| format!("#{n}-{}", n + more))
    ];
    let faults = prop::sample::select(Fault::ALL.to_vec());
    let rules = (faults, prop::sample::select(Call::ALL.to_vec()), which)
        .prop_filter("it suits", |(fault, call, _)| fault.suits(*call))
        .prop_map(|(fault, call, which)| format!("{fault}@{call}{which}"));
    let time = (0..60_u64, prop::sample::select(vec!["ms", "s", "m"])).prop_map(|(n, unit)| format!("{n}{unit}"));
    let lags =
        prop::sample::select(vec!["lag", "list-lag", "read-lag", "incident-lag", "slow", "latency", "commit-delay"]);
    let setting = (lags, time).prop_map(|(name, time)| format!("{name}={time}"));
    let words = prop::sample::select(vec!["duplicates=refuse", "duplicates=accept", "wording=vary", "incident=2-4"]);
    (prop::collection::vec(rules, 0..6), setting, words.prop_map(str::to_owned)).prop_map(
        |(mut items, setting, word)| {
            items.extend([setting, word]);
            items.join(" , ")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_is_written_by_the_grammar_is_read_and_blanks_mean_nothing(text in written()) {
        let read: FaultPlan = text.parse().expect("a plan");
        prop_assert_eq!(read, text.replace(' ', "").parse().expect("a plan"));
    }

    #[test]
    fn no_text_makes_the_parser_fail_and_what_it_says_names_the_text(text in "[a-z0-9@#=.,*+é -]{0,40}") {
        if let Err(error) = text.parse::<FaultPlan>() {
            let said = error.to_string();
            prop_assert!(!said.is_empty() && said.len() < 1000, "{}", said);
        }
    }

    #[test]
    fn a_plan_with_one_letter_changed_is_another_plan_or_none(text in written(), at in 0_usize..200) {
        let at = at % text.len();
        prop_assume!(!text[at..].starts_with(' '));
        let changed = format!("{}?{}", &text[..at], &text[at + 1..]);
        if let Ok(after) = changed.parse::<FaultPlan>() {
            prop_assert_ne!(after, text.parse::<FaultPlan>().expect("a plan"), "{}", changed);
        }
    }
}
