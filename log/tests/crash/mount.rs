//! File systems of our own, where we may mount some.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A mounted file system; it goes with this.
pub(crate) struct Mount {
    home: tempfile::TempDir,
    image: Option<PathBuf>,
}

fn run(program: &str, words: &[&str], path: &[&Path]) -> Result<(), String> {
    let done = Command::new(program).args(words).args(path).stdin(Stdio::null()).output();
    match done {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim())),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

impl Mount {
    /// A file system in memory of this size.
    pub(crate) fn tmpfs(size: &str) -> Result<Self, String> {
        let mount = Self { home: tempfile::tempdir().unwrap(), image: None };
        std::fs::create_dir(mount.path()).unwrap();
        let options = format!("size={size}");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"], &[&mount.path()])?;
        Ok(mount)
    }

    /// An ext4 of this size on a loop device.
    pub(crate) fn ext4(bytes: u64) -> Result<Self, String> {
        let home = tempfile::tempdir().unwrap();
        let image = home.path().join("image");
        File::create(&image).unwrap().set_len(bytes).unwrap();
        run("mkfs.ext4", &["-q", "-E", "lazy_itable_init=0"], &[&image])?;
        let mount = Self { home, image: Some(image) };
        std::fs::create_dir(mount.path()).unwrap();
        mount.mount()?;
        Ok(mount)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join("mounted")
    }

    fn mount(&self) -> Result<(), String> {
        let Some(image) = &self.image else {
            return Err("it has no image".to_owned());
        };
        run("mount", &["-o", "loop"], &[image, &self.path()])
    }

    /// A hand at the switch.
    pub(crate) fn switch(&self) -> Result<Switch, String> {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
        const SCRIPT: &str = "import fcntl, os, struct, sys; \
            mounted = os.open(sys.argv[1], os.O_RDONLY); \
            print('ready', flush=True); \
            sys.stdin.readline(); \
            fcntl.ioctl(mounted, 0x8004587D, struct.pack('I', 2))";
        let mut process = Command::new("python3")
            .args(["-c", SCRIPT])
            .arg(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let mut line = String::new();
        let ready = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        if ready.is_err() || line != "ready\n" {
            return Err(format!("python3: {}", complaint(&mut process)));
        }
        Ok(Switch(process))
    }

    /// Mounts it again after the power was cut.
    pub(crate) fn restore_power(&self) -> Result<(), String> {
        run("umount", &[], &[&self.path()])?;
        self.mount()
    }
}

/// It stands by, so that the power goes as soon as it is told.
pub(crate) struct Switch(Child);

fn complaint(process: &mut Child) -> String {
    let mut said = String::new();
    drop(process.stderr.take().map(|mut errors| errors.read_to_string(&mut said)));
    drop(process.wait());
    said.trim().to_owned()
}

impl Switch {
    /// Cuts the power: what is not on the disk is lost, and nothing gets there
    /// any more. Returns a moment just before that.
    pub(crate) fn cut_power(mut self) -> Result<Instant, String> {
        let moment = Instant::now();
        self.0.stdin.take().unwrap().write_all(b"\n").map_err(|error| error.to_string())?;
        match self.0.wait() {
            Ok(status) if status.success() => Ok(moment),
            _ => Err(format!("EXT4_IOC_SHUTDOWN: {}", complaint(&mut self.0))),
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(run("umount", &["-l"], &[&self.path()]));
    }
}
