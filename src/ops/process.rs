//! What the system says of this process: memory, processor time, open files. Read when the page is read.

use super::metrics::Metrics;

/// Shows them; what cannot be read stays as it was.
pub(super) fn show(metrics: &Metrics) {
    if let Some((cpu_s, resident_bytes)) = read("/proc/self/stat").and_then(|stat| parse(&stat)) {
        metrics.process_cpu.set(cpu_s);
        metrics.process_resident.set(resident_bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        // One of them is the directory being read.
        metrics.process_files.set(i64::try_from(files.count()).unwrap_or(i64::MAX).saturating_sub(1));
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Processor time in seconds and resident memory in bytes from `proc_pid_stat(5)`. The name in parentheses may hold
/// anything, so fields are counted from the last `)`. Ticks are 1/100 s and pages 4096 bytes on the systems we run on.
fn parse(stat: &str) -> Option<(f64, f64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |nth: usize| fields.get(nth - 3)?.parse::<f64>().ok();
    Some(((field(14)? + field(15)?) / 100.0, field(24)? * 4096.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name with blanks and parentheses in it does not shift the fields.
    #[test]
    fn fields_are_counted_from_the_name() {
        let stat = "42 (a) b) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 4 0 100 999 25 0";
        assert_eq!(parse(stat), Some((2.0, 25.0 * 4096.0)));
        assert_eq!(parse("nonsense"), None);
    }
}
