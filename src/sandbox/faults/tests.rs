use super::*;

fn plan(text: &str) -> FaultPlan {
    text.parse().expect("a plan")
}

/// What befalls these requests, one after the other.
fn befallen(plan: &FaultPlan, requests: &[(&str, &str)]) -> Vec<Option<Fault>> {
    let mut tally = Tally::default();
    let decide = |(method, path): &(&str, &str)| {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        plan.decide(&tally.count(&method, path))
    };
    requests.iter().map(decide).collect()
}

const CREATE: (&str, &str) = ("POST", "/v1/conversations");
const IMPORT: (&str, &str) = ("POST", "/v1/conversations/import");
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
        ("GET", "/v1/endusers/x", "any GET"),
        ("GET", "/v1/organization", "any GET organization"),
        ("GET", "/v1/custom-attributes", "any GET definitions"),
        ("POST", "/v1/conversations", "any POST create"),
        ("POST", "/v1/conversations/import", "any POST import"),
        ("POST", "/v1/organization", "any POST"),
        ("PATCH", "/v1/conversations/1/custom-attributes", "any PATCH"),
        ("PUT", "/v1/conversations", "any"),
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
        assert_eq!(befallen(&plan(&format!("{fault}@create#1")), &[CREATE]), [Some(fault)]);
    }
    for call in Call::ALL {
        assert_eq!(plan(&format!("429@{call}")), plan(&format!("429@{call}#*")));
    }
}

#[test]
fn the_error_of_a_wrong_plan_says_what_is_wrong_and_what_is_allowed() {
    let faults = "429, 401, redirect, 500-before, 500-after, drop-before, drop-after, hang, hang-after, slow-body, \
                  rubbish, huge, partial";
    let calls =
        "any, GET, POST, PATCH, create, import, conversation, messages, conversations, organization, definitions";
    let time = "is not a time; write a number and ms, s or m, at most an hour";
    let empty = "an item is empty; write KIND@CALL#N, for example drop-after@create#2, or seed=42,rate=0.2";
    let cases = [
        ("", empty.to_owned()),
        ("429@any,", empty.to_owned()),
        ("503@create#1", format!("`503` is not a fault; the faults are {faults}")),
        ("drop", format!("`drop` is not a fault; the faults are {faults}")),
        ("429@post#1", format!("`post` is not a call; the calls are {calls}")),
        ("429", format!("`429` does not say of which call; write 429@CALL#N, where CALL is one of {calls}")),
        ("429@any#0", "`#0` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("429@any#3-2", "`#3-2` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("429@any#+1", "`#+1` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("429@any#", "`#` picks no call; write #N, #N-M or #*, counted from 1".to_owned()),
        ("partial@PATCH#1", "`partial` is a fault of POST, create and import, not of PATCH".to_owned()),
        (
            "sede=1",
            "`sede` is not a setting; the settings are seed, rate, kinds, latency, lag, retry-after, slow".to_owned(),
        ),
        ("seed=x,rate=0", "`seed=x` is not a whole number".to_owned()),
        ("seed=1,rate=1.5", "`rate=1.5` is not a number from 0 to 1".to_owned()),
        ("seed=1,rate=NaN", "`rate=NaN` is not a number from 0 to 1".to_owned()),
        ("seed=1", "`seed` is of no use without `rate`".to_owned()),
        ("rate=1", "`rate` is of no use without `seed`".to_owned()),
        ("kinds=429", "`kinds` is of no use without `seed`".to_owned()),
        ("seed=1,rate=1,kinds=429+x", format!("`x` is not a fault; the faults are {faults}")),
        ("lag=1s,lag=2s", "`lag` is given twice".to_owned()),
        ("lag=5", format!("`lag=5` {time}")),
        ("lag=é", format!("`lag=é` {time}")),
        ("slow=61m", format!("`slow=61m` {time}")),
        ("latency=2s..1s", "`latency=2s..1s` is not a time or MIN..MAX, for example 5ms..20ms".to_owned()),
        ("retry-after=1s", "`retry-after=1s` is not a whole number of seconds".to_owned()),
    ];
    for (text, expected) in cases {
        let error = text.parse::<FaultPlan>().expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let many = vec!["429@any"; 1001].join(",");
    assert_eq!(many.parse::<FaultPlan>(), Err(FaultPlanError::TooMany));
}
