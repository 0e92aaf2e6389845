//! The spool: where entries wait while the database cannot take them. A file of JSON lines, appended and read in order.
//!
//! Files are numbered (`spool-1.jsonl`, …) and a number is never used twice: the database remembers in the same
//! transaction as the rows how far which file was read, so that a crash between the two neither loses nor doubles a row.
//! A file may begin as the [`Reserve`]: then zeros follow its last line.
//! The file is not forced to the disk at each line: like the database, it survives the end of the program, and may lose the
//! last moments before a power cut.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::database::SpoolMark;
use super::reserve::Reserve;
use super::row::Row;

/// Lines that could not be read are kept here, for a person to look at; at most this many bytes of them.
const DAMAGED_FILE: &str = "damaged.jsonl";
const DAMAGED_BYTES_MAX: u64 = 1 << 20;

/// See the module's page.
pub(super) struct Spool {
    dir: PathBuf,
    /// The number of the file.
    nth: u64,
    file: Option<File>,
    /// Whole lines end here.
    len: u64,
    /// The database has everything before this.
    read: u64,
    /// Lines between the two.
    waiting: u64,
    bytes_max: u64,
    reserve: Reserve,
}

/// What was read of the spool.
pub(super) struct Batch {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Lines read, damaged ones included.
    pub lines: u64,
    /// Lines that make no sense, set aside.
    pub damaged: u64,
    /// The mark to set together with the rows.
    pub mark: SpoolMark,
}

impl Spool {
    /// Takes up what an earlier run left behind. `mark` is what the database says it has read.
    pub fn open(dir: &Path, bytes_max: u64, reserve_bytes: u64, mark: SpoolMark) -> io::Result<Spool> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let reserve = Reserve::new(dir, reserve_bytes);
        let mut spool =
            Spool { dir: dir.into(), nth: mark.0 + 1, file: None, len: 0, read: 0, waiting: 0, bytes_max, reserve };
        spool.find(mark)?;
        Ok(spool)
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Lines that wait.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Adds a row at the end. On failure the file is as it was.
    pub fn append(&mut self, row: &Row) -> io::Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        if self.len + line.len() as u64 > self.bytes_max {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the spool has reached its limit"));
        }
        self.write(&line)?;
        self.len += line.len() as u64;
        self.waiting += 1;
        Ok(())
    }

    /// Reads up to `rows_max` lines from where the database stands.
    pub fn read(&mut self, rows_max: usize) -> io::Result<Batch> {
        let mut file = File::open(self.path())?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut lines = BufReader::new(file.take(self.len.saturating_sub(self.read)));
        let mut batch = Batch { rows: Vec::new(), lines: 0, damaged: 0, mark: (self.nth, self.read) };
        let mut line = Vec::new();
        while batch.rows.len() < rows_max {
            line.clear();
            let bytes = lines.read_until(b'\n', &mut line)?;
            if bytes == 0 {
                break;
            }
            batch.mark.1 += bytes as u64;
            batch.lines += 1;
            match serde_json::from_slice(&line) {
                Ok(row) => batch.rows.push(row),
                Err(_) => {
                    batch.damaged += 1;
                    self.set_aside(&line);
                }
            }
        }
        Ok(batch)
    }

    /// The database has taken `batch`.
    pub fn advance(&mut self, batch: &Batch) {
        self.read = batch.mark.1;
        self.waiting = self.waiting.saturating_sub(batch.lines.max(1));
        if self.read < self.len && batch.lines > 0 {
            return;
        }
        // All is in. If the file cannot be removed, the mark still tells that it was read, and the next lines go to a new
        // one all the same.
        let _ = std::fs::remove_file(self.path());
        let mark = (self.nth, self.len);
        self.start_fresh(mark);
        let _ = self.find(mark);
        if self.is_empty() {
            self.reserve.restore();
        }
    }

    /// Keeps something unreadable for a person to look at.
    pub fn set_aside(&self, line: &[u8]) {
        let path = self.dir.join(DAMAGED_FILE);
        if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > DAMAGED_BYTES_MAX) {
            return;
        }
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).mode(0o600).open(path) {
            let _ = file.write_all(line.trim_ascii_end());
            let _ = file.write_all(b"\n");
        }
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let path = self.path();
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                if !path.exists() {
                    self.reserve.become_file(&path);
                }
                empty.insert(OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?)
            }
        };
        if let Err(error) = file.write_all_at(line, self.len) {
            // Half a line must not be taken for one after a crash. Within the reserve no write fails for want of space.
            if file.metadata().is_ok_and(|meta| meta.len() < self.len + line.len() as u64) {
                let _ = file.set_len(self.len);
            }
            self.file = None;
            return Err(error);
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.dir.join(format!("spool-{}.jsonl", self.nth))
    }

    fn start_fresh(&mut self, mark: SpoolMark) {
        (self.nth, self.file, self.len, self.read, self.waiting) = (mark.0 + 1, None, 0, 0, 0);
    }

    /// Looks for the oldest file that is not read to its end; files that are get removed.
    fn find(&mut self, mark: SpoolMark) -> io::Result<()> {
        let mut found: Vec<u64> =
            std::fs::read_dir(&self.dir)?.flatten().filter_map(|entry| number_of(&entry.file_name())).collect();
        found.sort_unstable();
        let highest = found.last().copied().unwrap_or(0);
        for nth in found {
            self.start_fresh((nth - 1, 0));
            let read = if nth == mark.0 { mark.1 } else { 0 };
            let Scan { len, lines } = scan(&self.path(), read)?;
            if nth < mark.0 || read >= len {
                let _ = std::fs::remove_file(self.path());
                continue;
            }
            (self.len, self.read, self.waiting) = (len, read, lines);
            return Ok(());
        }
        self.start_fresh((highest.max(mark.0), 0));
        Ok(())
    }
}

