// The client of the bench: librdkafka, the same for both brokers.
//
//   client BROKERS create TOPIC PARTITIONS [SETTING=VALUE of the topic]...
//   client BROKERS delete TOPIC
//   client BROKERS produce TOPIC COUNT SIZE [SETTING=VALUE of the producer]...
//       as many records as fast as they go
//   client BROKERS window TOPIC SECONDS SIZE PRODUCERS RECORDS [SETTING=VALUE]...
//       each producer has so many records on their way, over all partitions
//   client BROKERS consume TOPIC COUNT [SETTING=VALUE of the consumer]...
//   client BROKERS latency TOPIC RATE SECONDS SIZE [SETTING=VALUE of the producer]...
//       records at a fixed rate, and when a consumer has them; times count from
//       when a record was due, not from when it was sent
//
// It prints lines of a name and a number. Any error ends it with a message.
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 120000
#define POLL_MS 100
// Records of the latency case that are sent before those that count.
#define WARM_SECONDS 3

static const char *brokers;
static char **settings;
static int setting_count;

static void fail(const char *format, ...) {
  va_list more;
  va_start(more, format);
  vfprintf(stderr, format, more);
  va_end(more);
  fputc('\n', stderr);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void sleep_until(int64_t due_ns) {
  struct timespec t = {due_ns / 1000000000, due_ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
  }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
    fail("%s=%s: %s", name, value, error);
}

// Splits NAME=VALUE; the text must be kept.
static void each_setting(void (*take)(void *, const char *, const char *), void *into) {
  for (int i = 0; i < setting_count; i++) {
    char *text = strdup(settings[i]), *equals = strchr(text, '=');
    if (equals == NULL) fail("%s is no SETTING=VALUE", settings[i]);
    *equals = 0;
    take(into, text, equals + 1);
    free(text);
  }
}

static void take_setting(void *conf, const char *name, const char *value) {
  set(conf, name, value);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  char error[256];
  set(conf, "bootstrap.servers", brokers);
  rd_kafka_t *made = rd_kafka_new(type, conf, error, sizeof error);
  if (made == NULL) fail("%s", error);
  return made;
}

// ---- Topics

static int partitions_of(rd_kafka_t *rk, const char *topic) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
  int count = -1;
  if (rd_kafka_metadata(rk, 0, t, &metadata, PATIENCE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    struct rd_kafka_metadata_topic *found = &metadata->topics[0];
    count = found->err ? -1 : found->partition_cnt;
    for (int i = 0; i < count; i++)
      if (found->partitions[i].err) count = -1;
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(t);
  return count;
}

static void take_topic_setting(void *topic, const char *name, const char *value) {
  rd_kafka_NewTopic_set_config(topic, name, value);
}

static void create(const char *name, int partitions) {
  char error[256];
  rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
  rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
  rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, error, sizeof error);
  if (topic == NULL) fail("%s", error);
  each_setting(take_topic_setting, topic);
  rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
  if (event == NULL || rd_kafka_event_error(event)) fail("topic %s is not made", name);
  size_t count;
  const rd_kafka_topic_result_t **results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
  if (rd_kafka_topic_result_error(results[0]))
    fail("topic %s: %s", name, rd_kafka_topic_result_error_string(results[0]));
  for (int64_t end = now_ns() + PATIENCE_MS * INT64_C(1000000); now_ns() < end; usleep(20000))
    if (partitions_of(rk, name) == partitions) return;
  fail("topic %s has no leaders", name);
}

static void delete(const char *name) {
  rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
  rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
  rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
  rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
  if (event == NULL || rd_kafka_event_error(event)) fail("topic %s is not deleted", name);
}

// ---- Producing

static atomic_long acked;

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  if (message->err) fail("a record is not delivered: %s", rd_kafka_err2str(message->err));
  atomic_fetch_add_explicit(&acked, 1, memory_order_relaxed);
  // Records of this producer that are on their way.
  if (opaque != NULL) --*(long *)opaque;
}

static rd_kafka_t *producer(void *opaque) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "acks", "all");
  set(conf, "queue.buffering.max.messages", "1000000");
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_conf_set_opaque(conf, opaque);
  each_setting(take_setting, conf);
  return client(RD_KAFKA_PRODUCER, conf);
}

