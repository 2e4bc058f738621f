//! The system says that a sync failed, once. That is never taken for a success.

use std::os::unix::fs::MetadataExt;

use crate::checker::Checker;
use crate::child::{Child, Said};
use crate::kills::tracer;
use crate::skip;

#[test]
fn a_failed_sync_of_the_journal_stops_writes_until_a_restart() {
    for number in [1, 7, 40] {
        let folder = tempfile::tempdir().unwrap();
        let mut checker = Checker::default();
        // The file exists before the child is traced.
        checker.hear(&Child::start(folder.path(), "fsync", 3, &[]).wait());
        let journal = folder.path().join("journal/0000.journal");
        let path = journal.to_str().unwrap();
        let inject = format!("fdatasync:error=EIO:when={number}");
        let tracer = match tracer(&inject, &["-P", path]) {
            Ok(tracer) => tracer,
            Err(reason) => return skip("failing syncs", &reason),
        };
        let said = Child::start(folder.path(), "fsync", 320, &tracer).wait();
        checker.hear(&said);
        let refusals: Vec<_> =
            said.iter().filter(|said| matches!(said, Said::Refused(_))).collect();
        assert!(refusals.len() == 3, "{refusals:?}");
        let is_stop =
            |said: &&Said| matches!(said, Said::Refused(text) if text.contains("restart"));
        assert!(refusals.iter().any(is_stop), "{refusals:?}");
        assert!(!said.contains(&Said::Accepted), "written after a failed sync: {said:?}");
        checker.check(folder.path(), true);
        let said = Child::start(folder.path(), "fsync", 20, &[]).wait();
        assert!(said.contains(&Said::Closed(String::new())), "{said:?}");
        checker.hear(&said);
        checker.check(folder.path(), true);
    }
}

#[test]
fn a_segment_whose_sync_failed_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut checker = Checker::default();
    checker.hear(&Child::start(folder.path(), "fsync", 3, &[]).wait());
    let segment = folder.path().join("numbers-1/00000000000000000000.log");
    let inode = std::fs::metadata(&segment).unwrap().ino();
    let tracer = match tracer("fdatasync:error=EIO:when=1", &["-P", segment.to_str().unwrap()]) {
        Ok(tracer) => tracer,
        Err(reason) => return skip("failing syncs", &reason),
    };
    let said = Child::start(folder.path(), "fsync", 200, &tracer).wait();
    assert!(said.contains(&Said::Closed(String::new())), "{said:?}");
    assert!(!said.iter().any(|said| matches!(said, Said::Refused(_))), "{said:?}");
    checker.hear(&said);
    assert!(checker.check(folder.path(), true) >= 203);
    // What the first file holds beyond the checkpoint of the first run is not
    // trusted: its records go on in another file.
    let after = folder.path().join("numbers-1/00000000000000000002.log");
    let is_new = after.exists() || std::fs::metadata(&segment).unwrap().ino() != inode;
    assert!(is_new, "the file whose sync failed is still used");
}
