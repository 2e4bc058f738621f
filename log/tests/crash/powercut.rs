//! Losses of power: an ext4 on a loop device that stops in the midst of writes.
//!
//! What counts is what was said before the cut began. The kernel's shutdown is no
//! instant: it sets a flag and stops the file system's journal, and a sync that is
//! under way meanwhile finds its transaction done with, though it was thrown away,
//! and returns 0. In 1,050 cuts under a program that does nothing but write and
//! `fdatasync`, 45 syncs that had returned 0 were lost, all of them after the cut
//! had begun, one in a cut, and none where the blocks had been written before. No
//! program can tell these; with real power there is nobody left to be told.

use std::time::Duration;

use crate::checker::Checker;
use crate::child::Child;
use crate::mount::Mount;
use crate::{setting, skip};

const BYTES: u64 = 256 << 20;
/// At fsync nothing that was acknowledged is lost. At the others the log may go
/// back, but only as a whole.
const DURABILITIES: [&str; 5] = ["fsync", "fsync", "fsync", "interval", "page-cache"];

#[test]
fn losses_of_power_lose_nothing() {
    let cuts = setting("THALWEG_POWERCUTS", 10);
    let disk = match Mount::ext4(BYTES) {
        Ok(disk) => disk,
        Err(reason) => return skip("power cuts", &format!("no ext4 on a loop device: {reason}")),
    };
    let folder = disk.path().join("data");
    let mut checker = Checker::default();
    let (mut lost_at_lower, mut counted, mut late) = (0, 0, 0);
    let mut end = 0;
    for cut in 0..cuts {
        let durability = DURABILITIES[usize::try_from(cut % 5).unwrap()];
        let keeps_all = durability == "fsync";
        let switch = match disk.switch() {
            Ok(switch) => switch,
            Err(reason) => return skip("power cuts", &reason),
        };
        let child = Child::start(&folder, durability, u64::MAX, &[]);
        std::thread::sleep(Duration::from_millis(fastrand::u64(10..250)));
        let moment = match switch.cut_power() {
            Ok(moment) => moment,
            Err(reason) => return skip("power cuts", &reason),
        };
        let (said, said_late) = child.kill_after(moment);
        late += said_late.len();
        disk.restore_power().unwrap();
        let before = end;
        if keeps_all {
            checker.hear(&said);
            checker.hear_late(&said_late);
            counted += said.len();
        }
        end = checker.check(&folder, keeps_all);
        assert!(end >= before, "a check made {before} numbers durable, {end} are there");
        lost_at_lower += u64::from(!keeps_all && end == before);
    }
    println!(
        "{cuts} power cuts: {end} numbers, {counted} answers counted and {late} too late for it, \
         {} records checked; at interval and page-cache {lost_at_lower} cuts lost all since the \
         restart",
        checker.checked
    );
    assert!(end > 0 && counted > 0, "nothing was durable before the power went");
}
