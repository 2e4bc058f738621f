use super::{SchemaBuilder, Value};

#[test]
fn equal_schemas_have_equal_ids_and_every_part_counts() {
    let make = || SchemaBuilder::int32().name("n").version(1).parameter("a", "b");
    let id = make().build().id();
    assert_eq!(id, make().build().id());
    for other in [
        make().optional(),
        make().name("m"),
        make().version(2),
        make().doc("d"),
        make().parameter("c", "d"),
        make().default_value(Value::Int(0)),
    ] {
        assert_ne!(id, other.build().id());
    }
}

#[test]
fn a_struct_differs_by_field_names_and_schemas() {
    let of = |name: &str, optional| {
        SchemaBuilder::structure()
            .field(name, SchemaBuilder::string().optional_if(optional).build())
            .build()
    };
    assert_eq!(of("a", false), of("a", false));
    assert_ne!(of("a", false), of("b", false));
    assert_ne!(of("a", false), of("a", true));
}
