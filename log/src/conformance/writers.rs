//! Fencing.

use std::future::Future;
use std::sync::Arc;

use super::{append, group, topic, values, within};
use crate::api::{Log, OffsetAt};
use crate::error::LogError;

pub(super) async fn run<F, L>(make: &F)
where
    F: Fn() -> L,
    L: Future<Output = Arc<dyn Log>>,
{
    are_fenced_by_the_next_holder(&*make().await).await;
    of_other_ids_are_not(&*make().await).await;
    leave_nothing_behind_the_fence(make().await).await;
    end_with_their_first_failure(make().await).await;
}

async fn are_fenced_by_the_next_holder(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let first = log.open_writer("w").await.unwrap();
    append(&*first, vec![group(at, &["first"])]).await;
    let second = log.open_writer("w").await.unwrap();
    let late = match first.append(vec![group(at, &["late"])]).await {
        Ok(pending) => pending.await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(late, Err(LogError::Fenced(id)) if id == "w"));
    append(&*second, vec![group(at, &["second"])]).await;
    assert_eq!(values(log, at, 0, 1).await, ["first", "second"]);
}

async fn of_other_ids_are_not(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let a = log.open_writer("a").await.unwrap();
    let b = log.open_writer("b").await.unwrap();
    append(&*a, vec![group(at, &["a"])]).await;
    append(&*b, vec![group(at, &["b"])]).await;
    assert_eq!(values(log, at, 0, 1).await, ["a", "b"]);
}

/// While one holder pushes as fast as it can, another one opens the id: the
/// end that it sees is final, and each append of the former one is either
/// before it or fenced.
async fn leave_nothing_behind_the_fence(log: Arc<dyn Log>) {
    let at = topic(&*log, "t", 1).await.partition(0);
    for round in 0..20 {
        let former = log.open_writer("w").await.unwrap();
        let pushing = tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for _ in 0..200 {
                match former.append(vec![group(at, &["x"])]).await {
                    Ok(pending) => outcomes.push(pending),
                    Err(_) => break,
                }
                tokio::task::yield_now().await;
            }
            let mut last = -1;
            for outcome in outcomes {
                match within(outcome).await {
                    Ok(appended) => last = appended[0].last,
                    Err(error) => assert!(matches!(error, LogError::Fenced(_)), "{error}"),
                }
            }
            last
        });
        for _ in 0..round * 3 {
            tokio::task::yield_now().await;
        }
        let next = log.open_writer("w").await.unwrap();
        let end = log.offset(at, OffsetAt::End).await.unwrap();
        let last = within(pushing).await.unwrap();
        assert!(last < end, "an append landed behind the fence");
        assert_eq!(log.offset(at, OffsetAt::End).await.unwrap(), end);
        let landed = append(&*next, vec![group(at, &["y"])]).await;
        assert_eq!(landed[0].first, end);
    }
}

/// A topic goes away while a writer pushes: once an append of it has failed, no
/// later one lands, also not in another topic.
async fn end_with_their_first_failure(log: Arc<dyn Log>) {
    let stays = topic(&*log, "stays", 1).await.partition(0);
    for round in 0..20 {
        let goes = topic(&*log, "goes", 1).await;
        let writer = log.open_writer("w").await.unwrap();
        let target = goes.partition(0);
        let pushing = tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for number in 0..200 {
                let at = if number % 2 == 0 { target } else { stays };
                match writer.append(vec![group(at, &["x"])]).await {
                    Ok(pending) => outcomes.push(pending),
                    Err(_) => break,
                }
                tokio::task::yield_now().await;
            }
            let mut failed = false;
            for outcome in outcomes {
                let landed = within(outcome).await.is_ok();
                assert!(!(failed && landed), "an append landed after one that failed");
                failed |= !landed;
            }
        });
        for _ in 0..round * 3 {
            tokio::task::yield_now().await;
        }
        log.delete_topic(goes.id).await.unwrap();
        within(pushing).await.unwrap();
    }
    // Opened again, it goes on.
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(stays, &["y"])]).await;
}
