//! The current time in the four formats that the server uses.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in UTC, as separate fields.
pub(crate) struct Moment {
    seconds: u64,
    micros: u32,
    year: u64,
    month: u64,
    day: u64,
}

impl Moment {
    pub(crate) fn now() -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment::at(since.as_secs(), since.subsec_micros())
    }

    fn at(seconds: u64, micros: u32) -> Moment {
        // Days since 0000-03-01, so that the leap day is the last of its year.
        let days = seconds / 86_400 + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Moment { seconds, micros, year, month, day }
    }

    pub(crate) fn unix(&self) -> u64 {
        self.seconds
    }

    /// `2026-11-22T14:56:02.368271Z`
    pub(crate) fn rfc3339(&self) -> String {
        format!("{}T{}.{:06}Z", self.date(), self.time(), self.micros)
    }

    /// `2026-11-22 14:55:42.367543+00:00`
    pub(crate) fn ping(&self) -> String {
        format!("{} {}.{:06}+00:00", self.date(), self.time(), self.micros)
    }

    /// `Sun, 22 Nov 2026 14:55:00 GMT`
    pub(crate) fn http(&self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let weekday = DAYS[(self.seconds / 86_400 % 7) as usize];
        let month = MONTHS[(self.month as usize).clamp(1, 12) - 1];
        format!("{weekday}, {:02} {month} {} {} GMT", self.day, self.year, self.time())
    }

    fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    fn time(&self) -> String {
        let of_day = self.seconds % 86_400;
        format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let moment = Moment::at(1_795_359_300, 42);
        assert_eq!(moment.http(), "Sun, 22 Nov 2026 14:55:00 GMT");
        assert_eq!(moment.rfc3339(), "2026-11-22T14:55:00.000042Z");
        assert_eq!(moment.ping(), "2026-11-22 14:55:00.000042+00:00");
        assert_eq!(Moment::at(951_782_400, 0).date(), "2000-02-29");
        assert_eq!(Moment::at(0, 0).http(), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
