//! What is wrong with a file the staff wrote: where, in a sentence, and what was probably meant.

use std::fmt;
use std::ops::Range;

/// A sentence in the two languages of the staff.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// In French.
    pub fr: String,
    /// In English.
    pub en: String,
}

impl Said {
    /// This, a colon, and `more`.
    pub(super) fn then(&self, more: &Said) -> Said {
        Said { fr: format!("{} : {}", self.fr, more.fr), en: format!("{}: {}", self.en, more.en) }
    }
}

/// The same sentence, French first: `said!("pas de `{name}`", "no `{name}`")`.
macro_rules! said {
    ($fr:literal, $en:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        $(let $name = $value;)*
        $crate::dialplan::fault::Said { fr: format!($fr), en: format!($en) }
    }};
}
pub(super) use said;

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as it was named by whoever had it read.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub sentence: Said,
    /// What was probably meant, or what to do.
    pub hint: Option<Said>,
}

/// `file:line: ` in French, and the English on a line of its own below.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.sentence.fr)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({})", hint.fr)?;
        }
        write!(f, "\n    {}", self.sentence.en)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({})", hint.en)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// The faults found so far in one file. Bounded: a file that is wrong everywhere is not read to its end.
#[derive(Debug)]
pub(super) struct Faults {
    file: String,
    /// Where each line begins, in bytes.
    begins: Vec<usize>,
    found: Vec<Fault>,
}

impl Faults {
    pub fn new(file: &str, text: &str) -> Faults {
        let begins = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Faults { file: file.to_owned(), begins, found: Vec::new() }
    }

    /// The line on which byte `at` stands.
    pub fn line(&self, at: usize) -> u32 {
        u32::try_from(self.begins.partition_point(|begin| *begin <= at).max(1)).unwrap_or(u32::MAX)
    }

    pub fn at(&mut self, span: &Range<usize>, sentence: Said, hint: Option<Said>) {
        self.on(self.line(span.start), sentence, hint);
    }

    pub fn on(&mut self, line: u32, sentence: Said, hint: Option<Said>) {
        let fault = Fault { file: self.file.clone(), line, sentence, hint };
        if self.found.len() < FAULTS_MAX && !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, in the order of the file.
    pub fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort();
        self.found
    }
}

/// "Did you mean …?", when one of `names` is written almost like `wrong`.
pub(super) fn did_you_mean<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<Said> {
    nearest(wrong, names).map(|name| said!("vouliez-vous écrire `{name}` ?", "did you mean `{name}`?"))
}

/// The name written most like `wrong`, when it is near enough to be a slip of the hand.
pub(super) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let reach = (wrong.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(far, name)| *far <= reach && *far < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// How many letters must be changed, added, left out or swapped with their neighbour to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

const FAULTS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    /// A slip of the hand is recognised; another word is not taken for one.
    #[test]
    fn near_names() {
        let names = ["welcome", "danger", "listener", "busy"];
        assert_eq!(nearest("welcom", names), Some("welcome"));
        assert_eq!(nearest("dagner", names), Some("danger"));
        assert_eq!(nearest("buzy", names), Some("busy"));
        assert_eq!(nearest("goodbye", names), None);
    }

    /// A byte knows its line, also at both ends of the file.
    #[test]
    fn lines() {
        let faults = Faults::new("f", "a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6, 99].map(|at| faults.line(at)), [1, 1, 2, 2, 3, 4, 4]);
        assert!(faults.is_empty());
    }
}
