//! Values of the wire in cells: text and binary say the same.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use thalweg_core::batch::{Columns, Layout};
use thalweg_core::schema::Value;

use super::{ColumnType, Modes, TupleValue};
use crate::postgres::catalog::{ColumnInfo, Types};

fn column(oid: u32, modifier: i32) -> ColumnInfo {
    ColumnInfo {
        name: "c".to_owned(),
        type_oid: oid,
        type_modifier: modifier,
        not_null: false,
        default_expr: None,
        generated: false,
        identity: false,
    }
}

fn read(oid: u32, modifier: i32, value: TupleValue<'_>) -> Value {
    try_read(oid, modifier, value).unwrap()
}

fn try_read(oid: u32, modifier: i32, value: TupleValue<'_>) -> Result<Value, &'static str> {
    let kind = ColumnType::compile(&column(oid, modifier), &Types::default(), &Modes::default());
    let mut columns = Columns::new(Layout::of(&kind.schema));
    kind.write(value, &mut columns, 0).map_err(|error| error.0)?;
    columns.end_row();
    Ok(columns.value(0))
}

fn text(oid: u32, modifier: i32, value: &str) -> Value {
    read(oid, modifier, TupleValue::Text(value.as_bytes()))
}

fn numeric(precision: i32, scale: i32) -> i32 {
    ((precision << 16) | (scale & 0x7ff)) + 4
}

#[test]
fn decimals_are_as_short_as_can_be_and_right_beyond_128_bits() {
    for (value, bytes) in [
        ("0.00", vec![0]),
        ("1.27", vec![127]),
        ("1.28", vec![0, 128]),
        ("-1.28", vec![128]),
        ("-1.29", vec![255, 127]),
        ("-0.01", vec![255]),
    ] {
        assert_eq!(text(1700, numeric(10, 2), value), Value::Bytes(bytes), "{value}");
    }
    let big = "9".repeat(60);
    let Value::Bytes(bytes) = text(1700, numeric(62, 2), &format!("{big}.00")) else { panic!() };
    let expected: num_bigint::BigInt = format!("{big}00").parse().unwrap();
    assert_eq!(bytes, expected.to_signed_bytes_be());
}

#[test]
fn numeric_in_binary_is_the_same_as_in_text() {
    // 12345.67, scale 2: digits 1, 2345, 6700; weight 1
    let bytes = [0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 9, 41, 26, 44];
    let binary = read(1700, numeric(10, 2), TupleValue::Binary(&bytes));
    assert_eq!(binary, text(1700, numeric(10, 2), "12345.67"));
    let variable = read(1700, -1, TupleValue::Binary(&bytes));
    assert_eq!(variable, text(1700, -1, "12345.67"));
    // -1e20, scale 0: digit 1; weight 5
    let bytes = [0, 1, 0, 5, 0x40, 0, 0, 0, 0, 1];
    assert_eq!(
        read(1700, -1, TupleValue::Binary(&bytes)),
        text(1700, -1, "-100000000000000000000")
    );
}

#[test]
fn dates_before_the_common_era_and_after_the_year_9999() {
    assert_eq!(text(1082, -1, "0044-03-15 BC"), Value::Int(-735_160));
    assert_eq!(text(1082, -1, "4713-01-01 BC"), Value::Int(-2_440_550));
    assert_eq!(text(1082, -1, "5874897-12-31"), Value::Int(2_145_042_905));
    assert_eq!(
        text(1184, -1, "12024-01-01 10:00:00+00"),
        Value::Text("+12024-01-01T10:00:00.000000Z".to_owned())
    );
    assert_eq!(
        text(1184, 0, "0044-03-15 12:00:00+00 BC"),
        Value::Text("-0043-03-15T12:00:00Z".to_owned())
    );
}

#[test]
fn nothing_panics_on_what_is_no_value_and_errors_hold_none_of_it() {
    let oids = [
        16, 17, 20, 21, 23, 26, 600, 700, 701, 774, 790, 869, 1082, 1083, 1114, 1184, 1186, 1266,
        1560, 1562, 1700, 2950, 3802,
    ];
    let inputs: [&[u8]; 12] = [
        b"",
        b"{",
        b"\\x0",
        b"secret",
        b"-",
        b"1-2-3",
        b"99999999999999999999999999",
        &[0xff; 8],
        &[0x7f; 4],
        &[0; 12],
        &[0xff; 40],
        &[0, 9, 0, 0, 0, 0, 0, 0, 1],
    ];
    for oid in oids {
        for modifier in [-1, 0, 3, numeric(5, 2), i32::MAX, i32::MIN] {
            for input in inputs {
                for value in [TupleValue::Text(input), TupleValue::Binary(input)] {
                    if let Err(reason) = try_read(oid, modifier, value) {
                        assert!(!reason.contains("secret"), "{reason}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_interval_has_its_signs() {
    let value = text(1186, -1, "-1 years -2 mons +3 days -04:05:06.789012");
    let month = 2_629_800_000_000i64;
    let micros = -14 * month + 3 * 86_400_000_000 - 14_706_789_012;
    assert_eq!(value, Value::Int(micros));
}

#[test]
fn a_network_address_in_binary_is_as_postgres_prints_it() {
    let read = |bytes: &[u8]| read(869, -1, TupleValue::Binary(bytes));
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(read(&[2, 32, 0, 4, 10, 0, 0, 1]), text("10.0.0.1"));
    assert_eq!(read(&[2, 24, 0, 4, 10, 0, 0, 1]), text("10.0.0.1/24"));
    let mut address = vec![3, 128, 0, 16];
    address.extend([0; 15]);
    address.push(1);
    assert_eq!(read(&address), text("::1"));
}
