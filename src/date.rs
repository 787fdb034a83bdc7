//! Dates of HTTP, as `Retry-After` and `Date` have them.

const DAY: u64 = 24 * 60 * 60;
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const WEEKDAYS: [&[u8]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];

/// The seconds from 1970 to a date in any of the three forms, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let parts = text.as_bytes().split(|byte| matches!(byte, b' ' | b',' | b'-' | b':')).filter(|part| !part.is_empty());
    let mut list: [&[u8]; 8] = [b""; 8];
    let mut count = 0;
    for part in parts {
        *list.get_mut(count)? = part;
        count += 1;
    }
    let (weekday, day, month, year, clock) = match (count, list) {
        (8, [weekday, day, month, year, hour, minute, second, b"GMT"]) => {
            (weekday, day, month, year, [hour, minute, second])
        }
        (7, [weekday, month, day, hour, minute, second, year, _]) => {
            (weekday, day, month, year, [hour, minute, second])
        }
        _ => return None,
    };
    let year = match (number(year)?, year.len()) {
        (year @ 0..70, 2) => 2000 + year,
        (year, 2) => 1900 + year,
        (year @ 1970..=9999, _) => year,
        _ => return None,
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)? as u64;
    let (first, next) = (days(year, month), days(year, month + 1));
    let date = first + number(day)?.checked_sub(1).filter(|day| first + day < next)?;
    // 1970 began with a Thursday.
    let is_weekday = weekday.starts_with(WEEKDAYS[((date + 4) % 7) as usize]);
    let [hour @ 0..24, minute @ 0..60, second @ 0..60] = clock.map(|part| number(part).unwrap_or(u64::MAX)) else {
        return None;
    };
    is_weekday.then_some(date * DAY + hour * 3600 + minute * 60 + second)
}

/// The days from 1970 to the first of a month; the thirteenth is the next January.
fn days(year: u64, month: u64) -> u64 {
    // Years that begin with March have their odd day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 - 719_468
}

/// Up to four digits.
fn number(digits: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'));
    digits.iter().try_fold(0, digit).filter(|_| (1..=4).contains(&digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        let no_dates = [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Thu, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:3x GMT",
            "Sun, 06 Non 1994 08:49:37 GMT",
            "Wed, 01 Jan 1969 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        ];
        for text in no_dates {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
