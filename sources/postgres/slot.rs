//! The replication slot: found, judged, made and dropped. It is never made
//! again in silence where a position exists.

use std::time::Duration;

use thalweg_core::ConnectError;

use super::client::{Sql, failed};
use super::config::SlotConfig;
use super::position::{Lsn, Origin, Place};
use super::transport::{Wire, identifier};

/// The server, by `IDENTIFY_SYSTEM`.
pub(crate) async fn identify(wire: &mut Wire, slot: Option<&str>) -> Result<Origin, ConnectError> {
    let rows = wire
        .query("IDENTIFY_SYSTEM")
        .await
        .map_err(|fault| fault.during("cannot ask the server who it is"))?;
    let cell = |at: usize| rows.first().and_then(|row| row.get(at)?.clone());
    let timeline = cell(1).and_then(|text| text.parse().ok());
    match (cell(0), timeline) {
        (Some(system_id), Some(timeline)) => {
            Ok(Origin { system_id, timeline, slot: slot.map(str::to_owned) })
        }
        _ => Err(ConnectError::retriable("the server does not say who it is")),
    }
}

/// A slot, as the server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Its decoder.
    pub(crate) plugin: Option<String>,
    /// Its database.
    pub(crate) database: Option<String>,
    /// The process that reads it.
    pub(crate) active_pid: Option<i32>,
    /// What the server was told to be durable.
    pub(crate) confirmed: Option<Lsn>,
    /// Whether the server has removed what it needs.
    pub(crate) is_lost: bool,
}

/// Newer columns by way of JSON: they are not there on every server.
const FIND: &str = "\
SELECT plugin::text, database::text, active_pid, confirmed_flush_lsn::text,
  coalesce(to_jsonb(s)->>'wal_status', '') = 'lost'
    OR coalesce(to_jsonb(s)->>'invalidation_reason', '') <> ''
    OR (to_jsonb(s)->>'restart_lsn') IS NULL
FROM pg_catalog.pg_replication_slots s WHERE slot_name = $1";

/// Looks a slot up.
pub(crate) async fn find(sql: &Sql, name: &str) -> Result<Option<Slot>, ConnectError> {
    let doing = format!("cannot look up replication slot {name}");
    let error = |error| failed(&error, &doing);
    let row = sql.client().query_opt(FIND, &[&name]).await.map_err(error)?;
    row.map(|row| {
        let confirmed: Option<String> = row.try_get(3)?;
        Ok(Slot {
            plugin: row.try_get(0)?,
            database: row.try_get(1)?,
            active_pid: row.try_get(2)?,
            confirmed: confirmed.and_then(|lsn| lsn.parse().ok()),
            is_lost: row.try_get(4)?,
        })
    })
    .transpose()
    .map_err(error)
}

/// What is wrong with a slot for going on from a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SlotProblem {
    /// It is not there.
    Missing(Lsn),
    /// The server has removed what it needs.
    Lost(Lsn),
    /// Somebody else moved it on.
    Advanced {
        /// Where it is.
        slot: Lsn,
        /// Where we are.
        stored: Lsn,
    },
    /// The server is another one.
    OtherServer {
        /// The one that the position is of.
        stored: String,
        /// The one that is there.
        found: String,
    },
    /// The server has not got as far as we have: it was restored, or promoted
    /// without its last transactions.
    Behind {
        /// Where it is.
        server: Lsn,
        /// Where we are.
        stored: Lsn,
    },
}

