//! Making, listing and deleting topics.

use std::future::Future;
use std::sync::Arc;

use super::{append, group, topic, values, within};
use crate::api::{Log, OffsetAt, TopicSpec};
use crate::error::LogError;

pub(super) async fn run<F, L>(make: &F)
where
    F: Fn() -> L,
    L: Future<Output = Arc<dyn Log>>,
{
    are_listed_by_name(&*make().await).await;
    are_refused_with_a_reason(&*make().await).await;
    may_be_given_other_settings(&*make().await).await;
    get_a_new_id_when_made_again(&*make().await).await;
    wake_waiters_when_deleted(make().await).await;
}

async fn are_listed_by_name(log: &dyn Log) {
    for name in ["zebra", "ant", "bee"] {
        topic(log, name, 2).await;
    }
    let names: Vec<_> = log.topics().iter().map(|t| t.name.to_string()).collect();
    assert_eq!(names, ["ant", "bee", "zebra"]);
    let bee = log.topic("bee").unwrap();
    assert_eq!(bee.partitions, 2);
    assert!(log.topics().contains(&bee));
    assert!(log.topic("cow").is_none());
}

async fn are_refused_with_a_reason(log: &dyn Log) {
    topic(log, "t", 1).await;
    let spec = |name: &str, partitions, config: &[(&str, &str)]| TopicSpec {
        name: name.to_owned(),
        partitions,
        config: config
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let error = log.create_topic(spec("t", 1, &[])).await.unwrap_err();
    assert!(matches!(error, LogError::TopicExists(name) if name == "t"));
    for bad in [
        spec("../x", 1, &[]),
        spec("x", 0, &[]),
        spec("x", 1, &[("compression.type", "gzip")]),
        spec("x", 1, &[("no.such", "1")]),
    ] {
        let error = log.create_topic(bad).await.unwrap_err();
        assert!(matches!(error, LogError::InvalidTopic(_)), "{error}");
    }
    assert_eq!(log.topics().len(), 1);
}

async fn may_be_given_other_settings(log: &dyn Log) {
    let info = topic(log, "t", 1).await;
    let config = |value: &str| vec![("max.message.bytes".to_owned(), value.to_owned())];
    log.configure_topic(info.id, config("100")).await.unwrap();
    assert_eq!(log.topic("t").unwrap().config, config("100"));
    let error = log.configure_topic(info.id, config("many")).await.unwrap_err();
    assert!(matches!(error, LogError::InvalidTopic(_)), "{error}");
    let writer = log.open_writer("w").await.unwrap();
    let long = group(info.partition(0), &[&"x".repeat(100)]);
    let refused = match writer.append(vec![long]).await {
        Ok(pending) => pending.await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, LogError::TooLarge { .. }), "{refused}");
    log.delete_topic(info.id).await.unwrap();
    let error = log.configure_topic(info.id, config("100")).await.unwrap_err();
    assert!(matches!(error, LogError::UnknownTopic(_)), "{error}");
}

async fn get_a_new_id_when_made_again(log: &dyn Log) {
    let old = topic(log, "t", 1).await;
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(old.partition(0), &["old"])]).await;
    log.delete_topic(old.id).await.unwrap();
    assert!(log.topic("t").is_none());
    assert!(matches!(log.delete_topic(old.id).await, Err(LogError::UnknownTopic(_))));
    let new = topic(log, "t", 1).await;
    assert_ne!(old.id, new.id);
    assert!(matches!(log.read(old.partition(0), 0, 1).await, Err(LogError::UnknownTopic(_))));
    let late = match writer.append(vec![group(old.partition(0), &["late"])]).await {
        Ok(pending) => pending.await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(late, Err(LogError::UnknownTopic(_))));
    assert_eq!(log.offset(new.partition(0), OffsetAt::End).await.unwrap(), 0);
    append(&*writer, vec![group(new.partition(0), &["new"])]).await;
    assert_eq!(values(log, new.partition(0), 0, 1).await, ["new"]);
}

async fn wake_waiters_when_deleted(log: Arc<dyn Log>) {
    let info = topic(&*log, "t", 1).await;
    let at = info.partition(0);
    let waiting = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.wait(vec![(at, 0)]).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    log.delete_topic(info.id).await.unwrap();
    within(waiting).await.unwrap().unwrap();
}
