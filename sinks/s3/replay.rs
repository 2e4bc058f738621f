//! Plans that an earlier run left: what of them is done, and what is to be done
//! again.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use thalweg_core::ConnectError;
use thalweg_core::connector::SinkPartition;

use super::plan::{FilePlan, plan_prefix};
use super::task::Shared;

/// Files looked for at once.
const LOOKS_MAX: usize = 8;

/// A round that an earlier run planned.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) from: i64,
    pub(super) end: i64,
    /// The plans of its files, and whether each is in its place.
    pub(super) files: Vec<(FilePlan, bool)>,
}

impl Replay {
    /// Whether all of it is in its place.
    pub(super) fn is_durable(&self) -> bool {
        self.files.iter().all(|(_, durable)| *durable)
    }

    /// The plan of the file that a row is in, and whether that is in its place.
    /// Without a path it is found by the offset alone.
    pub(super) fn find(
        &self,
        path: Option<&str>,
        schema: &str,
        offset: i64,
    ) -> Option<&(FilePlan, bool)> {
        self.files.iter().find(|(plan, _)| plan.covers(path, schema, offset))
    }

    fn is_untouched(&self) -> bool {
        self.files.iter().all(|(_, durable)| !*durable)
    }
}

/// What an earlier run left of a partition.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Planned rounds, by offset.
    pub(super) rounds: Vec<Replay>,
    /// Keys of the state that nobody needs any more.
    pub(super) garbage: Vec<String>,
}

/// Reads the plans of a partition and looks which files are there.
pub(super) async fn read(
    shared: &Shared,
    partition: &SinkPartition,
    committed: i64,
) -> Result<Left, ConnectError> {
    let mut left = Left::default();
    let mut plans = Vec::new();
    for (key, value) in shared.context.state.list(&plan_prefix(partition)) {
        let plan: FilePlan = serde_json::from_value(value).map_err(|error| {
            ConnectError::fatal(format!("the plan {key} in the sink's state is damaged: {error}"))
        })?;
        if plan.end < committed {
            left.garbage.push(key);
        } else {
            plans.push(plan);
        }
    }
    let looked: Vec<(FilePlan, bool)> = stream::iter(plans)
        .map(|plan| async move {
            let found = shared.store.look(&plan.key).await?;
            let durable = found.is_some_and(|found| found.is(&plan));
            Ok::<_, ConnectError>((plan, durable))
        })
        .buffered(LOOKS_MAX)
        .try_collect()
        .await?;
    let mut rounds: BTreeMap<i64, Replay> = BTreeMap::new();
    for (plan, durable) in looked {
        let (from, end) = (plan.from, plan.end);
        let round = rounds.entry(from).or_insert(Replay { from, end, files: Vec::new() });
        round.files.push((plan, durable));
    }
    for round in rounds.into_values() {
        if usable(shared, partition, &round, committed)? {
            left.rounds.push(round);
        } else {
            left.garbage.extend(round.files.iter().map(|(plan, _)| plan.state_key()));
        }
    }
    Ok(left)
}

/// Whether a round can be gone on with; if not it is forgotten, which is right
/// only while none of its files is there.
fn usable(
    shared: &Shared,
    partition: &SinkPartition,
    round: &Replay,
    committed: i64,
) -> Result<bool, ConnectError> {
    let same = round.files.iter().all(|(plan, _)| plan.layout == shared.config.layout);
    let whole = round.from >= committed;
    if round.is_durable() || (same && whole) {
        return Ok(true);
    }
    if round.is_untouched() {
        return Ok(false);
    }
    let (topic, number) = (&partition.topic, partition.partition);
    let (from, end) = (round.from, round.end);
    Err(ConnectError::fatal(if same {
        format!(
            "{topic}-{number}: of the files for offsets {from} to {end} only some are written, \
             and reading begins at {committed}, among them: set the offset to {from} to write the \
             others, or to {} to leave them out",
            end + 1
        )
    } else {
        format!(
            "{topic}-{number}: of the files for offsets {from} to {end} only some were written \
             when the config was changed, and the new one lays rows out in another way: go back \
             to the former config until offset {end} is committed, then change it"
        )
    }))
}