impl SlotProblem {
    /// The error, with what to do.
    pub(crate) fn error(&self, slot: &str) -> ConnectError {
        let again = "reset the offsets of this connector to take a new snapshot (stop it, DELETE \
                     /connectors/NAME/offsets, resume it), or set snapshot.mode=when_needed";
        ConnectError::fatal(match self {
            Self::Missing(since) => format!(
                "replication slot {slot} does not exist any more: changes since {since} can't be \
                 read; {again}"
            ),
            Self::Lost(since) => format!(
                "replication slot {slot} is lost: the server removed the WAL that it needs \
                 (max_slot_wal_keep_size), changes since {since} can't be read; drop the slot and \
                 {again}"
            ),
            Self::Advanced { slot: at, stored } => format!(
                "replication slot {slot} was advanced by another: it is at {at}, our position at \
                 {stored}, the changes between can't be read; give this connector a slot.name of \
                 its own, and {again}"
            ),
            Self::OtherServer { stored, found } => format!(
                "the server is another one: its system identifier is {found}, the stored position \
                 is of {stored}; check database.hostname, or {again}"
            ),
            Self::Behind { server, stored } => format!(
                "the server's WAL ends at {server}, before our position {stored}: it was restored \
                 from a backup or promoted without its last transactions; {again}"
            ),
        })
    }
}

/// Whether a slot belongs to us at all, and nobody reads it.
pub(crate) fn usable(slot: &Slot, name: &str, database: &str) -> Result<(), ConnectError> {
    if slot.plugin.as_deref() != Some("pgoutput") {
        let plugin = slot.plugin.as_deref().unwrap_or("none: it is a physical slot");
        return Err(ConnectError::bad_config(format!(
            "slot.name: replication slot {name} has another decoder ({plugin}): choose another \
             name or drop it"
        )));
    }
    if slot.database.as_deref() != Some(database) {
        let other = slot.database.as_deref().unwrap_or_default();
        return Err(ConnectError::bad_config(format!(
            "slot.name: replication slot {name} belongs to database {other}: choose another name"
        )));
    }
    if let Some(pid) = slot.active_pid {
        return Err(in_use(name, Some(pid)));
    }
    Ok(())
}

/// Somebody reads the slot. It may be the end of our own last session, so it
/// is tried again.
pub(crate) fn in_use(name: &str, pid: Option<i32>) -> ConnectError {
    let by = pid.map_or(String::new(), |pid| format!(" (server process {pid})"));
    ConnectError::retriable(format!(
        "replication slot {name} is in use by another session{by}: stop that one, or choose \
         another slot.name"
    ))
}

/// Judges a slot against the position that is to be gone on from: by system
/// id, by the end of the server's WAL and by `confirmed_flush`.
pub(crate) fn judge(
    slot: Option<&Slot>,
    place: &Place,
    found: &Origin,
    server_end: Lsn,
) -> Result<(), SlotProblem> {
    let stored = place.stream.flush_lsn;
    if place.origin.system_id != found.system_id {
        return Err(SlotProblem::OtherServer {
            stored: place.origin.system_id.clone(),
            found: found.system_id.clone(),
        });
    }
    let slot = slot.ok_or(SlotProblem::Missing(stored))?;
    if slot.is_lost {
        return Err(SlotProblem::Lost(stored));
    }
    if let Some(at) = slot.confirmed.filter(|&at| at > stored) {
        return Err(SlotProblem::Advanced { slot: at, stored });
    }
    if server_end < stored {
        return Err(SlotProblem::Behind { server: server_end, stored });
    }
    Ok(())
}

/// A slot that was just made.
#[derive(Clone, Debug)]
pub(crate) struct NewSlot {
    /// Changes are sent from here on.
    pub(crate) consistent: Lsn,
    /// The snapshot of just this place; it lasts while the session is idle.
    pub(crate) snapshot: Option<String>,
}