/// `spool-7.jsonl` → 7.
fn number_of(name: &std::ffi::OsStr) -> Option<u64> {
    name.to_str()?.strip_prefix("spool-")?.strip_suffix(".jsonl")?.parse().ok().filter(|nth| *nth > 0)
}

/// What a file holds.
struct Scan {
    /// Where the lines end and the zeros of the reserve begin.
    len: u64,
    /// Lines after the place asked for.
    lines: u64,
}

/// Looks through a file that an earlier run left. A last line that a crash cut short is ended here, so that the next one
/// begins afresh; it will be read as damaged.
fn scan(path: &Path, from: u64) -> io::Result<Scan> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut len, mut lines, mut last) = (0, 0, b'\n');
    loop {
        let chunk = reader.fill_buf()?;
        let text = chunk.iter().position(|byte| *byte == 0).unwrap_or(chunk.len());
        if text == 0 {
            break;
        }
        let skip = from.saturating_sub(len).min(text as u64) as usize;
        lines += chunk[skip..text].iter().filter(|byte| **byte == b'\n').count() as u64;
        last = chunk[text - 1];
        len += text as u64;
        reader.consume(text);
    }
    if last != b'\n' {
        let file = OpenOptions::new().write(true).open(path)?;
        // On a full disk this fails; the cut line then runs into the next one and both are set aside, not lost in silence.
        if file.write_all_at(b"\n", len).is_ok() {
            len += 1;
        }
        lines += 1;
    }
    Ok(Scan { len, lines })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    /// Rows come back in the order in which they went in, and the file is gone once all are taken.
    #[test]
    fn order_and_end() {
        let dir = samples::temporary_directory("spool-order");
        let mut spool = Spool::open(&dir, 1 << 20, 0, (0, 0)).expect("opens");
        for nth in 0..10 {
            spool.append(&samples::wish_row(nth)).expect("appends");
        }
        let first = spool.read(4).expect("reads");
        assert_eq!(first.rows.len(), 4);
        spool.advance(&first);
        let rest = spool.read(100).expect("reads");
        assert_eq!(format!("{:?}", rest.rows[0]), format!("{:?}", samples::wish_row(4)));
        spool.advance(&rest);
        assert!(spool.is_empty());
        assert_eq!(std::fs::read_dir(&dir).expect("lists").count(), 0);
        spool.append(&samples::wish_row(11)).expect("appends again");
        assert!(dir.join("spool-2.jsonl").exists(), "a number is never used twice");
    }

    /// After a crash, what the database has is not read again, and a line cut in half is set aside, not fatal.
    #[test]
    fn after_a_crash() {
        let dir = samples::temporary_directory("spool-crash");
        let mut spool = Spool::open(&dir, 1 << 20, 0, (0, 0)).expect("opens");
        for nth in 0..3 {
            spool.append(&samples::wish_row(nth)).expect("appends");
        }
        let taken = spool.read(1).expect("reads").mark;
        drop(spool);
        let mut file = OpenOptions::new().append(true).open(dir.join("spool-1.jsonl")).expect("opens");
        file.write_all(b"{\"entry\":\"wi").expect("writes");
        let mut spool = Spool::open(&dir, 1 << 20, 0, taken).expect("opens again");
        assert_eq!(spool.waiting(), 3);
        spool.append(&samples::wish_row(3)).expect("appends after the cut line");
        let batch = spool.read(100).expect("reads");
        assert_eq!((batch.rows.len(), batch.damaged), (3, 1));
        spool.advance(&batch);
        assert!(spool.is_empty());
        assert!(dir.join(DAMAGED_FILE).exists());
    }

    /// A spool that begins in the reserve is read back to the last line, not into the zeros behind it, also after a crash.
    #[test]
    fn within_the_reserve() {
        let dir = samples::temporary_directory("spool-reserve");
        let mut spool = Spool::open(&dir, 1 << 20, 100_000, (0, 0)).expect("opens");
        assert!(dir.join("reserve").exists());
        for nth in 0..5 {
            spool.append(&samples::wish_row(nth)).expect("appends");
        }
        assert!(!dir.join("reserve").exists());
        assert_eq!(std::fs::metadata(dir.join("spool-1.jsonl")).expect("is there").len(), 100_000);
        drop(spool);
        let mut spool = Spool::open(&dir, 1 << 20, 100_000, (0, 0)).expect("opens again");
        assert_eq!(spool.waiting(), 5);
        spool.append(&samples::wish_row(5)).expect("appends");
        let batch = spool.read(100).expect("reads");
        assert_eq!((batch.rows.len(), batch.damaged), (6, 0));
        spool.advance(&batch);
        assert!(spool.is_empty() && dir.join("reserve").exists());
        assert!(!dir.join("spool-1.jsonl").exists());
    }

    /// The limit of the file is an error, and what was there stays readable.
    #[test]
    fn the_limit_is_an_answer() {
        let dir = samples::temporary_directory("spool-limit");
        let mut spool = Spool::open(&dir, 200, 0, (0, 0)).expect("opens");
        let taken = (0..10).take_while(|nth| spool.append(&samples::wish_row(*nth)).is_ok()).count();
        assert!(taken > 0 && taken < 10);
        assert_eq!(spool.read(100).expect("reads").rows.len(), taken);
    }
}
