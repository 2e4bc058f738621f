//! What of a statement may reach the server.
//!
//! A preview runs with the rights of the connector's user, for whoever reaches the
//! REST interface. So nothing is run but one statement about one temporary table,
//! and nothing in it computes: a default that calls a function could read any
//! table, and tell what it read in an error.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, Expr,
    FunctionArguments, Ident, ObjectName, Statement, TableConstraint, UnaryOperator, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Functions without arguments that a default may name.
const FUNCTIONS: [&str; 7] = [
    "now",
    "current_timestamp",
    "current_date",
    "clock_timestamp",
    "transaction_timestamp",
    "gen_random_uuid",
    "uuid_generate_v4",
];

/// What a part of a statement does.
pub(super) enum Effect {
    /// It may change what rows look like. As it may be run: without what rows do not
    /// show.
    Rows(Box<AlterTableOperation>),
    /// Nothing that rows show.
    None,
    /// That is not known, or it computes.
    Unknown,
}

/// What a part of a statement does.
pub(super) fn effect(operation: &AlterTableOperation) -> Effect {
    use AlterTableOperation as Op;
    let rows = |operation: &Op| Effect::Rows(Box::new(operation.clone()));
    match operation {
        Op::AddColumn { column_keyword, if_not_exists, column_def, column_position: None } => {
            let Some(column_def) = column(column_def) else { return Effect::Unknown };
            rows(&Op::AddColumn {
                column_keyword: *column_keyword,
                if_not_exists: *if_not_exists,
                column_def,
                column_position: None,
            })
        }
        Op::AlterColumn { column_name, op } => match column_change(op) {
            Some(op) => rows(&Op::AlterColumn { column_name: column_name.clone(), op }),
            None => Effect::Unknown,
        },
        Op::DropColumn { .. } | Op::RenameColumn { .. } => rows(operation),
        Op::AddConstraint { constraint, .. } => match constraint {
            TableConstraint::PrimaryKey(_) | TableConstraint::Unique(_) => rows(operation),
            TableConstraint::ForeignKey(_) | TableConstraint::Check(_) => Effect::None,
            _ => Effect::Unknown,
        },
        Op::DisableRowLevelSecurity
        | Op::EnableRowLevelSecurity
        | Op::ForceRowLevelSecurity
        | Op::NoForceRowLevelSecurity
        | Op::DisableRule { .. }
        | Op::DisableTrigger { .. }
        | Op::EnableAlwaysRule { .. }
        | Op::EnableAlwaysTrigger { .. }
        | Op::EnableReplicaRule { .. }
        | Op::EnableReplicaTrigger { .. }
        | Op::EnableRule { .. }
        | Op::EnableTrigger { .. }
        | Op::RenameConstraint { .. }
        | Op::ValidateConstraint { .. }
        | Op::OwnerTo { .. } => Effect::None,
        _ => Effect::Unknown,
    }
}

/// A new column without what rows do not show; none if it computes.
fn column(column: &ColumnDef) -> Option<ColumnDef> {
    let mut kept = column.clone();
    kept.options.retain(|option| {
        !matches!(option.option, ColumnOption::ForeignKey(_) | ColumnOption::Check(_))
    });
    let is_plain = kept.options.iter().all(|option| match &option.option {
        ColumnOption::Null
        | ColumnOption::NotNull
        | ColumnOption::PrimaryKey(_)
        | ColumnOption::Unique(_)
        | ColumnOption::Collation(_)
        | ColumnOption::Generated { generation_expr: None, .. } => true,
        ColumnOption::Default(value) => is_constant(value),
        _ => false,
    });
    is_plain.then_some(kept)
}

fn column_change(change: &AlterColumnOperation) -> Option<AlterColumnOperation> {
    use AlterColumnOperation as Op;
    match change {
        Op::SetNotNull | Op::DropNotNull | Op::DropDefault | Op::AddGenerated { .. } => {
            Some(change.clone())
        }
        Op::SetDefault { value } => is_constant(value).then(|| change.clone()),
        Op::SetDataType { data_type, using, had_set } => Some(Op::SetDataType {
            data_type: data_type.clone(),
            // There are no rows to compute it for: only that it is there matters.
            using: using.as_ref().map(|_| Expr::Value(Value::Null.into())),
            had_set: *had_set,
        }),
        Op::GenericOptions { .. } => None,
    }
}

/// Whether an expression reads nothing.
fn is_constant(value: &Expr) -> bool {
    match value {
        Expr::Value(value) => matches!(
            value.value,
            Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null
        ),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
            matches!(&**expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
        }
        Expr::Nested(inner) => is_constant(inner),
        Expr::Cast { expr, data_type, .. } => {
            // A name of something in the catalog is looked up.
            is_constant(expr) && !data_type.to_string().to_lowercase().contains("reg")
        }
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            let has_none = match &function.args {
                FunctionArguments::None => true,
                FunctionArguments::List(list) => list.args.is_empty() && list.clauses.is_empty(),
                FunctionArguments::Subquery(_) => false,
            };
            has_none && FUNCTIONS.contains(&name.as_str())
        }
        _ => false,
    }
}

/// The text of a statement on another table; none where it can't be told for certain
/// how a server reads that text.
pub(super) fn on_table(alter: &AlterTable, table: &str) -> Option<String> {
    let mut alter = alter.clone();
    alter.name = ObjectName::from(vec![Ident::with_quote('"', table)]);
    alter.only = false;
    alter.if_exists = false;
    let statement = Statement::AlterTable(alter);
    let text = statement.to_string();
    // What is printed is not always what was parsed.
    let read_back = Parser::parse_sql(&PostgreSqlDialect {}, &text).ok()?;
    (is_plain(&text) && read_back == [statement]).then_some(text)
}

/// Whether a text has nothing that is read in more than one way: no comments, no
/// second statement, no escapes, no quotes within quotes.
fn is_plain(text: &str) -> bool {
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some('"') if c.is_alphanumeric() || " _-.".contains(c) => {}
            Some('\'') if c.is_alphanumeric() || " _-.:,+/@".contains(c) => {}
            Some(_) => return false,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c.is_alphanumeric() || " _.,()[]+:".contains(c) => {}
            None if c == '-' => {}
            None => return false,
        }
    }
    quote.is_none() && !text.contains("--")
}
