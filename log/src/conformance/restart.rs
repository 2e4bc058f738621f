//! What survives closing and opening again.

use std::future::Future;
use std::sync::Arc;

use super::{append, group, topic, values};
use crate::api::{Log, OffsetAt};
use crate::error::LogError;

/// Runs the cases. `open` opens the log of the folder given with it, `close`
/// closes it in order.
pub(crate) async fn run<O, OF, C, CF>(open: O, close: C)
where
    O: Fn(&'static str) -> OF,
    OF: Future<Output = Arc<dyn Log>>,
    C: Fn(&'static str, Arc<dyn Log>) -> CF,
    CF: Future<Output = ()>,
{
    let log = open("a").await;
    let info = topic(&*log, "kept", 2).await;
    let gone = topic(&*log, "gone", 1).await;
    let writer = log.open_writer("w").await.unwrap();
    for n in 0..30 {
        let value = n.to_string();
        append(
            &*writer,
            vec![group(info.partition(0), &[&value]), group(gone.partition(0), &[&value])],
        )
        .await;
    }
    log.trim(info.partition(0), 10).await.unwrap();
    log.delete_topic(gone.id).await.unwrap();
    let again = topic(&*log, "gone", 1).await;
    drop(writer);
    close("a", log).await;

    for round in 0..3 {
        let log = open("a").await;
        assert_eq!(log.topic("kept"), Some(info.clone()));
        assert_eq!(log.topic("gone").map(|t| t.id), Some(again.id));
        let at = info.partition(0);
        assert_eq!(log.offset(at, OffsetAt::Start).await.unwrap(), 10);
        assert_eq!(log.offset(at, OffsetAt::End).await.unwrap(), 30 + round);
        let found = values(&*log, at, 10, 100).await;
        assert_eq!(found[..20], (10..30).map(|n| n.to_string()).collect::<Vec<_>>());
        let end = log.offset(again.partition(0), OffsetAt::End).await;
        assert_eq!(end.unwrap(), 0);
        assert!(matches!(log.read(gone.partition(0), 0, 1).await, Err(LogError::UnknownTopic(_))));
        let writer = log.open_writer("w").await.unwrap();
        append(&*writer, vec![group(at, &["more"])]).await;
        drop(writer);
        close("a", log).await;
    }
}