// Bytes that no codec would make shorter.
static char *payload(int size) {
  char *bytes = malloc(size);
  uint32_t state = 2463534242;
  for (int i = 0; i < size; i++) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    bytes[i] = (char)state;
  }
  return bytes;
}

static void send_record(rd_kafka_topic_t *topic, rd_kafka_t *rk, int32_t partition, char *bytes,
                        int size) {
  while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, bytes, size, NULL, 0, NULL)) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      fail("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_poll(rk, 1);
  }
}

static void produce(const char *name, long count, int size) {
  rd_kafka_t *rk = producer(NULL);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
  if (partitions_of(rk, name) < 1) fail("topic %s is not there", name);
  char *bytes = payload(size);
  int64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    send_record(topic, rk, RD_KAFKA_PARTITION_UA, bytes, size);
    if (i % 1024 == 0) rd_kafka_poll(rk, 0);
  }
  if (rd_kafka_flush(rk, PATIENCE_MS)) fail("not all was delivered");
  printf("acked %ld\nseconds %.6f\n", acked, (now_ns() - start) / 1e9);
}

struct writer {
  pthread_t thread;
  const char *topic;
  int number, size;
  long window;
  int64_t end_ns;
  pthread_barrier_t *ready;
};

static void *write_window(void *argument) {
  struct writer *writer = argument;
  long under_way = 0;
  rd_kafka_t *rk = producer(&under_way);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, writer->topic, NULL);
  int partitions = partitions_of(rk, writer->topic);
  if (partitions < 1) fail("topic %s is not there", writer->topic);
  char *bytes = payload(writer->size);
  int next = writer->number;
  // The connection is there and warm when the clock starts.
  send_record(topic, rk, next % partitions, bytes, writer->size);
  if (rd_kafka_flush(rk, PATIENCE_MS)) fail("no answer");
  under_way = 0;
  pthread_barrier_wait(writer->ready);
  pthread_barrier_wait(writer->ready);
  while (now_ns() < writer->end_ns) {
    while (under_way < writer->window) {
      under_way++;
      next = (next + 1) % partitions;
      send_record(topic, rk, next, bytes, writer->size);
    }
    rd_kafka_poll(rk, POLL_MS);
  }
  rd_kafka_flush(rk, PATIENCE_MS);
  return NULL;
}

static void window(const char *topic, int seconds, int size, int count, long records) {
  struct writer *writers = calloc(count, sizeof *writers);
  pthread_barrier_t ready;
  pthread_barrier_init(&ready, NULL, count + 1);
  for (int i = 0; i < count; i++) {
    writers[i] = (struct writer){.topic = topic, .number = i, .size = size, .window = records,
                                 .ready = &ready};
    if (pthread_create(&writers[i].thread, NULL, write_window, &writers[i])) fail("no thread");
  }
  pthread_barrier_wait(&ready);
  acked = 0;
  int64_t start = now_ns();
  for (int i = 0; i < count; i++) writers[i].end_ns = start + seconds * INT64_C(1000000000);
  pthread_barrier_wait(&ready);
  sleep_until(start + seconds * INT64_C(1000000000));
  long done = acked;
  printf("acked %ld\nseconds %.6f\n", done, (now_ns() - start) / 1e9);
  for (int i = 0; i < count; i++) pthread_join(writers[i].thread, NULL);
}

// ---- Consuming

static rd_kafka_t *consumer(const char *topic, int64_t from, int has_settings) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "group.id", "bench");
  set(conf, "enable.auto.commit", "false");
  if (has_settings) each_setting(take_setting, conf);
  rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
  int count = partitions_of(rk, topic);
  if (count < 1) fail("topic %s is not there", topic);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
  for (int i = 0; i < count; i++)
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = from;
  if (rd_kafka_assign(rk, list)) fail("no assignment");
  return rk;
}

static void consume(const char *topic, long count) {
  rd_kafka_t *rk = consumer(topic, RD_KAFKA_OFFSET_BEGINNING, 1);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
  enum { BATCH = 10000 };
  static rd_kafka_message_t *messages[BATCH];
  long seen = 0;
  // From the first record on: finding partitions and offsets is no throughput.
  int64_t start = 0;
  while (seen < count) {
    ssize_t got = rd_kafka_consume_batch_queue(queue, PATIENCE_MS, messages, BATCH);
    if (got <= 0) fail("%ld records of %ld came", seen, count);
    if (start == 0) start = now_ns();
    for (ssize_t i = 0; i < got; i++) {
      if (messages[i]->err == 0) seen++;
      rd_kafka_message_destroy(messages[i]);
    }
  }
  printf("acked %ld\nseconds %.6f\n", seen, (now_ns() - start) / 1e9);
}

