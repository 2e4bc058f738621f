-- Dates, times, timestamps, intervals; one row a value class. The stream inserts the same rows
-- again under id + 100.
CREATE TABLE t_date (id int PRIMARY KEY, d date);
INSERT INTO t_date VALUES (1, NULL), (2, '1970-01-01'), (3, '2024-02-29'), (4, '1969-12-31'),
  (5, '1582-10-15'), (6, '1582-10-14'), (7, '1582-10-04'), (8, '0001-01-01'), (9, '9999-12-31'),
  (10, '0044-03-15 BC'), (11, '4713-01-01 BC'), (12, '5874897-12-31'), (13, '10000-01-01'),
  (14, 'infinity'), (15, '-infinity'), (16, '1900-03-01'), (17, '0099-01-01');

CREATE TABLE t_time (id int PRIMARY KEY, t time, t0 time(0), t1 time(1), t2 time(2), t3 time(3),
  t4 time(4), t5 time(5), t6 time(6));
INSERT INTO t_time SELECT i, v::time, v::time, v::time, v::time, v::time, v::time, v::time, v::time
  FROM (VALUES (1, NULL), (2, '00:00'), (3, '12:34:56.123456'), (4, '23:59:59.999999'),
    (5, '24:00:00'), (6, '00:00:00.000001'), (7, '01:02:03')) x (i, v);

CREATE TABLE t_timetz (id int PRIMARY KEY, t timetz, t0 timetz(0), t3 timetz(3), t6 timetz(6));
INSERT INTO t_timetz SELECT i, v::timetz, v::timetz, v::timetz, v::timetz
  FROM (VALUES (1, NULL), (2, '00:00+00'), (3, '12:34:56.123456+05:30'),
    (4, '23:59:59.999999-11'), (5, '24:00:00+00'), (6, '00:00:00.000001+15:59'),
    (7, '01:02:03-08'), (8, '10:00:00.5+00')) x (i, v);

CREATE TABLE t_timestamp (id int PRIMARY KEY, t timestamp, t0 timestamp(0), t1 timestamp(1),
  t2 timestamp(2), t3 timestamp(3), t4 timestamp(4), t5 timestamp(5), t6 timestamp(6));
INSERT INTO t_timestamp
  SELECT i, v::timestamp, v::timestamp, v::timestamp, v::timestamp, v::timestamp, v::timestamp,
    v::timestamp, v::timestamp
  FROM (VALUES (1, NULL), (2, '1970-01-01 00:00:00'), (3, '2024-02-29 12:34:56.123456'),
    (4, '1969-12-31 23:59:59.999999'), (5, '1582-10-15 00:00:00'), (6, '1582-10-14 12:00:00'),
    (7, '1582-10-04 00:00:00.5'), (8, '0001-01-01 00:00:00'), (9, '9999-12-31 23:59:59.999999'),
    (10, '0044-03-15 12:00:00 BC'), (11, '4713-01-01 00:00:00 BC'),
    (12, '294246-12-31 23:59:59'), (13, 'infinity'), (14, '-infinity'),
    (15, '2024-03-31 02:30:00'), (16, '1900-01-01 00:00:00')) x (i, v);

CREATE TABLE t_timestamptz (id int PRIMARY KEY, t timestamptz, t0 timestamptz(0), t3 timestamptz(3),
  t6 timestamptz(6));
INSERT INTO t_timestamptz
  SELECT i, v::timestamptz, v::timestamptz, v::timestamptz, v::timestamptz
  FROM (VALUES (1, NULL), (2, '1970-01-01 00:00:00+00'), (3, '2024-02-29 12:34:56.123456+05:30'),
    (4, '1969-12-31 23:59:59.999999+00'), (5, '1582-10-15 00:00:00+00'),
    (6, '1582-10-14 12:00:00+00'), (7, '1582-10-04 00:00:00.5+00'), (8, '0001-01-01 00:00:00+00'),
    (9, '9999-12-31 23:59:59.999999+00'), (10, '0044-03-15 12:00:00+00 BC'),
    (11, '4713-01-01 00:00:00+00 BC'), (12, '294246-12-31 23:59:59+00'), (13, 'infinity'),
    (14, '-infinity'), (15, '2024-03-31 02:30:00.1+02'), (16, '2024-01-01 00:00:00-08'),
    (17, '2024-01-01 10:00:00.120+00'), (18, '12024-01-01 10:00:00+00')) x (i, v);

CREATE TABLE t_interval (id int PRIMARY KEY, i interval, i0 interval(0), ym interval year to month,
  ds interval day to second(3));
INSERT INTO t_interval SELECT i, v::interval, v::interval, v::interval, v::interval
  FROM (VALUES (1, NULL), (2, '0'), (3, '1 year 2 mons 3 days 04:05:06.789012'),
    (4, '-1 year -2 mons -3 days -04:05:06.789012'), (5, '1 mon -1 day'), (6, '100 years'),
    (7, '25:00:00'), (8, '-00:00:00.000001'), (9, '1 day'), (10, '1 mon'),
    (11, '178000 years'), (12, '1 year 00:00:01.5'), (13, '400 days')) x (i, v);

-- @stream
DO $$
DECLARE t text;
BEGIN
  FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 't\_%' ORDER BY 1 LOOP
    EXECUTE format('CREATE TEMP TABLE again AS SELECT * FROM %I ORDER BY id', t);
    EXECUTE 'UPDATE again SET id = id + 100';
    EXECUTE format('INSERT INTO %I SELECT * FROM again ORDER BY id', t);
    EXECUTE 'DROP TABLE again';
    COMMIT;
  END LOOP;
END $$;
