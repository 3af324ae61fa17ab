//! Numbers, counts and durations in words.

use crate::conversation::Kind;

/// A number with a comma between groups of three digits: `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 call`, `7 calls`, `12,345 calls`. The noun takes an `s` for every number but one.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count as u64))
}

/// How many of each there are: `3 conversations`, `1 end user`, or `3 conversations and 1 end user`.
pub fn counted_kinds(kinds: impl IntoIterator<Item = Kind>) -> String {
    let (mut conversations, mut end_users) = (0, 0);
    for kind in kinds {
        *if kind == Kind::EndUser { &mut end_users } else { &mut conversations } += 1;
    }
    match (conversations, end_users) {
        (_, 0) => counted(conversations, "conversation"),
        (0, _) => counted(end_users, "end user"),
        _ => format!("{} and {}", counted(conversations, "conversation"), counted(end_users, "end user")),
    }
}

/// A duration for people, rounded up: `1 s`, `2 min`, `3 h 5 min`. It is never less than a second; the short ones are
/// told by the second, up to a minute and a half.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil().max(1.0) as u64;
    if seconds <= 90 {
        return format!("{seconds} s");
    }
    let minutes = seconds.div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{} h", grouped(hours)),
        (hours, minutes) => format!("{} h {minutes} min", grouped(hours)),
    }
}

/// The first names, and how many more there are: `a, b and 3 more`.
pub fn named<T: std::fmt::Display>(names: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut names = names.into_iter();
    let mut out: Vec<String> = names.by_ref().take(most).map(|name| name.to_string()).collect();
    let rest = names.count();
    match (rest, out.len()) {
        (0, 0 | 1) => out.concat(),
        (0, _) => {
            let last = out.pop().unwrap_or_default();
            format!("{} and {last}", out.join(", "))
        }
        (rest, _) => format!("{} and {} more", out.join(", "), grouped(rest as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let numbers = [0, 999, 1000, 12_345, 1_234_567];
        assert_eq!(numbers.map(grouped), ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!([0, 1, 2].map(|count| counted(count, "call")), ["0 calls", "1 call", "2 calls"]);
        let (one, other) = (Kind::Import, Kind::EndUser);
        assert_eq!(counted_kinds([]), "0 conversations");
        assert_eq!(counted_kinds([other]), "1 end user");
        assert_eq!(counted_kinds([one, Kind::Conversation, other]), "2 conversations and 1 end user");
    }

    #[test]
    fn durations_are_rounded_up() {
        let seconds = [0.0, 0.3, 1.1, 60.0, 90.0, 90.1, 121.0, 3600.0, 11_100.0, f64::INFINITY];
        assert_eq!(
            seconds[..9].iter().map(|seconds| duration(*seconds)).collect::<Vec<_>>(),
            ["1 s", "1 s", "2 s", "60 s", "90 s", "2 min", "3 min", "1 h", "3 h 5 min"]
        );
        assert!(!duration(seconds[9]).is_empty());
    }

    #[test]
    fn long_lists_of_names_are_cut_and_counted() {
        assert_eq!(named(["a"], 3), "a");
        assert_eq!(named(["a", "b", "c"], 3), "a, b and c");
        assert_eq!(named(["a", "b", "c", "d"], 3), "a, b, c and 1 more");
        assert_eq!(named([""; 0], 3), "");
    }
}
