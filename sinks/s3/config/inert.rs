//! Keys of Confluent's sink that this one does not act on.

use thalweg_core::config::Declare;

/// Keys of Confluent's that are refused or have no effect.
pub(super) fn declare(keys: &mut Declare<'_>) {
    keys.set_group("Not acted on");
    for (name, default, doc) in [
        ("storage.class", "io.confluent.connect.s3.storage.S3Storage", "The kind of store."),
        (
            "schema.generator.class",
            "io.confluent.connect.storage.hive.schema.DefaultSchemaGenerator",
            "Schemas for Hive.",
        ),
        ("store.kafka.keys", "false", "Whether keys are written too."),
        ("store.kafka.headers", "false", "Whether headers are written too."),
        ("s3.object.tagging", "false", "Whether files are tagged."),
        ("s3.object.tagging.key.value.pairs", "", "More tags."),
        ("s3.sse.customer.key", "", "The customer's own encryption key."),
        ("s3.proxy.url", "", "A proxy."),
        ("s3.proxy.user", "", "Its user."),
        ("s3.proxy.password", "", "Its password."),
        ("s3.schema.partition.affix.type", "NONE", "The schema's name in paths."),
        ("allow.optional.map.keys", "false", "Whether keys of maps may be null."),
    ] {
        keys.refuse(name, default, doc);
    }
    for (name, default, doc) in [
        ("keys.format.class", "", "Format of keys."),
        ("headers.format.class", "", "Format of headers."),
        ("tombstone.encoded.partition", "tombstone", "Folder of tombstones."),
        ("s3.object.behavior.on.tagging.error", "ignore", "What a failed tagging does."),
        ("s3.wan.mode", "false", "Transfer acceleration."),
        ("s3.http.send.expect.continue", "true", "Expect: 100-continue."),
        ("s3.send.digest", "false", "MD5 digests."),
        ("s3.elastic.buffer.enable", "false", "Growing buffers."),
        ("s3.elastic.buffer.init.capacity", "131072", "Their first size."),
        ("max.files.scan.limit", "100", "Files looked at after a conflict."),
        ("max.write.duration.ms", "9223372036854775807", "Longest write."),
        ("report.null.values.to.dlq", "true", "Ignored tombstones in the dead letters."),
        ("retry.backoff.ms", "5000", "Pause after an error."),
        ("shutdown.timeout.ms", "3000", "Time to stop."),
        ("schemas.cache.config", "1000", "Size of the schema cache."),
        ("enhanced.avro.schema.support", "true", "Names and enums in Avro schemas."),
        ("format.bytearray.extension", ".bin", "Ending of byte files."),
        ("format.bytearray.separator", "\n", "Between rows of byte files."),
    ] {
        keys.ignore(name, default, doc);
    }
}
