//! Points in time as they are written: RFC 3339 with a zone. <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>
//!
//! All that the RFC allows is understood, and nothing else: an hour ends at 23, also that of a zone; second 60 is one
//! minute before midnight UTC only; `t` and `z` are as good as `T` and `Z`.

use std::fmt;

/// A point in time. Later ones are greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Since 1970, of a leap second those of the second before it.
    seconds: i64,
    is_leap: bool,
    /// The digits behind the point, without zeros at the end.
    fraction: String,
}

const DAY: i64 = 86_400;

impl Instant {
    /// None for what is no timestamp with a zone.
    pub fn parse(text: &str) -> Option<Self> {
        let (date_time, rest) = text.split_at_checked("2021-12-01T13:00:00".len())?;
        let bytes = date_time.as_bytes();
        if [bytes[4], bytes[7], bytes[13], bytes[16]] != *b"--::" || !bytes[10].eq_ignore_ascii_case(&b'T') {
            return None;
        }
        let part = |from: usize, to: usize| number(&bytes[from..to]);
        let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
        let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
        let fits = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        if !fits || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("0", rest),
        };
        if fraction.is_empty() {
            return None;
        }
        let time = (hour * 60 + minute) * 60 + second.min(59);
        let seconds = days_before(year, month, day) * DAY + time - offset(zone)?;
        let is_leap = second == 60;
        if is_leap && seconds.rem_euclid(DAY) != DAY - 1 {
            return None;
        }
        Some(Instant { seconds, is_leap, fraction: fraction.trim_end_matches('0').to_owned() })
    }

    /// The instant of a count since 1970: of seconds, or where there are more digits of thousandths, millionths or
    /// billionths of one, as programs count them. None for a text that is no such count.
    pub fn of_count(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = match whole.len() {
            9..=11 => 0,
            12..=14 => 3,
            15..=17 => 6,
            18..=19 => 9,
            _ => return None,
        };
        let (seconds, rest) = whole.split_at_checked(whole.len() - digits)?;
        let fraction = format!("{rest}{fraction}");
        let all_digits = fraction.bytes().all(|digit| digit.is_ascii_digit());
        let seconds = number(seconds.as_bytes()).filter(|_| all_digits)?;
        Some(Instant { seconds, is_leap: false, fraction: fraction.trim_end_matches('0').to_owned() })
    }

    /// The same without what is finer than a millisecond.
    #[must_use]
    pub fn to_milliseconds(mut self) -> Self {
        self.fraction.truncate(3);
        self.fraction.truncate(self.fraction.trim_end_matches('0').len());
        self
    }
}

impl fmt::Display for Instant {
    /// In UTC, with as many digits as it needs, but three or none where that is enough.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.seconds.div_euclid(DAY));
        let time = self.seconds.rem_euclid(DAY);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60 + i64::from(self.is_leap));
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match &*self.fraction {
            "" => out.write_str("Z"),
            fraction => write!(out, ".{fraction:0<3}Z"),
        }
    }
}

/// Whether a timestamp is written as Dixa's documentation writes all: in UTC with `Z`, and no finer than a millisecond.
pub fn is_as_documented(text: &str) -> bool {
    matches!((text.len(), text.as_bytes()), (20, [.., b'Z']) | (22..=24, [.., b'Z'])) && text.as_bytes()[10] == b'T'
}

