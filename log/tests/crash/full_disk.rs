//! A disk that is full: appends are refused, nothing that was acknowledged is
//! lost, and with space the log goes on, also if the process died meanwhile.

use std::path::Path;

use crate::checker::Checker;
use crate::child::{Child, Said};
use crate::mount::Mount;
use crate::skip;

fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let zeros = vec![0; 4096];
    while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
}

#[test]
fn a_full_disk_loses_nothing() {
    let disk = match Mount::tmpfs("6m") {
        Ok(disk) => disk,
        Err(reason) => return skip("a full disk", &reason),
    };
    let folder = disk.path().join("data");
    let ballast = disk.path().join("ballast");
    let mut checker = Checker::default();
    // Until it is full, by itself.
    std::fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let said = Child::start(&folder, "fsync", u64::MAX, &[]).wait();
    let is_full = |said: &&Said| matches!(said, Said::Refused(text) if text.contains("no space"));
    assert!(said.iter().any(|said| is_full(&said)), "{:?}", said.last());
    checker.hear(&said);
    for turn in 0..3 {
        fill(&disk.path().join("rest"));
        // On a full disk it may not open; it says why, and loses nothing.
        let said = Child::start(&folder, "fsync", 50, &[]).wait();
        let is_named = |said: &Said| match said {
            Said::Refused(text) | Said::Closed(text) => text.contains("no space"),
            _ => false,
        };
        assert!(said.iter().any(is_named), "{said:?}");
        checker.hear(&said);
        for file in [&ballast, &disk.path().join("rest")] {
            std::fs::remove_file(file).unwrap();
        }
        let before = checker.check(&folder, true);
        let said = Child::start(&folder, "fsync", 20, &[]).wait();
        assert!(said.contains(&Said::Closed(String::new())), "turn {turn}: {said:?}");
        checker.hear(&said);
        assert_eq!(checker.check(&folder, true), before + 20);
        // The next time it dies while the disk is full.
        let child = Child::start(&folder, "fsync", u64::MAX, &[]);
        fill(&disk.path().join("rest"));
        std::fs::write(&ballast, b"").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(150));
        checker.hear(&child.kill());
    }
}
