//! The prompts of all languages, read from `<directory>/<language>/<name>.wav` when the program starts or is told to
//! read them again. The one file of this room that reads files; it runs on the slow side, never on a media thread.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Prompt, PromptFault};

/// More prompts than any helpline records; a wrong directory must not be read to its end.
const MOST: usize = 10_000;
/// The largest file: 20 minutes at 48 kHz, two channels of 32 bits.
const LARGEST: u64 = 480 << 20;

/// Prompts by language and name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    prompts: BTreeMap<(Box<str>, Box<str>), Arc<Prompt>>,
}

/// A file that is not in the library, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct LibraryFault {
    /// Which file or directory.
    pub path: PathBuf,
    /// What is wrong with it, as a sentence without its subject.
    pub why: LibraryFaultKind,
}

/// What is wrong with a file of prompts.
#[derive(Debug, thiserror::Error)]
pub enum LibraryFaultKind {
    /// It cannot be read.
    #[error("cannot be read ({0})")]
    Unreadable(#[from] std::io::Error),
    /// It is no prompt.
    #[error(transparent)]
    Prompt(#[from] PromptFault),
    /// Its name is no name.
    #[error("has a name that is not plain text")]
    Name,
    /// Too large.
    #[error("is larger than any prompt may be")]
    TooLarge,
    /// Too many.
    #[error("holds more than 10000 prompts; the others were left out")]
    TooMany,
}

impl Library {
    /// Read every WAV file of every language below `directory`. What is sound is in the library; the rest is told.
    pub fn load(directory: &Path) -> (Library, Vec<LibraryFault>) {
        let mut library = Library::default();
        let mut faults = Vec::new();
        for language in entries(directory, &mut faults) {
            if !language.is_dir() {
                continue;
            }
            for file in entries(&language, &mut faults) {
                if !file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav")) {
                    continue;
                }
                if library.prompts.len() == MOST {
                    faults.push(LibraryFault { path: directory.to_owned(), why: LibraryFaultKind::TooMany });
                    return (library, faults);
                }
                match read(&language, &file) {
                    Ok((language, prompt)) => library.insert(&language, prompt),
                    Err(why) => faults.push(LibraryFault { path: file, why }),
                }
            }
        }
        (library, faults)
    }

    /// Put a prompt in, under its own name; replaces one of that name.
    pub fn insert(&mut self, language: &str, prompt: Prompt) {
        self.prompts.insert((language.into(), prompt.name().into()), Arc::new(prompt));
    }

    /// The prompt of that name in that language.
    pub fn get(&self, language: &str, name: &str) -> Option<Arc<Prompt>> {
        self.prompts.get(&(language.into(), name.into())).cloned()
    }

    /// All prompts: language, then name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Prompt>)> {
        self.prompts.iter().map(|((language, _), prompt)| (&**language, prompt))
    }

    /// How many there are, over all languages.
    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }
}

fn read(language: &Path, file: &Path) -> Result<(String, Prompt), LibraryFaultKind> {
    let text = |name: Option<&std::ffi::OsStr>| name.and_then(|name| name.to_str()).map(str::to_owned);
    let language = text(language.file_name()).ok_or(LibraryFaultKind::Name)?;
    let name = text(file.file_stem()).ok_or(LibraryFaultKind::Name)?;
    if fs::metadata(file)?.len() > LARGEST {
        return Err(LibraryFaultKind::TooLarge);
    }
    Ok((language, Prompt::from_wav(&name, &fs::read(file)?)?))
}

/// What is in a directory, in the order of names.
fn entries(directory: &Path, faults: &mut Vec<LibraryFault>) -> Vec<PathBuf> {
    let mut paths = match fs::read_dir(directory) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>(),
        Err(error) => {
            faults.push(LibraryFault { path: directory.to_owned(), why: error.into() });
            Vec::new()
        }
    };
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound files are found by language and name; a bad one is told by its path, and the others are there all the same.
    #[test]
    fn loads_what_is_sound() {
        let directory = std::env::temp_dir().join(format!("ecoute-prompts-{}", std::process::id()));
        fs::create_dir_all(directory.join("fr")).expect("made");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(directory.join("fr/welcome.wav"), spec).expect("made");
        (0..800).for_each(|n| writer.write_sample(n as i16).expect("written"));
        writer.finalize().expect("closed");
        fs::write(directory.join("fr/broken.WAV"), b"no").expect("written");
        fs::write(directory.join("fr/read me.txt"), b"no").expect("written");
        let (library, faults) = Library::load(&directory);
        fs::remove_dir_all(&directory).expect("removed");
        assert_eq!(library.get("fr", "welcome").map(|prompt| prompt.frames()), Some(5));
        assert_eq!((library.len(), library.get("en", "welcome")), (1, None));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().contains("broken.WAV: is not a sound WAV"), "{}", faults[0]);
        assert_eq!(Library::load(&directory).1.len(), 1, "no directory is a fault");
    }
}
