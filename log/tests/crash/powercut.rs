//! Losses of power: an ext4 on a loop device that stops in the midst of writes.

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
#[ignore = "make powercut: it takes root, loop devices and minutes"]
fn losses_of_power_lose_nothing() {
    let cuts = setting("THALWEG_POWERCUTS", 8);
    let disk = match Mount::ext4(BYTES) {
        Ok(disk) => disk,
        Err(reason) => return skip("power cuts", &format!("no ext4 on a loop device: {reason}")),
    };
    let folder = disk.path().join("data");
    let mut checker = Checker::default();
    let mut lost_at_lower = 0;
    let mut end = 0;
    for cut in 0..cuts {
        let durability = DURABILITIES[usize::try_from(cut % 5).unwrap()];
        let keeps_all = durability == "fsync";
        let child = Child::start(&folder, durability, u64::MAX, &[]);
        std::thread::sleep(Duration::from_millis(fastrand::u64(10..250)));
        if let Err(reason) = disk.cut_power() {
            return skip("power cuts", &reason);
        }
        let said = child.kill();
        disk.restore_power().unwrap();
        let before = end;
        if keeps_all {
            checker.hear(&said);
        }
        end = checker.check(&folder, keeps_all);
        assert!(end >= before, "a check made {before} numbers durable, {end} are there");
        lost_at_lower += u64::from(!keeps_all && end == before);
    }
    println!(
        "{cuts} power cuts: {end} numbers, {} records checked; at interval and page-cache \
         {lost_at_lower} cuts lost all since the restart",
        checker.checked
    );
    assert!(end > 0);
}
