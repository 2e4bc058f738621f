//! Setting where a connector goes on.

use serde_json::{Value, json};
use thalweg_log::LogError;

use crate::store::TargetState;
use crate::supervisor::Handle;
use crate::testing::{Bench, Server, create, eventually, numbers, task_of};

const COUNT: (&str, &str) = ("connector.class", "counting");
const COLLECT: (&str, &str) = ("connector.class", "collecting");

fn of_sink(partition: u32, offset: Option<i64>) -> Value {
    let offset = offset.map(|offset| json!({ "kafka_offset": offset }));
    let partition = json!({ "kafka_topic": "numbers", "kafka_partition": partition });
    json!({ "offsets": [{ "partition": partition, "offset": offset }] })
}

fn of_source(offset: Option<i64>) -> Value {
    let offset = offset.map(|n| json!({ "n": n }));
    json!({ "offsets": [{ "partition": { "server": "counter" }, "offset": offset }] })
}

async fn stop(handle: &Handle, name: &str) {
    handle.target(name, TargetState::Stopped).await.unwrap();
}

async fn resume(handle: &Handle, name: &str) {
    handle.target(name, TargetState::Started).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_goes_on_behind_the_row_that_it_refused() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let (server, handle) = (Server::start(worker.handle()).await, worker.handle());
    create(&handle, "c", &[COUNT, ("count", "10"), ("batch", "10")]).await.unwrap();
    eventually("rows", async || bench.values("numbers").await.len() == 10).await;
    create(&handle, "s", &[COLLECT, ("topics", "numbers"), ("reject", "4")]).await.unwrap();
    eventually("it fails", async || task_of(&handle, "s").0 == "FAILED").await;
    let values = || -> Vec<String> {
        let rows = bench.sink.rows.lock().unwrap();
        rows.iter().filter_map(|row| row.value.clone()).collect()
    };
    let path = "/connectors/s/offsets";
    let refused = server.json("PATCH", path, &of_sink(0, Some(5))).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.message().contains("must be in the STOPPED state"), "{refused:?}");
    stop(&handle, "s").await;
    let answer = server.json("PATCH", path, &of_sink(0, Some(5))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = "The offsets for this connector have been altered successfully";
    assert_eq!(answer.json(), json!({ "message": message }));
    assert_eq!(server.get(path).await.json()["offsets"][0]["offset"]["kafka_offset"], 5);
    resume(&handle, "s").await;
    eventually("the others", async || values().len() >= 9).await;
    let mut expected = numbers(10);
    expected.remove(4);
    assert_eq!(values(), expected);
    eventually("the commit", async || {
        server.get(path).await.json()["offsets"][0]["offset"]["kafka_offset"] == 10
    })
    .await;

    stop(&handle, "s").await;
    let answer = server.send("DELETE", path, &[], "").await;
    let message = "The offsets for this connector have been reset successfully";
    assert_eq!((answer.status, answer.json()), (200, json!({ "message": message })));
    assert_eq!(server.get(path).await.json(), json!({ "offsets": [] }));
    resume(&handle, "s").await;
    eventually("it fails at the row again", async || task_of(&handle, "s").0 == "FAILED").await;
    expected.extend(numbers(4));
    assert_eq!(values(), expected);
    // Null is the beginning too.
    stop(&handle, "s").await;
    for offset in [Some(7), None] {
        let answer = server.json("PATCH", path, &of_sink(0, offset)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(server.get(path).await.json(), json!({ "offsets": [] }));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_goes_on_where_it_is_told_to() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let (server, handle) = (Server::start(worker.handle()).await, worker.handle());
    let path = "/connectors/c/offsets";
    create(&handle, "c", &[COUNT, ("count", "5"), ("batch", "5")]).await.unwrap();
    let mut expected = numbers(5);
    let arrived = async |expected: &[String]| {
        eventually("rows", async || bench.values("numbers").await.len() >= expected.len()).await;
        assert_eq!(bench.values("numbers").await, expected);
    };
    arrived(&expected).await;
    stop(&handle, "c").await;
    let answer = server.json("PATCH", path, &of_source(Some(4))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    resume(&handle, "c").await;
    expected.push("4".into());
    arrived(&expected).await;

    // At the beginning the source's state is gone with its position: it checks
    // that they fit.
    for reset in [None, Some(of_source(None))] {
        stop(&handle, "c").await;
        let answer = match &reset {
            None => server.send("DELETE", path, &[], "").await,
            Some(body) => server.json("PATCH", path, body).await,
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(server.get(path).await.json(), json!({ "offsets": [] }));
        resume(&handle, "c").await;
        expected.extend(numbers(5));
        arrived(&expected).await;
    }

    // What was set is kept, whoever runs the connector next.
    stop(&handle, "c").await;
    let answer = server.json("PATCH", path, &of_source(Some(2))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    worker.stop().await;
    let worker = bench.worker().await;
    let server = Server::start(worker.handle()).await;
    assert_eq!(server.get(path).await.json()["offsets"][0]["offset"], json!({ "n": 2 }));
    worker.stop().await;
}

/// A task that had to be cut off may have rows on their way with a position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_former_task_lands_after_offsets_were_set() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let (server, handle) = (Server::start(worker.handle()).await, worker.handle());
    create(&handle, "c", &[COUNT, ("count", "5")]).await.unwrap();
    eventually("rows", async || bench.values("numbers").await.len() == 5).await;
    stop(&handle, "c").await;
    let reset = || server.send("DELETE", "/connectors/c/offsets", &[], "");
    assert_eq!(reset().await.status, 200);
    let former = bench.log().open_writer("connect-c-0").await.unwrap();
    assert_eq!(reset().await.status, 200);
    let stores = crate::store::Stores::open(&bench.log()).await.unwrap();
    let partition = json!({ "server": "counter" }).as_object().unwrap().clone();
    let (group, _late) = stores.offsets.alter("c", vec![(partition, None)]).unwrap();
    let late = match former.append(vec![group]).await {
        Ok(appending) => appending.await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(late, Err(LogError::Fenced(_))), "{late:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_that_mean_nothing_are_refused_with_the_reason() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let (server, handle) = (Server::start(worker.handle()).await, worker.handle());
    create(&handle, "c", &[COUNT, ("count", "5")]).await.unwrap();
    create(&handle, "s", &[COLLECT, ("topics", "numbers")]).await.unwrap();
    eventually("rows", async || bench.sink.rows.lock().unwrap().len() == 5).await;
    eventually("a commit", async || {
        server.get("/connectors/s/offsets").await.json()["offsets"][0]["offset"]["kafka_offset"]
            == 5
    })
    .await;
    stop(&handle, "c").await;
    stop(&handle, "s").await;
    let topic = json!({ "kafka_topic": "numbers", "kafka_partition": 0 });
    let (ten, at) = (json!({ "kafka_offset": 10 }), json!({ "kafka_offset": 1 }));
    let server_of = |name: &str| json!({ "server": name });
    for (name, partition, offset, part) in [
        ("s", json!(null), at.clone(), "cannot be null or missing"),
        ("s", json!([]), at.clone(), "partition of offsets[0] is neither an object nor null"),
        ("s", topic.clone(), json!(5), "offset of offsets[0] is neither an object nor null"),
        ("s", json!({ "kafka_partition": 0 }), at.clone(), "must contain the key 'kafka_topic'"),
        ("s", json!({ "kafka_topic": "t" }), at.clone(), "the key 'kafka_partition'"),
        (
            "s",
            json!({ "kafka_topic": "t", "kafka_partition": 0, "topic": "t" }),
            at.clone(),
            "unknown key 'topic'",
        ),
        ("s", json!({ "kafka_topic": 5, "kafka_partition": 0 }), at.clone(), "valid strings"),
        ("s", json!({ "kafka_topic": "t", "kafka_partition": null }), at.clone(), "valid numbers"),
        ("s", json!({ "kafka_topic": "t", "kafka_partition": "x" }), at.clone(), "be integers"),
        ("s", json!({ "kafka_topic": "t", "kafka_partition": -1 }), at.clone(), "be integers"),
        ("s", json!({ "kafka_topic": "t", "kafka_partition": 0 }), at.clone(), "Topic t does not"),
        ("s", json!({ "kafka_topic": "t", "kafka_partition": 0 }), json!(null), "t does not exist"),
        ("s", json!({ "kafka_topic": "numbers", "kafka_partition": 7 }), at, "no partition 7"),
        ("s", topic.clone(), json!({}), "should either be null or contain the key 'kafka_offset'"),
        ("s", topic.clone(), json!({ "kafka_offset": 1.5 }), "need to be integers"),
        ("s", topic.clone(), json!({ "kafka_offset": -1 }), "not negative"),
        ("s", topic.clone(), ten, "Offset 10 is beyond the end of numbers-0: 5 is"),
        ("c", json!(null), json!({ "n": 1 }), "partition of offsets[0] cannot be null"),
        ("c", server_of("other"), json!({ "n": 1 }), "are: {\"server\":\"counter\"}"),
        ("c", server_of("other"), json!(null), "not one of this connector's"),
        ("c", server_of("counter"), json!({ "m": 1 }), "offset of offsets[0]: n is missing"),
    ] {
        let body = json!({ "offsets": [{ "partition": partition, "offset": offset }] });
        let answer = server.json("PATCH", &format!("/connectors/{name}/offsets"), &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.message().contains(part), "{body}: {answer:?}");
    }
    for body in [json!({ "offsets": 5 }), json!({ "offsets": [5] }), json!({ "offset": [] })] {
        let answer = server.json("PATCH", "/connectors/s/offsets", &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    // One bad entry, and none is set.
    let good = of_sink(0, Some(1))["offsets"][0].clone();
    let bad = of_sink(7, Some(1))["offsets"][0].clone();
    let both = json!({ "offsets": [good, bad] });
    assert_eq!(server.json("PATCH", "/connectors/s/offsets", &both).await.status, 400);
    let now = server.get("/connectors/s/offsets").await.json();
    assert_eq!(now["offsets"][0]["offset"]["kafka_offset"], 5);
    // Numbers may be texts, as in the real Connect; the last one counts.
    let text = json!({
        "partition": { "kafka_topic": "numbers", "kafka_partition": "0" },
        "offset": { "kafka_offset": "2" },
    });
    let both = json!({ "offsets": [good, text] });
    assert_eq!(server.json("PATCH", "/connectors/s/offsets", &both).await.status, 200);
    let now = server.get("/connectors/s/offsets").await.json();
    assert_eq!(now["offsets"][0]["offset"]["kafka_offset"], 2);
    let none = server.json("PATCH", "/connectors/none/offsets", &both).await;
    assert_eq!((none.status, none.message()), (404, "Connector none not found".into()));
    worker.stop().await;
}
