//! What every test here needs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg, ThalwegOptions, connector, postgres_source};

/// How long anything may take on a loaded machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub(crate) fn thalweg() -> Thalweg {
    Thalweg::start(&options(None)).unwrap()
}

/// Options for it, on this data folder.
pub(crate) fn options(data: Option<&Path>) -> ThalwegOptions {
    ThalwegOptions {
        binary: env!("CARGO_BIN_EXE_thalweg").into(),
        data: data.map(Path::to_owned),
        ..ThalwegOptions::default()
    }
}

/// A source config for all tables of schema `public`; `name` is slot,
/// publication and topic prefix too.
pub(crate) fn source(postgres: &Postgres, name: &str, more: &[(&str, &str)]) -> Value {
    let more = [&[("status.update.interval.ms", "500")], more].concat();
    postgres_source(postgres, name, &more)
}

/// A local lake of JSON lines that rotates often.
pub(crate) fn lake(name: &str, folder: &Path, more: &[(&str, &str)]) -> Value {
    let config = json!({
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "store.url": format!("file://{}", folder.display()),
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "flush.size": "1000",
        "rotate.schedule.interval.ms": "300",
        "timezone": "UTC",
    });
    connector(name, config, more)
}

/// Posts a connector that must be taken.
pub(crate) fn post(thalweg: &Thalweg, config: &Value) {
    let answer = thalweg.call("POST", "/connectors", Some(&config.to_string())).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text);
}

/// Polls until the probe is true; fails with what it last saw.
pub(crate) fn eventually<T: std::fmt::Debug>(
    what: &str,
    thalweg: &Thalweg,
    mut probe: impl FnMut() -> (bool, T),
) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let (done, seen) = probe();
        if done {
            return seen;
        }
        assert!(
            Instant::now() < end,
            "waited in vain for {what}; last seen: {seen:?}\nlog:\n{}",
            thalweg.log()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The connector's status.
pub(crate) fn status(thalweg: &Thalweg, name: &str) -> Value {
    thalweg.call("GET", &format!("/connectors/{name}/status"), None).unwrap().json()
}

/// Waits until the connector's task is in this state; its status.
pub(crate) fn wait_for_task(thalweg: &Thalweg, name: &str, state: &str) -> Value {
    eventually(&format!("{name} {state}"), thalweg, || {
        let status = status(thalweg, name);
        (status["tasks"][0]["state"] == state, status)
    })
}
