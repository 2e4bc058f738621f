//! Statements that change tables, as a preview follows them.

use sqlparser::ast::{
    AlterTable, AlterTableOperation, Ident, ObjectName, ObjectType, RenameTableNameKind, Statement,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use thalweg_core::ConnectError;

use super::plain::{Effect, effect};

/// Longest text that is parsed, in bytes (invariant 7).
const SQL_BYTES_MAX: usize = 256 << 10;

/// Most statements.
const STATEMENTS_MAX: usize = 200;

/// One step of what the statements do.
#[derive(Debug)]
pub(super) enum Step {
    /// Columns or keys change.
    Alter(Box<AlterTable>),
    /// A table gets another name, in its schema.
    Rename { table: ObjectName, to: String },
    /// A table goes.
    Drop { table: ObjectName, if_exists: bool },
}

impl Step {
    /// The table, as the statement names it.
    pub(super) fn table(&self) -> &ObjectName {
        match self {
            Self::Alter(alter) => &alter.name,
            Self::Rename { table, .. } | Self::Drop { table, .. } => table,
        }
    }

    /// Whether it is fine that there is no such table.
    pub(super) fn may_be_missing(&self) -> bool {
        match self {
            Self::Alter(alter) => alter.if_exists,
            Self::Rename { .. } => false,
            Self::Drop { if_exists, .. } => *if_exists,
        }
    }
}

/// The steps of some SQL. What can't be followed is an error that names it.
pub(super) fn parse(sql: &str) -> Result<Vec<Step>, ConnectError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(refused(format!("the SQL has more than {SQL_BYTES_MAX} bytes")));
    }
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql)
        .map_err(|error| refused(format!("the SQL can't be followed: {error}")))?;
    if statements.is_empty() || statements.len() > STATEMENTS_MAX {
        return Err(refused(format!("send from 1 to {STATEMENTS_MAX} statements")));
    }
    let mut steps = Vec::new();
    for statement in statements {
        match statement {
            Statement::AlterTable(alter) => alter_steps(alter, &mut steps)?,
            Statement::Drop { object_type: ObjectType::Table, if_exists, names, .. } => {
                steps.extend(names.into_iter().map(|table| Step::Drop { table, if_exists }));
            }
            other => {
                return Err(refused(format!(
                    "this statement can't be followed, only ALTER TABLE and DROP TABLE can: {}",
                    start_of(&other.to_string())
                )));
            }
        }
    }
    Ok(steps)
}

fn alter_steps(mut alter: AlterTable, steps: &mut Vec<Step>) -> Result<(), ConnectError> {
    let renamed = alter.operations.iter().find_map(|operation| match operation {
        AlterTableOperation::RenameTable { table_name } => Some(table_name.clone()),
        _ => None,
    });
    if let Some(RenameTableNameKind::As(name) | RenameTableNameKind::To(name)) = renamed {
        let to = name.0.last().and_then(|part| part.as_ident()).map(value);
        let to = to.ok_or_else(|| refused(format!("RENAME TO {name} can't be followed")))?;
        if alter.operations.len() > 1 {
            return Err(refused(format!("RENAME TO {name} must stand in a statement of its own")));
        }
        steps.push(Step::Rename { table: alter.name, to });
        return Ok(());
    }
    let mut kept = Vec::new();
    for operation in alter.operations {
        match effect(&operation) {
            Effect::Rows(operation) => kept.push(*operation),
            Effect::None => {}
            Effect::Unknown => {
                return Err(refused(format!(
                    "this part of ALTER TABLE {} can't be followed (defaults may be constants, \
                     now() and the like): {}",
                    alter.name,
                    start_of(&operation.to_string())
                )));
            }
        }
    }
    alter.operations = kept;
    steps.push(Step::Alter(Box::new(alter)));
    Ok(())
}

/// An identifier as the server knows it: folded unless it is quoted.
pub(super) fn value(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn start_of(text: &str) -> String {
    text.chars().take(120).collect()
}

fn refused(message: String) -> ConnectError {
    ConnectError::bad_config(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::plain::on_table;
    use super::*;

    #[test]
    fn what_changes_rows_is_followed_and_the_rest_is_named() {
        let steps = parse(
            "ALTER TABLE shop.orders ADD COLUMN note text, OWNER TO me; \
             alter table Orders rename to \"Old Orders\"; DROP TABLE IF EXISTS a, b",
        )
        .unwrap();
        assert_eq!(steps.len(), 4);
        let Step::Alter(alter) = &steps[0] else { panic!("{steps:?}") };
        assert_eq!(alter.operations.len(), 1);
        assert!(matches!(&steps[1], Step::Rename { to, .. } if to == "Old Orders"));
        assert!(steps[3].may_be_missing());
        // What rows do not show is left out, and what computes is not run.
        for (sql, run) in [
            (
                "ALTER TABLE ONLY t ADD COLUMN c int NOT NULL DEFAULT -1 REFERENCES u CHECK (f(c))",
                r#"ALTER TABLE "copy" ADD COLUMN c INT NOT NULL DEFAULT -1"#,
            ),
            (
                "ALTER TABLE t ALTER COLUMN c TYPE text USING f(c)",
                r#"ALTER TABLE "copy" ALTER COLUMN c TYPE TEXT USING NULL"#,
            ),
            (
                "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()",
                r#"ALTER TABLE "copy" ADD COLUMN c TIMESTAMPTZ DEFAULT now()"#,
            ),
        ] {
            let Step::Alter(alter) = &parse(sql).unwrap()[0] else { panic!("{sql}") };
            assert_eq!(on_table(alter, "copy").unwrap(), run);
        }
        for sql in [
            r"ALTER TABLE t ADD COLUMN c text DEFAULT 'x\''; COMMIT; CREATE TABLE pwned(); --'",
            r#"ALTER TABLE t ADD COLUMN "c\"" text; DROP TABLE others; --" text"#,
            "ALTER TABLE t ADD COLUMN c foo('1); DROP TABLE others; --')",
            "ALTER TABLE t ADD COLUMN c text DEFAULT 'a--b'",
        ] {
            let is_run = parse(sql).is_ok_and(|steps| {
                steps.iter().any(|step| match step {
                    Step::Alter(alter) => on_table(alter, "copy").is_some(),
                    _ => true,
                })
            });
            assert!(!is_run, "{sql}");
        }
        for (sql, named) in [
            ("ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1)", "ATTACH"),
            ("ALTER TABLE t ADD COLUMN c int, RENAME TO u", "statement of its own"),
            ("ALTER TABLE t ADD COLUMN c xml DEFAULT table_to_xml('u', true, false, '')", "ADD"),
            ("ALTER TABLE t ADD COLUMN c oid DEFAULT 'me'::regrole", "can't be followed"),
            ("ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (f(1)) STORED", "GENERATED"),
            ("ALTER TABLE t ALTER c SET DEFAULT (SELECT 1)", "can't be followed"),
            ("CREATE TABLE t (a int)", "CREATE TABLE t"),
            ("DELETE FROM t", "DELETE FROM t"),
            ("ALTER TABLE t WOBBLE", "can't be followed"),
            ("", "1 to 200"),
        ] {
            let error = parse(sql).unwrap_err().to_string();
            assert!(error.contains(named), "{sql}: {error}");
        }
    }
}
