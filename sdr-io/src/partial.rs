//! A file that has its name only once it is whole: written beside it under another name, then renamed.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

#[derive(Debug)]
pub(crate) struct Partial {
    file: Option<BufWriter<File>>,
    temporary: PathBuf,
    target: PathBuf,
    overwrite: bool,
    bytes: u64,
}

impl Partial {
    pub(crate) fn create(target: &Path, overwrite: bool) -> Result<Self> {
        if !overwrite && target.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: target.to_owned() });
        }
        let name = target.file_name().ok_or_else(|| Error::NotAFile { path: target.to_owned() })?;
        // Counting up instead of guessing: `create_new` cannot follow or truncate what somebody put there.
        let mut attempt = 0;
        loop {
            let mut temporary = std::ffi::OsString::from(".");
            temporary.push(name);
            temporary.push(format!(".part{attempt}"));
            let temporary = target.with_file_name(temporary);
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    let file = Some(BufWriter::with_capacity(1 << 18, file));
                    return Ok(Self { file, temporary, target: target.to_owned(), overwrite, bytes: 0 });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => {
                    attempt += 1;
                }
                Err(error) => return Err(Error::Io { path: temporary, error }),
            }
        }
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Bytes appended so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { file, temporary, .. } = self;
        file.as_mut().map_or(Ok(()), |file| file.write_all(bytes)).map_err(Error::io(temporary))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Overwrites what was written at `position`, for headers that state a length.
    pub(crate) fn patch(&mut self, position: u64, bytes: &[u8]) -> Result<()> {
        let Self { file, temporary, .. } = self;
        let Some(file) = file.as_mut() else { return Ok(()) };
        let mut patch = || {
            file.seek(SeekFrom::Start(position))?;
            file.write_all(bytes)?;
            file.seek(SeekFrom::End(0))
        };
        patch().map(drop).map_err(Error::io(temporary))
    }

    /// Hands everything to the operating system: what is written stays, even if this process ends at once.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let Self { file, temporary, target, .. } = self;
        let path = if temporary.as_os_str().is_empty() { target } else { temporary };
        file.as_mut().map_or(Ok(()), |file| file.flush()).map_err(Error::io(path))
    }

    /// Gives it its name now, while it is still being written.
    pub(crate) fn publish(&mut self) -> Result<()> {
        self.flush()?;
        if self.temporary.as_os_str().is_empty() {
            return Ok(());
        }
        if !self.overwrite && self.target.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: self.target.clone() });
        }
        std::fs::rename(&self.temporary, &self.target).map_err(Error::io(&self.target))?;
        self.temporary.clear();
        Ok(())
    }

    /// As [`Partial::finish`], without waiting until it would survive a loss of power.
    pub(crate) fn replace(mut self) -> Result<()> {
        self.publish()
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<()> {
        let file = self.file.take().map(|file| file.into_inner().map_err(|error| error.into_error()));
        let synced = file.transpose().and_then(|file| file.map_or(Ok(()), |file| file.sync_all()));
        synced.map_err(Error::io(&self.temporary))?;
        if self.temporary.as_os_str().is_empty() {
            return Ok(()); // it has its name already
        }
        if !self.overwrite && self.target.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: self.target.clone() });
        }
        std::fs::rename(&self.temporary, &self.target).map_err(Error::io(&self.target))?;
        self.temporary.clear();
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.file.take();
        if !self.temporary.as_os_str().is_empty() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
