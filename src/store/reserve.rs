//! Space put by for the day the disk is full: a file of zeros that becomes the next spool file. Writing over its zeros takes
//! no new space, so that what waits is on the disk, and not in memory only. Made anew when nothing waits any more.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// See the module's page.
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// Puts `bytes` by in `dir`; 0 puts nothing by.
    pub fn new(dir: &Path, bytes: u64) -> Reserve {
        let reserve = Reserve { path: dir.join("reserve"), bytes };
        reserve.restore();
        reserve
    }

    /// Turns the space into the file `path`. Without a reserve nothing happens.
    pub fn become_file(&self, path: &Path) {
        let _ = std::fs::rename(&self.path, path);
    }

    /// Puts the space by again; on a disk that is too full for it, there is none.
    pub fn restore(&self) {
        if self.bytes == 0 || std::fs::metadata(&self.path).is_ok_and(|meta| meta.len() == self.bytes) {
            return;
        }
        if self.write().is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Zeros that are written, for a length that is only set takes no space.
    fn write(&self) -> io::Result<()> {
        let mut file: File = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&self.path)?;
        let block = vec![0; BLOCK];
        let mut left = self.bytes;
        while left > 0 {
            let part = left.min(BLOCK as u64);
            file.write_all(&block[..part as usize])?;
            left -= part;
        }
        Ok(())
    }
}

const BLOCK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    /// The space is taken, becomes a file, and is taken again.
    #[test]
    fn put_by_and_used() {
        let dir = samples::temporary_directory("reserve");
        let length = |name: &str| std::fs::metadata(dir.join(name)).map(|meta| meta.len()).ok();
        let reserve = Reserve::new(&dir, 100_000);
        reserve.become_file(&dir.join("spool"));
        assert_eq!((length("reserve"), length("spool")), (None, Some(100_000)));
        reserve.restore();
        assert_eq!(length("reserve"), Some(100_000));
        Reserve::new(&samples::temporary_directory("none"), 0).become_file(&dir.join("other"));
        assert_eq!(length("other"), None);
    }
}
