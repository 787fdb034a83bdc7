//! When a server allows a retry, by its response headers.

use std::time::Duration;

use http::{HeaderMap, HeaderName, header};

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// Returns the wait that the server requests by `retry-after-ms` (milliseconds) or `Retry-After` (seconds, or a date). Numbers
/// can have a fraction. A date is relative to the `Date` of the same response.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    // Takes constant names, because parsing a name from text needs a table of all standard names, a twentieth of the code on
    // wasm32.
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim_ascii());
    if let Some(wait) = text(RETRY_AFTER_MS).and_then(|value| span(value, 1000)) {
        return Some(wait);
    }
    let value = text(header::RETRY_AFTER)?;
    if let Some(wait) = span(value, 1) {
        return Some(wait);
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(text(header::DATE)?).ok()?;
    // A date in the past means no wait.
    Some(at.duration_since(now).unwrap_or_default())
}

/// Parses a decimal number in units of `1/per_second` seconds, to the nanosecond. Does not use the parser of `f64`, which has
/// tables of 10 KB.
fn span(text: &str, per_second: u32) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let digit = |byte: u8| u64::from(byte - b'0');
    let seconds = whole.bytes().try_fold(0_u64, |sum, byte| sum.checked_mul(10)?.checked_add(digit(byte)));
    // Missing digits are zeros, further ones are ignored.
    let nanos = fraction.bytes().chain([b'0'; 9]).take(9).fold(0, |sum, byte| sum * 10 + digit(byte));
    Some(seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, nanos as u32) / per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let headers: HeaderMap =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        retry_after(&headers)
    }

    #[test]
    fn numbers() {
        for (value, millis) in
            [("7", 7000), (" 7 ", 7000), ("1.5", 1500), ("0.2", 200), ("0", 0), (".5", 500), ("2.", 2000)]
        {
            assert_eq!(wait(&[("retry-after", value)]), Some(Duration::from_millis(millis)), "{value}");
        }
        assert_eq!(wait(&[("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
        assert_eq!(wait(&[("retry-after-ms", "0.5"), ("retry-after", "9")]), Some(Duration::from_micros(500)));
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "9")]), Some(Duration::from_secs(9)));
        for endless in ["99999999999999999999", &"9".repeat(400)] {
            assert_eq!(wait(&[("retry-after", endless)]), Some(Duration::MAX));
        }
        for none in ["", "soon", "-1", "+1", "1e3", "inf", "NaN", "1,5", ".", "1.2.3", "0x10"] {
            assert_eq!(wait(&[("retry-after", none)]), None, "{none}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn dates_count_from_the_answers_own() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:07 GMT");
        for value in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(wait(&[date, ("retry-after", value)]), Some(Duration::from_secs(30)), "{value}");
            assert_eq!(wait(&[("retry-after", value)]), None, "a date needs the server's own clock");
        }
        let past = ("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(wait(&[date, past]), Some(Duration::ZERO));
        let far = ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(wait(&[("date", past.1), far]), Some(Duration::from_secs(253_402_300_799)));
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:07 GMT");
        for none in [
            "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sun, 06 Nov 1994 99999999999999999999:49:37 GMT",
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
        ] {
            assert_eq!(wait(&[date, ("retry-after", none)]), None, "{none}");
        }
    }

    #[test]
    fn no_text_panics() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        let replacements = ["", "9", "99999999999999999999", "-", " ", "\u{7f}", "é"];
        for at in 0..=text.len() {
            for by in replacements {
                for length in [0, 1, 2, 4] {
                    let end = (at + length).min(text.len());
                    let value = [&text[..at], by, &text[end..]].concat();
                    let mut headers = HeaderMap::new();
                    for name in [header::RETRY_AFTER, header::DATE] {
                        if let Ok(value) = http::HeaderValue::from_bytes(value.as_bytes()) {
                            headers.insert(name, value);
                        }
                    }
                    let _ = retry_after(&headers);
                }
            }
        }
    }
}
