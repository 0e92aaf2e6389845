//! Parameters: `;name=value;flag` behind a URI, an address or a Via (RFC 3261 §25.1, `generic-param`).

use std::fmt;

use super::text::{find_unquoted, trim, unquote};

/// Parameters as written, split when asked. Blanks around `;` and `=` do not matter; the first of two equal names wins.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// The parameters in `text`, which may begin with their first `;`.
    pub fn new(text: &'a [u8]) -> Params<'a> {
        Params(text)
    }

    /// As written.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Are there none?
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// One by one, empty ones (`;;`) passed over.
    pub fn iter(self) -> ParamsIter<'a> {
        ParamsIter(self.0)
    }

    /// The value of `name` (in any case), without quotes; empty when the parameter has none. `None` when it is absent.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|p| p.name.eq_ignore_ascii_case(name.as_bytes())).map(|p| p.value.unwrap_or(b""))
    }

    /// Is there a parameter of this name?
    pub fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} bytes)", self.0.len())
    }
}

/// One parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Param<'a> {
    /// Left of the `=`, as written.
    pub name: &'a [u8],
    /// Right of the `=`, without quotes (escapes stay); `None` without `=`.
    pub value: Option<&'a [u8]>,
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Param({} bytes = {:?} bytes)", self.name.len(), self.value.map(<[u8]>::len))
    }
}

/// See [`Params::iter`].
#[derive(Clone, Debug)]
pub struct ParamsIter<'a>(&'a [u8]);

impl<'a> Iterator for ParamsIter<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        while !self.0.is_empty() {
            // A quoted string that never ends takes everything with it.
            let end = find_unquoted::<b';'>(self.0).ok().flatten().unwrap_or(self.0.len());
            let text = &self.0[..end];
            self.0 = self.0.get(end + 1..).unwrap_or(b"");
            let param = match find_unquoted::<b'='>(text).ok().flatten() {
                Some(at) => Param { name: trim(&text[..at]), value: Some(unquote(trim(&text[at + 1..]))) },
                None => Param { name: trim(text), value: None },
            };
            if !param.name.is_empty() {
                return Some(param);
            }
        }
        None
    }
}

/// Splits `text` at its first `;` outside quotes: what stands before, and the parameters behind.
pub(crate) fn split_params(text: &[u8]) -> (&[u8], Params<'_>) {
    match find_unquoted::<b';'>(text) {
        Ok(Some(at)) => (trim(&text[..at]), Params::new(&text[at..])),
        _ => (trim(text), Params::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blanks, quotes, flags, doubled semicolons and case.
    #[test]
    fn parameters_in_every_dress() {
        let params = Params::new(b" ; Tag \r\n =  abc ;; lr;text=\"a;b=\\\"c\\\"\"; tag=second ;");
        assert_eq!(params.get("tag"), Some(b"abc".as_slice()));
        assert_eq!(params.get("LR"), Some(b"".as_slice()));
        assert_eq!(params.get("text"), Some(b"a;b=\\\"c\\\"".as_slice()));
        assert_eq!(params.get("absent"), None);
        assert_eq!(params.iter().count(), 4);
        assert!(Params::new(b" ; ").is_empty());
        assert_eq!(Params::new(b"x=\"never ends;y").iter().count(), 1);
    }
}
