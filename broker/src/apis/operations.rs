//! What a client may do: everything, until there are access rules.

/// Create, alter, describe, act as a cluster, describe and alter configs,
/// write idempotently.
pub(super) const OF_CLUSTER: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// Read, write, create, delete, alter, describe, describe and alter configs.
pub(super) const OF_TOPIC: i32 =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
