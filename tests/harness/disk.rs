//! A disk that hangs: whoever opens a certain file waits, as in the kernel when the device does not answer.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file whose opening hangs until this is dropped. Who has it open already goes on with it.
pub(crate) struct HungDisk {
    file: PathBuf,
    aside: PathBuf,
}

impl HungDisk {
    /// Puts a pipe that nobody writes to in the place of a file.
    pub(crate) fn new(file: &Path) -> Self {
        let aside = file.with_extension("aside");
        fs::rename(file, &aside).expect("the file is there");
        let status = Command::new("mkfifo").arg(file).status().expect("it is in every Linux");
        assert!(status.success(), "a pipe at {}", file.display());
        Self { file: file.to_owned(), aside }
    }
}

impl Drop for HungDisk {
    fn drop(&mut self) {
        /// `O_NONBLOCK`: without a reader, opening for writing fails instead of waiting for one.
        const NON_BLOCKING: i32 = 0o4000;
        let pipe = self.file.with_extension("pipe");
        let moved = fs::rename(&self.file, &pipe).and_then(|()| fs::rename(&self.aside, &self.file));
        // Whoever waits is let through, and finds that it is no file.
        let let_through = match OpenOptions::new().write(true).custom_flags(NON_BLOCKING).open(&pipe) {
            Err(error) if error.raw_os_error() == Some(NO_READER) => Ok(()),
            other => other.map(drop),
        };
        if let Err(error) = moved.and(let_through) {
            eprintln!("the disk goes on hanging: {error}");
        }
    }
}

/// `ENXIO`: nobody reads.
const NO_READER: i32 = 6;