// ---- From produce to consume

struct reader {
  rd_kafka_t *rk;
  long wanted, seen;
  double *ms;
  atomic_int is_assigned;
};

static void *read_times(void *argument) {
  struct reader *reader = argument;
  int64_t end = 0;
  while (reader->seen < reader->wanted) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 1000);
    int64_t now = now_ns(), due;
    if (message == NULL) {
      if (end == 0) end = now + PATIENCE_MS * INT64_C(1000000);
      if (now > end) fail("%ld records of %ld came", reader->seen, reader->wanted);
      continue;
    }
    end = 0;
    if (message->err == 0) {
      memcpy(&due, message->payload, sizeof due);
      if (due == 0) reader->is_assigned = 1;
      if (due > 0) reader->ms[reader->seen++] = (now - due) / 1e6;
    }
    rd_kafka_message_destroy(message);
  }
  return NULL;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void latency(const char *name, long rate, long seconds, int size) {
  long warm = rate * WARM_SECONDS, count = rate * seconds;
  if (size < 8) fail("a record has 8 bytes at least");
  struct reader reader = {.wanted = count, .ms = malloc(count * sizeof(double))};
  reader.rk = consumer(name, RD_KAFKA_OFFSET_BEGINNING, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, read_times, &reader);
  rd_kafka_t *rk = producer(NULL);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
  char *bytes = payload(size);
  int64_t due = 0;
  // Until the consumer has one: from then on both are at work.
  while (!reader.is_assigned) {
    memcpy(bytes, &due, sizeof due);
    send_record(topic, rk, 0, bytes, size);
    rd_kafka_poll(rk, POLL_MS);
  }
  int64_t start = now_ns() + 1000000;
  for (long i = 0; i < warm + count; i++) {
    due = start + i * 1000000000 / rate;
    while (now_ns() < due) {
      rd_kafka_poll(rk, 0);
      if (now_ns() < due) sleep_until(due);
    }
    int64_t told = i < warm ? -1 : due;
    memcpy(bytes, &told, sizeof told);
    send_record(topic, rk, 0, bytes, size);
    rd_kafka_poll(rk, 0);
  }
  if (rd_kafka_flush(rk, PATIENCE_MS)) fail("not all was delivered");
  double sent = (now_ns() - start) / 1e9;
  pthread_join(thread, NULL);
  qsort(reader.ms, count, sizeof(double), by_value);
  printf("acked %ld\nseconds %.6f\n", acked, sent);
  printf("p50 %.4f\np99 %.4f\np99.9 %.4f\n", reader.ms[count / 2], reader.ms[count * 99 / 100],
         reader.ms[count * 999 / 1000]);
}

int main(int argc, char **argv) {
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  const struct {
    const char *name;
    int arguments;
  } commands[] = {{"create", 2}, {"delete", 1}, {"produce", 3},
                  {"window", 5}, {"consume", 2}, {"latency", 4}};
  if (argc < 4) fail("client BROKERS COMMAND TOPIC ...");
  brokers = argv[1];
  const char *command = argv[2];
  char **a = &argv[3];
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(command, commands[i].name) != 0) continue;
    int known = 3 + commands[i].arguments;
    if (argc < known) fail("%s has %d arguments", command, commands[i].arguments);
    settings = &argv[known];
    setting_count = argc - known;
    switch (i) {
    case 0: create(a[0], atoi(a[1])); break;
    case 1: delete(a[0]); break;
    case 2: produce(a[0], atol(a[1]), atoi(a[2])); break;
    case 3: window(a[0], atoi(a[1]), atoi(a[2]), atoi(a[3]), atol(a[4])); break;
    case 4: consume(a[0], atol(a[1])); break;
    case 5: latency(a[0], atol(a[1]), atol(a[2]), atoi(a[3])); break;
    }
    fflush(stdout);
    // Handles are not torn down one by one: the process ends.
    _exit(0);
  }
  fail("%s is not known", command);
}
