//! Sets where a stopped connector goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use thalweg_core::batch::StateChange;
use thalweg_core::config::ConfigMap;
use thalweg_core::connector::DynSource;
use thalweg_core::{JsonMap, Position};
use thalweg_log::{GroupOffset, Log, LogError, OffsetAt, TopicInfo, Writer};

use super::{Refusal, Shared};
use crate::store::{ParkedChange, Stores, gone, group_id, writer_id};

const TOPIC: &str = "kafka_topic";
const PARTITION: &str = "kafka_partition";
const OFFSET: &str = "kafka_offset";

/// What is to become of a connector's offsets.
pub(crate) enum OffsetsChange {
    /// These are set, and those without an offset forgotten. The last one of a
    /// partition counts.
    Alter(Vec<Alteration>),
    /// All are forgotten.
    Reset,
}

/// One offset, in the connector's own terms.
pub(crate) struct Alteration {
    /// The partition; none if it was not named.
    pub(crate) partition: Option<JsonMap>,
    /// Where to go on; none for the beginning.
    pub(crate) offset: Option<JsonMap>,
}

/// A partition of a topic.
type Place = (Arc<str>, u32);

/// Sets positions of a source whose tasks have ended.
pub(super) async fn of_source(
    shared: &Shared,
    name: &str,
    source: &dyn DynSource,
    config: &ConfigMap,
    change: OffsetsChange,
) -> Result<(), Refusal> {
    let stores = &shared.stores;
    // A task that had to be cut off may have appends on their way: with its
    // writer in our hands none of them lands any more, and what is read now is
    // final (invariant 2).
    let writer = shared.log.open_writer(&writer_id(name, 0)).await.map_err(not_set)?;
    stores.offsets.catch_up().await.map_err(not_set)?;
    stores.source_state.catch_up().await.map_err(not_set)?;
    stores.parked.catch_up().await.map_err(not_set)?;
    let kept = stores.offsets.all(name).into_iter().map(|(partition, _)| partition);
    let (positions, forgets_state) = match change {
        OffsetsChange::Reset => (kept.map(|partition| (partition, None)).collect(), true),
        OffsetsChange::Alter(asked) => {
            let own = source.partition(config);
            let known: Vec<JsonMap> = std::iter::once(own.clone()).chain(kept).collect();
            let positions = altered(source, &known, asked)?;
            let own = positions.iter().rfind(|(partition, _)| *partition == own);
            let begins_anew = own.is_some_and(|(_, position)| position.is_none());
            (positions, begins_anew)
        }
    };
    // What a source keeps beside its position belongs to it.
    let state = if forgets_state { stores.source_state.of(name) } else { BTreeMap::new() };
    let state = state.into_keys().map(|key| StateChange { key, value: None }).collect();
    // So do the rows that wait for the schema registry: they come again.
    let parked = if forgets_state { stores.parked.of(name) } else { BTreeMap::new() };
    let rows: Vec<String> = parked.values().map(|(topic, _)| topic.rows.clone()).collect();
    let parked = parked.iter().flat_map(|(topic, (_, schemas))| gone(topic, schemas)).collect();
    append(stores, name, &*writer, positions, state, parked).await.map_err(not_set)?;
    for rows in rows.iter().filter_map(|rows| shared.log.topic(rows)) {
        if let Err(error) = shared.log.delete_topic(rows.id).await {
            // It goes at the next start.
            tracing::warn!(topic = %rows.name, "deleting a topic of parked rows: {error}");
        }
    }
    Ok(())
}

/// Positions by partition, as they are asked for.
fn altered(
    source: &dyn DynSource,
    known: &[JsonMap],
    asked: Vec<Alteration>,
) -> Result<Vec<(JsonMap, Option<Position>)>, Refusal> {
    let asked = asked.into_iter().enumerate();
    asked
        .map(|(number, Alteration { partition, offset })| {
            let partition = known_partition(known, number, partition)?;
            let position = offset.map(Position);
            if let Some(position) = &position {
                source.validate_position(position).map_err(|why| {
                    Refusal::Invalid(format!("The offset of offsets[{number}]: {why}"))
                })?;
            }
            Ok((partition, position))
        })
        .collect()
}

/// Appends positions, state and what is parked, all or nothing.
async fn append(
    stores: &Stores,
    name: &str,
    writer: &dyn Writer,
    positions: Vec<(JsonMap, Option<Position>)>,
    state: Vec<StateChange>,
    parked: Vec<ParkedChange>,
) -> Result<(), LogError> {
    let (mut groups, mut altered, mut entries) = (Vec::new(), None, None);
    let mut unparked = None;
    if !positions.is_empty() {
        let (group, change) = stores.offsets.alter(name, positions)?;
        groups.push(group);
        altered = Some(change);
    }
    if !state.is_empty() {
        let (group, change) = stores.source_state.change(name, state)?;
        groups.push(group);
        entries = Some(change);
    }
    if !parked.is_empty() {
        let (group, change) = stores.parked.change(name, parked)?;
        groups.push(group);
        unparked = Some(change);
    }
    if groups.is_empty() {
        return Ok(());
    }
    let appended = writer.append(groups).await?.await?;
    altered.into_iter().for_each(|change| stores.offsets.show(change, &appended));
    entries.into_iter().for_each(|change| stores.source_state.apply(change, &appended));
    unparked.into_iter().for_each(|change| stores.parked.apply(change, &appended));
    Ok(())
}

