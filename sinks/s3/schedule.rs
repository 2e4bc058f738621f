//! Times of the clock at which files close.

use chrono::{DateTime, Days, TimeZone};
use chrono_tz::Tz;

const DAY_MS: i64 = 86_400_000;

/// The next time after `now` that is a multiple of `every` after midnight in a
/// zone; all in ms.
pub(super) fn next(now: i64, every: i64, zone: Tz) -> Option<i64> {
    let local = zone.from_utc_datetime(&DateTime::from_timestamp_millis(now)?.naive_utc());
    let midnight = |days: u64| {
        let day = local.date_naive().checked_add_days(Days::new(days))?.and_hms_opt(0, 0, 0)?;
        zone.from_local_datetime(&day).earliest().map(|time| time.timestamp_millis())
    };
    let today = midnight(0).unwrap_or(now - now.rem_euclid(DAY_MS));
    let elapsed = now - today;
    let next = today.checked_add(elapsed.checked_sub(elapsed.rem_euclid(every))?)?;
    let next = next.checked_add(every)?;
    // Each day begins anew at midnight, if a period would reach past it.
    match midnight(1) {
        Some(tomorrow) if every < DAY_MS && next > tomorrow => Some(tomorrow),
        _ => Some(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_count_from_local_midnight() {
        let at = |text: &str| {
            DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_millis()).unwrap_or_default()
        };
        let hour = 3_600_000;
        let now = at("2024-03-10T10:59:59Z");
        assert_eq!(next(now, hour, Tz::UTC), Some(at("2024-03-10T11:00:00Z")));
        assert_eq!(
            next(at("2024-03-10T11:00:00Z"), hour, Tz::UTC),
            Some(at("2024-03-10T12:00:00Z"))
        );
        assert_eq!(next(now, 7 * hour, Tz::UTC), Some(at("2024-03-10T14:00:00Z")));
        assert_eq!(
            next(at("2024-03-10T22:00:00Z"), 7 * hour, Tz::UTC),
            Some(at("2024-03-11T00:00:00Z"))
        );
        let kolkata = next(now, hour, Tz::Asia__Kolkata);
        assert_eq!(kolkata, Some(at("2024-03-10T11:30:00Z")));
        assert_eq!(next(now, 2 * DAY_MS, Tz::UTC), Some(at("2024-03-12T00:00:00Z")));
    }
}
