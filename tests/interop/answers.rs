//! The same questions to a real Kafka and to ours: the answers are the same,
//! or differ in a way that is meant and listed here.

use thalweg_harness::{Kafka, Thalweg, ThalwegOptions};

use crate::run::{Client, count};
use crate::setup::options;

/// What is asked, in this order. `#` says what comes.
const QUESTIONS: &str = "\
    # The cluster and its topics
    cluster
    create asked 3 segment.bytes=2000000 retention.ms=-1 segment.ms=3600000
    create asked 3
    describe asked
    configs asked segment.bytes segment.ms cleanup.policy message.timestamp.type
    write asked gzip 30
    ends asked
    # Names, counts and settings that are not possible
    create bad/name 1
    create .. 1
    create none 0
    create odd-setting 1 no.such.setting=1
    create bad-value 1 retention.ms=soon
    create bad-policy 1 cleanup.policy=forget
    create bad-size 1 segment.bytes=1
    describe missing
    configs missing retention.ms
    # Settings
    alter asked segment.ms=7200000
    configs asked segment.ms segment.bytes
    alter asked segment.ms
    configs asked segment.ms segment.bytes
    alter asked segment.ms=soon
    alter asked no.such.setting=1
    alter missing segment.ms=1
    configs asked segment.ms
    # More partitions
    grow asked 5
    grow asked 5
    grow asked 2
    grow missing 2
    ends asked
    send asked 4 key 10
    # Records deleted
    trim asked 0 4
    ends asked
    trim asked 0 2
    ends asked
    trim asked 0 11
    trim asked 1 -1
    trim asked 9 1
    trim missing 0 1
    ends asked
    read asked
    # Offsets that are not there
    read asked 0 3
    read asked 0 10
    read asked 0 11
    # Offsets of an epoch, which may end before them
    read asked 1 2 0
    read asked 0 10 0
    read asked 0 11 0
    read asked 0 3 0
    time asked 1 0
    time asked 2 0
    # Records that are refused
    create small 1 retention.ms=-1 max.message.bytes=1000
    send small 0 key 100
    send small 0 key 2000
    ends small
    create compacted 1 cleanup.policy=compact
    send compacted 0 key 10
    send compacted 0 - 10
    ends compacted
    send asked 17 key 10
    send bad/name 0 key 10
    # Topics deleted, and made again
    delete asked
    delete asked
    describe asked
    create asked 1
    ends asked
    topics";

/// What only kafka-clients can ask.
const OF_FOLDERS: &str = "\
    create sized 3 retention.ms=-1
    sizes sized
    send sized 0 key 100
    send sized 0 key 5000
    send sized 2 - 10
    sizes sized
    trim sized 0 1
    sizes sized
    sizes missing
    folder sized 2
    folder sized 7
    folder missing 0
    delete sized
    sizes sized";

/// Where ours answers otherwise, and why.
const DIFFERENCES: &[(&str, &str)] = &[("topics", "the server's own topics are listed too")];

fn questions(client: Client) -> Vec<String> {
    let mut questions = Vec::new();
    let more = if client == Client::Java { OF_FOLDERS } else { "" };
    for line in
        QUESTIONS.lines().chain(more.lines()).map(str::trim).filter(|line| !line.starts_with('#'))
    {
        questions.push(line.to_owned());
        if ["create", "alter", "grow", "delete"].iter().any(|word| line.starts_with(word)) {
            questions.push("wait 300".to_owned());
        }
    }
    questions
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn a_real_kafka_answers_the_same() {
    let mut findings = Vec::new();
    for client in Client::ALL {
        let questions = questions(client);
        let kafka = Kafka::start(&["auto.create.topics.enable=false"]).unwrap();
        let theirs = client.run(&kafka.address(), &questions);
        drop(kafka);
        let settings = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&settings, "[kafka.auto.create.topics]\nenable = false\n").unwrap();
        let named = ["--config".to_owned(), settings.path().display().to_string()];
        let options = ThalwegOptions { arguments: named.into(), ..options(None) };
        let thalweg = Thalweg::start(&options).unwrap();
        let ours = client.run(thalweg.kafka(), &questions);
        for (question, (theirs, ours)) in questions.iter().zip(theirs.iter().zip(&ours)) {
            let is_meant = DIFFERENCES.iter().any(|(of, _)| of == question);
            if (theirs == ours) == is_meant {
                findings.push(format!(
                    "{client:?}: {question}\n    Kafka: {theirs:?}\n    ours: {ours:?}"
                ));
            }
        }
        let asked = questions.iter().filter(|question| !question.starts_with("wait")).count();
        count("answers compared with Kafka's", asked);
    }
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}
