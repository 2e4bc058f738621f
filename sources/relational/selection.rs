//! Which tables and columns: lists of regular expressions, as Debezium reads
//! them.

use regex::{Regex, RegexBuilder};
use thalweg_core::config::Declare;

/// Comma-separated regular expressions. Each must match a whole name, in any
/// case; `\,` is a comma of an expression.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    /// As it was posted, for messages.
    text: String,
    all: Vec<Regex>,
}

impl Patterns {
    /// Reads a list. The error names the expression and what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all = split(text, ',').iter().map(|one| anchored(one)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), all })
    }

    /// Whether one of them matches the whole name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.all.iter().any(|pattern| pattern.is_match(name))
    }
}

/// Include and exclude lists of one kind of thing.
#[derive(Clone, Debug, Default)]
struct Filter {
    include: Option<Patterns>,
    exclude: Option<Patterns>,
}

impl Filter {
    fn has(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|list| list.matches(name))
            && self.exclude.as_ref().is_none_or(|list| !list.matches(name))
    }
}

/// `message.key.columns`: which columns make the key of which tables.
#[derive(Clone, Debug, Default)]
pub struct KeyColumns(Vec<(Regex, Vec<String>)>);

impl KeyColumns {
    /// Reads `table:column,column;table:column`, where a table is a regular
    /// expression on `schema.table`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            // Java matches `\s*([^\s].*):(.*)`: the last colon parts them.
            let (table, columns) = part.rsplit_once(':').ok_or_else(|| {
                format!("{part}: expected schema.table:column,column;schema.table:column")
            })?;
            let columns: Vec<String> = split(columns, ',');
            if columns.is_empty() {
                return Err(format!("{part}: names no column"));
            }
            all.push((anchored(table)?, columns));
        }
        Ok(Self(all))
    }

    /// The key columns of a table (`schema.table`), if the config names some.
    #[must_use]
    pub fn of(&self, table: &str) -> Option<Vec<&str>> {
        let mut found = self.0.iter().filter(|(pattern, _)| pattern.is_match(table)).peekable();
        found.peek()?;
        Some(found.flat_map(|(_, columns)| columns.iter().map(String::as_str)).collect())
    }
}

/// Which schemas, tables and columns a connector reads.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    schemas: Filter,
    tables: Filter,
    columns: Filter,
    /// What makes keys.
    pub keys: KeyColumns,
}

impl Selection {
    /// Declares the include and exclude lists and `message.key.columns`.
    pub fn declare(keys: &mut Declare<'_>) -> Self {
        let schemas = filter(keys, "schema", "Schemas");
        let tables = filter(keys, "table", "Tables (schema.table)");
        let columns = filter(keys, "column", "Columns (schema.table.column)");
        let text = keys
            .text(
                "message.key.columns",
                "Which columns make the key: schema.table:column,column;schema.table:column. \
                 The primary key otherwise.",
            )
            .check(|text: &String| KeyColumns::parse(text).map(drop))
            .optional();
        let parsed = text.and_then(|text| KeyColumns::parse(&text).ok());
        Self { schemas, tables, columns, keys: parsed.unwrap_or_default() }
    }

    /// Whether it has a table, its schema considered too.
    #[must_use]
    pub fn has_table(&self, schema: &str, table: &str) -> bool {
        self.schemas.has(schema) && self.tables.has(&format!("{schema}.{table}"))
    }

    /// `table.include.list` as it was posted.
    #[must_use]
    pub fn tables_included(&self) -> Option<&str> {
        self.tables.include.as_ref().map(|list| list.text.as_str())
    }

    /// Whether it has a column of a table that it has.
    #[must_use]
    pub fn has_column(&self, schema: &str, table: &str, column: &str) -> bool {
        self.columns.has(&format!("{schema}.{table}.{column}"))
    }
}

fn filter(keys: &mut Declare<'_>, kind: &str, what: &str) -> Filter {
    let mut list = |verb: &str, doc: String| {
        keys.text(&format!("{kind}.{verb}.list"), &doc)
            .high()
            .check(|text: &String| Patterns::parse(text).map(drop))
            .optional()
            .and_then(|text| Patterns::parse(&text).ok())
    };
    let doc = "comma-separated regular expressions, each of the whole name";
    let include = list("include", format!("{what} to read: {doc}. All by default."));
    let exclude = list("exclude", format!("{what} to leave out: {doc}."));
    if include.is_some() && exclude.is_some() {
        keys.problem(
            &format!("{kind}.exclude.list"),
            format!("\"{kind}.include.list\" is already specified: remove one of the two"),
        );
    }
    Filter { include, exclude }
}

/// Parts at separators that no backslash stands before, trimmed, without empty
/// ones.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = parts.len() - 1;
        match letter {
            '\\' if letters.peek() == Some(&separator) => {
                parts[last].extend(letters.next());
            }
            '\\' => {
                // What follows stands for itself here, whatever it is.
                parts[last].push('\\');
                parts[last].extend(letters.next());
            }
            letter if letter == separator => parts.push(String::new()),
            letter => parts[last].push(letter),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn anchored(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&format!("^(?:{})$", pattern.trim()))
        .case_insensitive(true)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("{pattern}: too big an expression"),
            _ => format!(
                "{pattern}: not a regular expression that Thalweg can read (look-around and \
                 back-references are not supported)"
            ),
        })
}