/// Makes a slot, and exports its snapshot if it is wanted.
pub(crate) async fn create(
    wire: &mut Wire,
    config: &SlotConfig,
    export: bool,
) -> Result<NewSlot, ConnectError> {
    let name = identifier(&config.name);
    let sql = match (config.failover, export) {
        (true, true) => {
            format!("CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput (SNAPSHOT 'export', FAILOVER)")
        }
        (true, false) => format!(
            "CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput (SNAPSHOT 'nothing', FAILOVER)"
        ),
        (false, true) => format!("CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput EXPORT_SNAPSHOT"),
        (false, false) => {
            format!("CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput NOEXPORT_SNAPSHOT")
        }
    };
    let rows = wire.query(&sql).await.map_err(|fault| {
        if fault.code() == Some("42710") {
            // Made since it was looked up: the next try finds it.
            return ConnectError::retriable(format!(
                "replication slot {} was made by another session just now",
                config.name
            ));
        }
        let advice = match fault.code() {
            Some("53400") => "; raise max_replication_slots or drop a slot that nobody uses",
            Some("42501") => "; grant the right: ALTER ROLE ... REPLICATION",
            Some("55000") => "; set wal_level=logical and restart the server",
            _ => "",
        };
        let error = fault.during(format!("cannot create replication slot {}", config.name));
        ConnectError::new(error.kind(), format!("{error}{advice}"))
    })?;
    let cell = |at: usize| rows.first().and_then(|row| row.get(at)?.clone());
    let consistent = cell(1).and_then(|lsn| lsn.parse().ok());
    let consistent = consistent
        .ok_or_else(|| ConnectError::retriable("the server does not say where the slot begins"))?;
    Ok(NewSlot { consistent, snapshot: cell(2) })
}

/// Drops a slot, if it is there and nobody reads it.
pub(crate) async fn drop_if_exists(sql: &Sql, name: &str) -> Result<(), ConnectError> {
    const DROP: &str = "SELECT pg_catalog.pg_drop_replication_slot(slot_name) \
                        FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    let doing = format!("cannot drop replication slot {name}");
    let mut tries = 0;
    while let Err(error) = sql.client().execute(DROP, &[&name]).await {
        // Our own last session may be about to end.
        let in_use = error.code().is_some_and(|code| code.code() == "55006");
        if !in_use || tries == 20 {
            return Err(failed(&error, &doing));
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::position::{SnapshotPhase, StreamPlace};

    fn origin(system_id: &str) -> Origin {
        Origin { system_id: system_id.into(), timeline: 1, slot: Some("s".into()) }
    }

    fn place(flush: u64) -> Place {
        Place {
            origin: origin("1"),
            snapshot: SnapshotPhase::Done,
            stream: StreamPlace { flush_lsn: Lsn(flush), ..StreamPlace::default() },
        }
    }

    fn slot(confirmed: u64) -> Slot {
        Slot { confirmed: Some(Lsn(confirmed)), ..Slot::default() }
    }

    #[test]
    fn each_way_of_losing_changes_is_told_apart() {
        let judged = |slot: Option<&Slot>, end| judge(slot, &place(100), &origin("1"), Lsn(end));
        assert_eq!(judged(Some(&slot(100)), 100), Ok(()));
        assert_eq!(judged(None, 200), Err(SlotProblem::Missing(Lsn(100))));
        let lost = Slot { is_lost: true, ..slot(50) };
        assert_eq!(judged(Some(&lost), 200), Err(SlotProblem::Lost(Lsn(100))));
        let advanced = SlotProblem::Advanced { slot: Lsn(101), stored: Lsn(100) };
        assert_eq!(judged(Some(&slot(101)), 200), Err(advanced));
        let behind = SlotProblem::Behind { server: Lsn(99), stored: Lsn(100) };
        assert_eq!(judged(Some(&slot(50)), 99), Err(behind));
        assert!(judge(Some(&slot(1)), &place(100), &origin("2"), Lsn(200)).is_err());
    }

    #[test]
    fn a_slot_of_others_is_not_taken() {
        let ours = Slot {
            plugin: Some("pgoutput".into()),
            database: Some("shop".into()),
            ..Slot::default()
        };
        assert!(usable(&ours, "s", "shop").is_ok());
        assert!(usable(&ours, "s", "other").is_err());
        let physical = Slot { plugin: None, ..ours.clone() };
        assert!(usable(&physical, "s", "shop").is_err());
        let busy = Slot { active_pid: Some(7), ..ours };
        let error = usable(&busy, "s", "shop").unwrap_err();
        assert_eq!(error.kind(), thalweg_core::ErrorKind::Retriable);
        assert!(error.to_string().contains("process 7"));
    }
}
