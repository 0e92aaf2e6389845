//! Comma-separated tables (RFC 4180), as far as ours use the form: a line of column names, quotes where a field holds a
//! comma or a quote. Columns are found by name, so that a table may gain one.

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table of {table}: {what}")]
pub struct BadTable {
    /// Which table.
    pub table: &'static str,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// A table being read.
pub(super) struct Table<'a> {
    name: &'static str,
    columns: Vec<String>,
    lines: Vec<(usize, &'a str)>,
}

/// One row of it.
pub(super) struct Row<'a> {
    table: &'a Table<'a>,
    line: usize,
    fields: Vec<String>,
}

impl<'a> Table<'a> {
    /// The table `text`, called `name` in faults. Blank lines are passed over.
    pub(super) fn read(name: &'static str, text: &'a str) -> Result<Table<'a>, BadTable> {
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let mut lines = lines.map(|(nth, line)| (nth + 1, line)).filter(|(_, line)| !line.trim().is_empty());
        let (line, head) = lines.next().ok_or(BadTable { table: name, line: 1, what: "no line of column names" })?;
        let columns = fields(head).ok_or(BadTable { table: name, line, what: "an open quote" })?;
        Ok(Table { name, columns, lines: lines.collect() })
    }

    /// Its rows.
    pub(super) fn rows(&'a self) -> impl Iterator<Item = Result<Row<'a>, BadTable>> {
        self.lines.iter().map(move |(line, text)| {
            let fault = |what| BadTable { table: self.name, line: *line, what };
            let fields = fields(text).ok_or_else(|| fault("an open quote"))?;
            if fields.len() != self.columns.len() {
                return Err(fault("not as many fields as columns"));
            }
            Ok(Row { table: self, line: *line, fields })
        })
    }
}

impl Row<'_> {
    /// The field of column `name`.
    pub(super) fn get(&self, name: &str) -> Result<&str, BadTable> {
        let column = self.table.columns.iter().position(|column| column == name);
        column.and_then(|nth| self.fields.get(nth)).map(String::as_str).ok_or(self.fault("a column is missing"))
    }

    /// The field of column `name` as a value.
    pub(super) fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, BadTable> {
        self.get(name)?.parse().map_err(|_| self.fault("a field has not the form of its column"))
    }

    /// A fault of this row.
    pub(super) fn fault(&self, what: &'static str) -> BadTable {
        BadTable { table: self.table.name, line: self.line, what }
    }
}

/// The fields of a line; none when a quote is not closed.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let field = fields.last_mut()?;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => field.push(letter),
        }
    }
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quotes hold commas and quotes; an open one is a fault with its line.
    #[test]
    fn quotes() {
        assert_eq!(fields(r#"a,"b, ""c""",,d"#), Some(vec!["a".into(), r#"b, "c""#.into(), String::new(), "d".into()]));
        assert_eq!(fields(r#"a,"b"#), None);
        let table = Table::read("tests", "x,y\n1,2\n\n1\n").expect("columns");
        let rows: Vec<_> = table.rows().map(|row| row.map(|row| row.parse::<u8>("y").ok())).collect();
        let fault = BadTable { table: "tests", line: 4, what: "not as many fields as columns" };
        assert_eq!(rows, [Ok(Some(2)), Err(fault)]);
        assert!(Table::read("tests", "").is_err());
    }

    /// A column that is not there is a fault, not a blank.
    #[test]
    fn columns() {
        let table = Table::read("tests", "x\n1\n").expect("columns");
        let row = table.rows().next().expect("a row").expect("sound");
        assert_eq!(row.get("x"), Ok("1"));
        assert_eq!(row.get("z").map_err(|fault| fault.what), Err("a column is missing"));
    }
}
