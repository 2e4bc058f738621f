use super::{Cell, Columns, Layout};
use crate::schema::{SchemaBuilder, Value};

#[test]
fn whole_values_come_back_as_they_went_in() {
    let point = SchemaBuilder::structure()
        .field("x", SchemaBuilder::float64().build())
        .field("tags", SchemaBuilder::array(SchemaBuilder::string().optional().build()).build())
        .optional()
        .build();
    let schema = SchemaBuilder::structure()
        .field("before", point.clone())
        .field("after", point)
        .field(
            "map",
            SchemaBuilder::map(SchemaBuilder::string().build(), SchemaBuilder::int64().build())
                .optional()
                .build(),
        )
        .build();
    let mut columns = Columns::new(Layout::of(&schema));
    let text = |text: &str| Value::Text(text.into());
    let rows = [
        Value::Struct(vec![
            Value::Null,
            Value::Struct(vec![
                Value::Float(1.5),
                Value::List(vec![text("a"), Value::Null, text("")]),
            ]),
            Value::Map(vec![(text("k"), Value::Int(1))]),
        ]),
        Value::Null,
        Value::Struct(vec![
            Value::Struct(vec![Value::Float(2.0), Value::List(vec![])]),
            Value::Struct(vec![Value::Float(3.0), Value::Unavailable]),
            Value::Null,
        ]),
    ];
    rows.iter().for_each(|row| columns.push_value(row));
    assert_eq!(columns.rows(), 3);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(&columns.value(number), row);
    }
    assert!(columns.has_row(0) && !columns.has_row(1) && columns.has_row(2));
    columns.clear();
    assert_eq!((columns.rows(), columns.size()), (0, 0));
}

#[test]
fn a_constant_is_there_in_every_row_and_takes_no_cells() {
    let schema = SchemaBuilder::structure()
        .field("db", SchemaBuilder::string().build())
        .field("id", SchemaBuilder::int64().build())
        .build();
    let mut columns = Columns::new(Layout::of(&schema));
    let db = columns.intern(b"shop").unwrap();
    columns.set_constant(1, db);
    columns.set_all_present(0);
    for id in 0..100 {
        columns.set(2, Cell::Int(id));
        columns.end_row();
    }
    assert_eq!(columns.bytes_at(1, 99), Some(&b"shop"[..]));
    assert_eq!(columns.cell(2, 99), Cell::Int(99));
    assert_eq!(columns.size(), 100 * 16 + 4);
}

#[test]
fn room_for_rows_to_come_counts_as_memory_and_not_as_rows() {
    let schema = SchemaBuilder::structure()
        .field("id", SchemaBuilder::int64().build())
        .field("note", SchemaBuilder::string().build())
        .build();
    let rows = |count: i64, columns: &mut Columns| {
        for id in 0..count {
            columns.set(1, Cell::Int(id));
            let note = columns.intern(b"ten bytes.").unwrap();
            columns.set(2, note);
            columns.end_row();
        }
    };
    let mut large = Columns::new(Layout::of(&schema));
    rows(1000, &mut large);
    assert!((large.size()..=3 * large.size()).contains(&large.memory()), "{}", large.memory());
    let mut small = Columns::new(Layout::of(&schema));
    assert_eq!(small.memory(), 0);
    small.make_room(&large.room());
    rows(1, &mut small);
    assert!(small.size() < 100, "{}", small.size());
    assert!(small.memory() >= large.size(), "{} of {}", small.memory(), large.size());
}

#[test]
fn a_discarded_row_leaves_no_trace() {
    let schema = SchemaBuilder::structure().field("id", SchemaBuilder::int64().build()).build();
    let mut columns = Columns::new(Layout::of(&schema));
    columns.set_present(0);
    columns.set(1, Cell::Int(1));
    columns.discard_row();
    columns.set_present(0);
    columns.set(1, Cell::Int(2));
    columns.end_row();
    assert_eq!(columns.value(0), Value::Struct(vec![Value::Int(2)]));
    assert_eq!(columns.cell(1, 1), Cell::Null);
}
