//! The name that was probably meant.

/// The name written most like `wrong`, if it is near enough to be a slip of the hand. Of `sip.lisen` and `listen` alike the
/// nearest is `sip.listen`: a name is also compared by its last part.
pub(super) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let last = |name: &'n str| name.rsplit('.').next().unwrap_or(name);
    names
        .into_iter()
        .filter_map(|name| {
            let far = distance(wrong, name).min(distance(wrong, last(name)) + 1);
            let reach = (wrong.chars().count() / 3).clamp(1, 3);
            (far <= reach).then_some((far, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// Letters to change, add, leave out or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slip of the hand is recognised with and without the section; another word is not taken for one.
    #[test]
    fn near_names() {
        let names = ["sip.listen", "sip.realm", "ops.listen", "media.ports"];
        assert_eq!(nearest("sip.lisen", names), Some("sip.listen"));
        assert_eq!(nearest("sip.realsm", names), Some("sip.realm"));
        assert_eq!(nearest("media.prots", names), Some("media.ports"));
        assert_eq!(nearest("realm", names), Some("sip.realm"));
        assert_eq!(nearest("sip.codec", names), None);
    }
}
