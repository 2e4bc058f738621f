use super::{ConfigMap, Declare, MASK, Millis, Secret};

fn map(entries: &[(&str, &str)]) -> ConfigMap {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn declare(keys: &mut Declare<'_>) -> (String, i64, Option<Secret>, Millis, Vec<String>) {
    let values = (
        keys.text("topic.prefix", "Prefix.").high().also("database.server.name").required(),
        keys.int("database.port", "Port.").range(1..=65_535).default(5432),
        keys.secret("database.password", "Password.").optional(),
        keys.value("poll.ms", "Pause.").default(Millis(500)),
        keys.list("table.include.list", "Tables.").default(Vec::new()),
    );
    keys.refuse("transforms", "", "Transforms.");
    keys.ignore("max.queue.size", "8192", "Queue.");
    keys.refuse_prefix("transforms.");
    values
}

#[test]
fn reads_values_and_defaults() {
    let posted = map(&[
        ("topic.prefix", "shop"),
        ("database.password", "pw"),
        ("table.include.list", "a.b, c.d,"),
    ]);
    let mut keys = Declare::read(&posted);
    let (prefix, port, password, pause, tables) = declare(&mut keys);
    let read = keys.finish();
    assert!(read.problems.is_empty() && read.warnings.is_empty(), "{read:?}");
    assert_eq!((prefix.as_str(), port, pause), ("shop", 5432, Millis(500)));
    assert_eq!(password.as_ref().map(Secret::expose), Some("pw"));
    assert_eq!(format!("{password:?}"), format!("Some({MASK})"));
    assert_eq!(tables, ["a.b", "c.d"]);
}

#[test]
fn reports_every_problem_with_its_key() {
    let posted = map(&[
        ("database.port", "70000"),
        ("poll.ms", "soon"),
        ("table.inclde.list", "a.b"),
        ("transforms", "unwrap"),
        ("transforms.unwrap.type", "x"),
        ("max.queue.size", "1"),
        ("some.other", "1"),
    ]);
    let mut keys = Declare::read(&posted);
    declare(&mut keys);
    let read = keys.finish();
    let problems: Vec<&str> = read.problems.iter().map(|problem| &*problem.key).collect();
    assert_eq!(
        problems,
        [
            "topic.prefix",
            "database.port",
            "poll.ms",
            "transforms",
            "table.inclde.list",
            "transforms.unwrap.type"
        ]
    );
    assert!(read.problems[3].message.contains("not supported yet: transforms"));
    assert!(read.problems[4].message.contains("did you mean table.include.list?"));
    let warnings: Vec<&str> = read.warnings.iter().map(|warning| &*warning.key).collect();
    assert_eq!(warnings, ["max.queue.size", "some.other"]);
}

#[test]
fn an_older_name_is_read_too() {
    let posted = map(&[("database.server.name", "shop")]);
    let mut keys = Declare::read(&posted);
    assert_eq!(declare(&mut keys).0, "shop");
    assert!(keys.finish().problems.is_empty());
}

#[test]
fn describing_names_every_key_and_finds_no_problem() {
    let mut keys = Declare::describe();
    declare(&mut keys);
    let described = keys.finish();
    assert!(described.problems.is_empty());
    assert_eq!(described.definitions.len(), 7);
    assert_eq!(described.definitions[1].default.as_deref(), Some("5432"));
    assert!(described.definitions[0].required);
}
