//! Which transactions a snapshot sees.

use serde::{Deserialize, Serialize};

use crate::postgres::position::Lsn;

/// A snapshot: `pg_current_snapshot()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    /// All transactions before it are seen.
    xmin: u64,
    /// This one and later ones are not seen.
    xmax: u64,
    /// Those between that are not seen, in order.
    xip: Vec<u64>,
    /// All transactions that are seen have their commits before it.
    pub(crate) until: Lsn,
}

impl View {
    /// Reads `xmin:xmax:xip,xip`.
    pub(crate) fn parse(text: &str, until: Lsn) -> Option<Self> {
        let mut parts = text.split(':');
        let xmin = parts.next()?.parse().ok()?;
        let xmax = parts.next()?.parse().ok()?;
        let xip = parts.next()?.split(',').filter(|id| !id.is_empty());
        let mut xip: Vec<u64> = xip.map(str::parse).collect::<Result<_, _>>().ok()?;
        xip.sort_unstable();
        Some(Self { xmin, xmax, xip, until })
    }

    /// Whether it sees a transaction's changes. Ids in the stream have 32 bits;
    /// the full id is the one nearest to the snapshot.
    pub(crate) fn sees(&self, xid: u32) -> bool {
        let near = self.xmax;
        let base = near & !0xFFFF_FFFF;
        let same = base | u64::from(xid);
        let full = if same > near && same - near > 1 << 31 {
            same.saturating_sub(1 << 32)
        } else if near > same && near - same > 1 << 31 {
            same + (1 << 32)
        } else {
            same
        };
        full < self.xmin || (full < self.xmax && self.xip.binary_search(&full).is_err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sees_what_was_committed_before_it() {
        let view = View::parse("100:110:103,107", Lsn(1)).unwrap();
        let seen: Vec<u32> = (98..112).filter(|&xid| view.sees(xid)).collect();
        assert_eq!(seen, [98, 99, 100, 101, 102, 104, 105, 106, 108, 109]);
        assert!(View::parse("100:110", Lsn(1)).is_none());
        assert!(View::parse("100:x:", Lsn(1)).is_none());
    }

    #[test]
    fn ids_that_have_wrapped_are_told_by_the_nearest() {
        let wrap = 5_u64 << 32;
        let view = View::parse(&format!("{}:{}:", wrap - 2, wrap + 3), Lsn(1)).unwrap();
        assert!(view.sees(u32::MAX), "just before the wrap");
        assert!(view.sees(2), "just after it");
        assert!(!view.sees(3), "the snapshot's own end");
        assert!(view.sees(u32::MAX - 1000));
        assert!(!view.sees(1000));
    }
}
