//! Where reading starts.

use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use thalweg_broker::client::{Client, OffsetOf, Topic};

use crate::cli::finish::Stop;
use crate::cli::server::failed;

/// Numbers from this on are times in ms, the first of them in 2001; those below
/// are offsets.
const TIME_MIN: i64 = 1_000_000_000_000;

/// Where to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the first record that is there.
    Beginning,
    /// After the last one.
    End,
    /// At this offset.
    Offset(i64),
    /// At the first record of this time, in ms since 1970, or later.
    Time(i64),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "beginning" => return Ok(Self::Beginning),
            "end" => return Ok(Self::End),
            _ => {}
        }
        if let Ok(number) = text.parse::<i64>() {
            return match number {
                ..0 => Err("offsets and times are not negative".to_owned()),
                TIME_MIN.. => Ok(Self::Time(number)),
                _ => Ok(Self::Offset(number)),
            };
        }
        let time = chrono::DateTime::parse_from_rfc3339(text)
            .map(|time| time.timestamp_millis())
            .map_err(|_| {
            "expected beginning, end, an offset, ms since 1970, or a time with its zone, such \
                 as 2026-01-31T12:00:00Z"
                .to_owned()
        })?;
        if time < 0 {
            Err("times before 1970 are not taken".to_owned())
        } else {
            Ok(Self::Time(time))
        }
    }
}

/// A partition under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) partition: u32,
    /// The offset to read next.
    pub(super) next: i64,
    /// Where to stop; without one, never.
    pub(super) end: Option<i64>,
}

impl Cursor {
    pub(super) fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

/// Where each partition begins, and ends unless new records are waited for.
pub(super) fn cursors(
    client: &mut Client,
    topic: &Topic,
    partitions: &[u32],
    start: Start,
    follows: bool,
) -> Result<Vec<Cursor>> {
    if matches!(start, Start::Offset(_)) && partitions.len() > 1 {
        return Err(Stop::Usage(format!(
            "topic {} has {} partitions, each with offsets of its own: say which one with \
             --partition N",
            topic.name,
            partitions.len()
        ))
        .into());
    }
    let mut offsets = |of| {
        let offsets = client.offsets(&topic.name, partitions, of);
        offsets.map_err(|error| failed(error, &topic.name))
    };
    let ends = known(topic, offsets(OffsetOf::End)?)?;
    let nexts = match start {
        Start::End => ends.clone(),
        Start::Beginning => known(topic, offsets(OffsetOf::Start)?)?,
        Start::Offset(offset) => {
            let starts = known(topic, offsets(OffsetOf::Start)?)?;
            starts.iter().zip(&ends).try_for_each(|(start, end)| check(offset, *start, *end))?;
            vec![offset; partitions.len()]
        }
        Start::Time(ms) => {
            let found = offsets(OffsetOf::Time(ms))?.into_iter();
            found.zip(&ends).map(|(offset, end)| offset.unwrap_or(*end)).collect()
        }
    };
    let all = partitions.iter().zip(nexts).zip(ends);
    let all = all.map(|((partition, next), end)| {
        let end = (!follows).then_some(end);
        Cursor { partition: *partition, next, end }
    });
    Ok(all.collect())
}

fn check(offset: i64, start: i64, end: i64) -> Result<()> {
    if offset < start {
        bail!("offset {offset} is not there any more: the first is {start} (--from beginning)");
    }
    if offset > end {
        bail!("offset {offset} is not there yet: the next record will be {end} (--from end)");
    }
    Ok(())
}

fn known(topic: &Topic, offsets: Vec<Option<i64>>) -> Result<Vec<i64>> {
    let known: Option<Vec<i64>> = offsets.into_iter().collect();
    known.ok_or_else(|| anyhow!("topic {}: the server does not tell its offsets", topic.name))
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Start, check};

    #[test]
    fn starts_are_told_apart() {
        for (text, start) in [
            ("beginning", Start::Beginning),
            ("end", Start::End),
            ("0", Start::Offset(0)),
            ("999999999999", Start::Offset(999_999_999_999)),
            ("1000000000000", Start::Time(1_000_000_000_000)),
            ("1970-01-01T01:00:01.5+01:00", Start::Time(1500)),
        ] {
            assert_eq!(text.parse(), Ok(start));
        }
        for text in ["-1", "", "start", "2026-01-31", "1960-01-01T00:00:00Z"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_outside_of_the_log_are_refused() {
        assert!(check(4, 5, 9).unwrap_err().to_string().contains("the first is 5"));
        assert!(check(10, 5, 9).unwrap_err().to_string().contains("will be 9"));
        assert!(check(5, 5, 9).is_ok() && check(9, 5, 9).is_ok());
        assert!(Cursor { partition: 0, next: 9, end: Some(9) }.is_done());
        assert!(!Cursor { partition: 0, next: 9, end: None }.is_done());
    }
}