/// Whether a timestamp is written as [`Instant`] prints it, in one of the two forms that nearly all have. Of a text
/// that is no timestamp it says nothing.
pub fn is_usual(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.len() {
        20 => bytes[10] == b'T' && bytes[19] == b'Z',
        24 => bytes[10] == b'T' && bytes[23] == b'Z' && bytes[20..23] != *b"000",
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let add = |sum: i64, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'));
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// Seconds that a zone is before UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let (sign, time) =
        (zone.strip_prefix('+').map(|time| (1, time))).or(zone.strip_prefix('-').map(|time| (-1, time)))?;
    let (hour, minute) = time.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let (hour, minute) = (number(hour.as_bytes())?, number(minute.as_bytes())?);
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 60 + minute) * 60)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years are taken to begin in March, so that the day that is
/// not always there is the last one.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The day that many days after 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let (cycle, day) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Instant {
        Instant::parse(text).expect(text)
    }

    #[test]
    fn what_rfc_3339_allows_is_understood_and_nothing_else() {
        for (text, utc) in [
            ("2021-12-01T13:00:00Z", "2021-12-01T13:00:00Z"),
            ("2021-12-01t13:00:00z", "2021-12-01T13:00:00Z"),
            ("2021-12-01T13:00:00.000+00:00", "2021-12-01T13:00:00Z"),
            ("2021-12-01T13:00:00.5-00:00", "2021-12-01T13:00:00.500Z"),
            ("2021-12-01T13:00:00.0030Z", "2021-12-01T13:00:00.003Z"),
            ("2021-12-01T13:00:00.123456789012Z", "2021-12-01T13:00:00.123456789012Z"),
            ("2021-12-31T23:30:00-01:00", "2022-01-01T00:30:00Z"),
            ("2000-02-29T00:00:00+23:59", "2000-02-28T00:01:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.900Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
            ("2016-12-31T15:59:60.5-08:00", "2016-12-31T23:59:60.500Z"),
        ] {
            assert_eq!(instant(text).to_string(), utc, "{text}");
        }
        for text in [
            "",
            "2021-12-01",
            "2021-12-01T13:00:00",
            "2021-12-01 13:00:00Z",
            "2021-12-01T13:00Z",
            "2021-12-01T24:00:00Z",
            "2021-12-01T13:60:00Z",
            "2021-12-01T13:00:60Z",
            "2021-12-01T23:59:61Z",
            "2016-12-31T23:59:60+01:00",
            "2021-12-01T13:00:00+24:00",
            "2021-12-01T13:00:00+25:00",
            "2021-12-01T13:00:00+01:60",
            "2021-12-01T13:00:00+0100",
            "2021-12-01T13:00:00+1:00",
            "2021-12-01T13:00:00+01",
            "2021-12-01T13:00:00.Z",
            "2021-12-01T13:00:00,5Z",
            "2021-12-01T13:00:00Z[GMT]",
            "2021-13-01T13:00:00Z",
            "2021-00-01T13:00:00Z",
            "2021-02-29T13:00:00Z",
            "1900-02-29T13:00:00Z",
            "2021-04-31T13:00:00Z",
            "2021-12-00T13:00:00Z",
            "12021-12-01T13:00:00Z",
            "+021-12-01T13:00:00Z",
            "2021-12-01T13:00:00Zz",
            "2021-12-01T13:00:0éZ",
            "２０21-12-01T13:00:00Z",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_usual_forms_are_printed_as_they_are_written() {
        for text in
            ["2021-12-01T13:00:00Z", "2021-12-01T13:00:00.003Z", "2021-12-01T13:00:00.500Z", "2016-12-31T23:59:60Z"]
        {
            assert!(is_usual(text) && instant(text).to_string() == text, "{text}");
        }
        for text in
            ["2021-12-01T13:00:00.000Z", "2021-12-01t13:00:00Z", "2021-12-01T13:00:00.5Z", "2021-12-01T13:00:00z"]
        {
            assert!(!is_usual(text) && instant(text).to_string() != text, "{text}");
        }
    }

    #[test]
    fn days_are_those_of_another_calendar() {
        for days in (-719_528..2_932_896).step_by(97).chain([-719_528, 0, 59, 11_016, 2_932_896]) {
            let (year, month, day) = date_of(days);
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days));
            let date = date.expect("a day of four digits");
            let theirs = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!((year, month, day), theirs, "{days}");
            assert_eq!(days_before(year, month, day), days, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn instants_are_in_the_order_of_time() {
        let times = [
            "2016-12-31T23:59:59Z",
            "2016-12-31T23:59:59.25Z",
            "2016-12-31T23:59:59.3Z",
            "2016-12-31T23:59:60Z",
            "2017-01-01T01:00:00+01:00",
            "2017-01-01T00:00:00.001Z",
        ];
        assert!(times.map(instant).is_sorted_by(|one, next| one < next));
        assert_eq!(instant("2021-12-01T13:00:00Z"), instant("2021-12-01T14:00:00.000+01:00"));
    }

    #[test]
    fn a_count_of_seconds_or_of_parts_of_one_is_an_instant() {
        for count in ["1577836800", "1577836800000", "1577836800000000", "1577836800000000000", "1577836800.0"] {
            assert_eq!(Instant::of_count(count).expect(count).to_string(), "2020-01-01T00:00:00Z");
        }
        assert_eq!(Instant::of_count("1577836800500").expect("ms").to_string(), "2020-01-01T00:00:00.500Z");
        for text in ["", "42", "2021", "20211201", "-1577836800", "15778368oo", "99999999999999999999"] {
            assert_eq!(Instant::of_count(text), None, "{text}");
        }
    }

    #[test]
    fn the_documented_form_is_utc_to_the_millisecond() {
        for text in ["2021-12-01T13:00:00Z", "2021-12-01T13:00:00.003Z", "2021-12-01T13:00:00.3Z"] {
            assert!(is_as_documented(text), "{text}");
        }
        for text in ["2021-12-01T13:00:00z", "2021-12-01t13:00:00Z", "2021-12-01T13:00:00.0031Z"] {
            assert!(!is_as_documented(text), "{text}");
        }
        assert!(!is_as_documented("2021-12-01T13:00:00+00:00"));
        assert_eq!(instant("2021-12-01T14:00:00.1209+01:00").to_milliseconds().to_string(), "2021-12-01T13:00:00.120Z");
        assert_eq!(instant("2021-12-01T13:00:00.0009Z").to_milliseconds().to_string(), "2021-12-01T13:00:00Z");
    }
}
