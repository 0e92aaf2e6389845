//! Words from outside that may hold a caller's number or name: kept, passed on, never printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that `Debug` does not show. [`Hidden::reveal`] is the one way to read it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Hidden {
        Hidden(text.into())
    }

    /// Hides bytes from the wire; what is not UTF-8 is replaced.
    pub fn from_bytes(bytes: &[u8]) -> Hidden {
        Hidden(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text, for matching and dialling; never for a log, a label or a trace.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Nothing in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Hidden {
        Hidden(text.to_owned())
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Hidden {
        Hidden(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// Who somebody says he is: a display name and a URI (sip, sips or tel).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The display name, unquoted; empty when there is none.
    pub display: Hidden,
    /// The URI as written.
    pub uri: Hidden,
}

/// Further headers of an outgoing message. `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// None.
    pub const fn none() -> Headers {
        Headers(Vec::new())
    }

    /// Adds one. Where a name or value holds CR, LF or NUL the writer puts a space: neither can begin a line.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Headers {
        self.push(name, value);
        self
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl From<Vec<(String, String)>> for Headers {
    fn from(headers: Vec<(String, String)>) -> Headers {
        Headers(headers)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither text, identity nor header value can be read from a debug line.
    #[test]
    fn debug_shows_nothing() {
        let who = Identity { display: "Alice".into(), uri: "sip:+33476000102@example.org".into() };
        let headers = Headers::none().with("P-Asserted-Identity", "<tel:+33476000102>");
        let shown = format!("{who:?} {headers:?} {:?}", Hidden::new("0476"));
        assert!(!shown.contains("Alice") && !shown.contains("0476") && !shown.contains("33476"), "{shown}");
        assert!(shown.contains("P-Asserted-Identity"));
    }
}