/// The partition as it is kept: the connector's own or that of an earlier
/// config.
fn known_partition(
    known: &[JsonMap],
    number: usize,
    named: Option<JsonMap>,
) -> Result<JsonMap, Refusal> {
    let named = named.ok_or_else(|| {
        Refusal::Invalid(format!("The partition of offsets[{number}] cannot be null or missing"))
    })?;
    // Equal whatever the order of their fields; the key has that of the kept one.
    known.iter().find(|known| **known == named).cloned().ok_or_else(|| {
        let known: Vec<String> =
            known.iter().map(|known| Value::Object(known.clone()).to_string()).collect();
        Refusal::Invalid(format!(
            "The partition of offsets[{number}] is not one of this connector's, which are: {}",
            known.join(", ")
        ))
    })
}

/// Sets committed offsets of a sink whose tasks have ended.
pub(super) async fn of_sink(
    shared: &Shared,
    name: &str,
    change: OffsetsChange,
) -> Result<(), Refusal> {
    let (log, stores) = (&*shared.log, &*shared.stores);
    let group = group_id(name);
    let committed = stores.groups.committed(&group).await.map_err(not_set)?;
    let committed = committed.into_iter().map(|at| (at.topic, at.partition));
    let (mut set, mut forgotten) = (Vec::new(), Vec::new());
    match change {
        OffsetsChange::Reset => forgotten.extend(committed),
        OffsetsChange::Alter(asked) => {
            let committed: Vec<Place> = committed.collect();
            let mut last: BTreeMap<Place, Option<i64>> = BTreeMap::new();
            for one in asked {
                let (place, offset) = place_and_offset(&one)?;
                last.insert(place, offset);
            }
            for (place, offset) in last {
                match offset {
                    Some(offset) => set.push(readable(log, place, offset).await?),
                    None if committed.contains(&place) => forgotten.push(place),
                    None => drop(existing(log, &place)?),
                }
            }
        }
    }
    if !set.is_empty() {
        stores.groups.commit(&group, set).await.map_err(not_set)?;
    }
    stores.groups.forget(&group, forgotten).await.map_err(|error| {
        Refusal::Failed(format!(
            "the offsets that were to be reset are still there, since that could not be written \
             to the log: {error}"
        ))
    })
}

/// Reads one entry as Connect does: numbers may be texts.
fn place_and_offset(one: &Alteration) -> Result<(Place, Option<i64>), Refusal> {
    let invalid = |why: String| Err(Refusal::Invalid(why));
    let Some(partition) = &one.partition else {
        return invalid(
            "The partition for a sink connector offset cannot be null or missing".into(),
        );
    };
    for key in [TOPIC, PARTITION] {
        if !partition.contains_key(key) {
            return invalid(format!(
                "The partition for a sink connector offset must contain the key '{key}'"
            ));
        }
    }
    if let Some(key) = partition.keys().find(|key| ![TOPIC, PARTITION].contains(&key.as_str())) {
        return invalid(format!(
            "The partition for a sink connector offset has an unknown key '{key}': it has \
             '{TOPIC}' and '{PARTITION}' only"
        ));
    }
    let Some(Value::String(topic)) = partition.get(TOPIC) else {
        return invalid("Kafka topic names must be valid strings and may not be null".into());
    };
    if partition.get(PARTITION).is_none_or(Value::is_null) {
        return invalid("Kafka partitions must be valid numbers and may not be null".into());
    }
    let Some(number) = partition.get(PARTITION).and_then(integer::<u32>) else {
        return invalid(
            "Failed to parse the Kafka partition value in the provided offsets. Partition values \
             for sink connectors need to be integers."
                .into(),
        );
    };
    let place = (Arc::from(topic.as_str()), number);
    let Some(offset) = &one.offset else { return Ok((place, None)) };
    let Some(value) = offset.get(OFFSET).filter(|_| offset.len() == 1) else {
        return invalid(format!(
            "The offset for a sink connector should either be null or contain the key '{OFFSET}', \
             and no other"
        ));
    };
    match integer::<i64>(value).filter(|offset| *offset >= 0) {
        Some(offset) => Ok((place, Some(offset))),
        None => invalid(
            "Failed to parse the Kafka offset value in the provided offsets. Offset values for \
             sink connectors need to be integers that are not negative."
                .into(),
        ),
    }
}

fn integer<T: std::str::FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// The topic of a partition that is there.
fn existing(log: &dyn Log, (topic, number): &Place) -> Result<TopicInfo, Refusal> {
    let Some(info) = log.topic(topic) else {
        return Err(Refusal::Invalid(format!("Topic {topic} does not exist")));
    };
    if *number >= info.partitions {
        return Err(Refusal::Invalid(format!(
            "Topic {topic} has no partition {number}: it has {}, from 0",
            info.partitions
        )));
    }
    Ok(info)
}

/// An offset that reading can begin at.
async fn readable(log: &dyn Log, place: Place, offset: i64) -> Result<GroupOffset, Refusal> {
    let info = existing(log, &place)?;
    let (topic, partition) = place;
    let end = log.offset(info.partition(partition), OffsetAt::End).await.map_err(not_set)?;
    if offset > end {
        return Err(Refusal::Invalid(format!(
            "Offset {offset} is beyond the end of {topic}-{partition}: {end} is the offset of the \
             next record to come"
        )));
    }
    Ok(GroupOffset { topic, topic_id: Some(info.id), partition, offset })
}

fn not_set(error: LogError) -> Refusal {
    Refusal::Failed(format!("the offsets were not changed, since the log refused: {error}"))
}
