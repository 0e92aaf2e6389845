//! Where a listener's section stands in the text: its lines, its keys, the comment above it.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::AccountError;

/// A section of the file.
pub(super) struct Section {
    /// From the line of its header to the end of its last line, without comments below it.
    pub lines: Range<usize>,
    /// Its keys, in no order.
    pub keys: Vec<KeySpan>,
}

pub(super) struct KeySpan {
    pub name: String,
    pub at: Range<usize>,
    pub value: Range<usize>,
}

/// Where the section `[listener.<id>]` stands in `text`.
pub(super) fn section(text: &str, id: &str) -> Result<Section, AccountError> {
    let unknown = || AccountError::Unknown(id.to_owned());
    let tree = DeTable::parse(text).map_err(|_| unknown())?;
    let listeners = tree.get_ref().get("listener").ok_or_else(unknown)?.get_ref().as_table().ok_or_else(unknown)?;
    let (name, value) =
        listeners.iter().find(|(name, _)| name.get_ref().eq_ignore_ascii_case(id)).ok_or_else(unknown)?;
    let table = value.get_ref().as_table().ok_or_else(unknown)?;
    let header = whole_lines(text, name.span());
    // `marie = { … }` or `listener.marie.centre = …` are TOML too, but not what these commands write.
    if !text[header.clone()].trim_start().starts_with('[') {
        return Err(AccountError::Unusual(id.to_owned()));
    }
    let keys: Vec<KeySpan> = table
        .iter()
        .map(|(key, value)| KeySpan {
            name: key.get_ref().to_string(),
            at: key.span(),
            value: last_of(value.get_ref(), value.span()),
        })
        .collect();
    let end = keys.iter().map(|key| whole_lines(text, key.value.clone()).end).max();
    Ok(Section { lines: header.start..end.unwrap_or(header.end).max(header.end), keys })
}

/// The span of a value, dotted keys (`modules.initial = …`) followed to the last of what they hold.
fn last_of(value: &DeValue<'_>, span: Range<usize>) -> Range<usize> {
    match value.as_table() {
        Some(table) => {
            let inner = table.iter().map(|(_, value)| last_of(value.get_ref(), value.span()));
            inner.chain([span]).max_by_key(|span| span.end).unwrap_or(0..0)
        }
        None => span,
    }
}

/// The whole lines on which `span` lies, with the end of the last one.
pub(super) fn whole_lines(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1);
    start..end
}

/// Where the comment that stands right above `at` begins.
pub(super) fn comment_above(text: &str, at: usize) -> usize {
    let mut from = at;
    while from > 0 {
        let line = whole_lines(text, from - 1..from - 1);
        if !text[line.clone()].trim_start().starts_with('#') {
            break;
        }
        from = line.start;
    }
    from
}
