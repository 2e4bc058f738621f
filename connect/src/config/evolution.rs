//! What becomes of a source's rows when the registry does not take their schema.

use thalweg_core::config::Declare;

use crate::converters::IncompatibleAction;

/// Bytes of parked rows at which a connector pauses as a whole.
const PARK_BYTES: i64 = 1 << 30;

/// What becomes of rows whose schema their subject does not take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evolution {
    /// What is done.
    pub(crate) action: IncompatibleAction,
    /// Most bytes of parked rows.
    pub(crate) park_bytes: u64,
}

impl Default for Evolution {
    fn default() -> Self {
        Self { action: IncompatibleAction::Pause, park_bytes: PARK_BYTES.unsigned_abs() }
    }
}

/// Declares the keys.
pub(super) fn declare(keys: &mut Declare<'_>) -> Evolution {
    keys.set_group("Schema Evolution");
    let action = keys
        .choice(
            "schema.incompatible.action",
            "What to do when a table changes and the schema registry does not take its new \
             schema. pause: the rows of its topic are parked in the log, in order, and flow on \
             when the registry takes the schema; other topics go on. evolve: the schema is \
             registered against the subject's level, and that is kept with the version. \
             new-subject: the schema begins subject <subject>-v2.",
        )
        .default(IncompatibleAction::Pause);
    let park_bytes = keys
        .int(
            "schema.incompatible.park.bytes",
            "Bytes of parked rows in the log at which the whole connector pauses.",
        )
        .low()
        .range(1..=i64::MAX)
        .default(PARK_BYTES);
    Evolution { action, park_bytes: park_bytes.unsigned_abs() }
}
