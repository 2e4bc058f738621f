-- What the handling modes change; the stream inserts the same rows again under id + 100.
CREATE EXTENSION hstore;
CREATE DOMAIN d_ts AS timestamp(3);
CREATE TYPE pair AS (a int, b text);

CREATE TABLE m_decimal (id int PRIMARY KEY, n10_2 numeric(10,2), n38 numeric(38), n numeric,
  m money, ns numeric[], n2s numeric(10,2)[], dn numeric(10,2) NOT NULL DEFAULT 1.10,
  dv numeric DEFAULT 2.50, dm money DEFAULT 3.25);
INSERT INTO m_decimal VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL),
  (2, -1.5, 0, 1.10, 0, '{}', '{}', 1, 1, 1),
  (3, 99999999.99, 99999999999999999999999999999999999999, 1e100, '92233720368547.58',
   '{1.10,NULL,1e30}', '{1.1,NULL}', -1.50, 100, 1.5),
  (4, 0.01, -1, 12345678901234567890.1234567890, -0.01, '{0.00}', '{0}', 0.1, 0.10, 0.1),
  (5, 100, 10, 0.0000001, 100, '{1e-10}', '{100}', 0.1, 1e-10, 0.1);

CREATE TABLE m_binary (id int PRIMARY KEY, b bytea, bs bytea[], d bytea NOT NULL DEFAULT '\x00ff',
  b1 bit(1), b3 bit(3));
INSERT INTO m_binary VALUES (1, NULL, NULL, '', NULL, NULL), (2, '', '{}', 'a', '0', '000'),
  (3, '\xfbffbf', '{"\\xfbffbf",NULL,""}', '\xfbffbf', '1', '101');

CREATE TABLE m_time (id int PRIMARY KEY, d date, t time, t0 time(0), t3 time(3), t4 time(4),
  tz timetz, tz0 timetz(0), ts timestamp, ts0 timestamp(0), ts3 timestamp(3), ts4 timestamp(4),
  tstz timestamptz, tstz0 timestamptz(0), tstz3 timestamptz(3), dom d_ts);
INSERT INTO m_time VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '1970-01-01', '0:00', '0:00', '0:00', '0:00', '0:00+00', '0:00+00', '1970-01-01',
   '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-01 00:00+00', '1970-01-01 00:00+00',
   '1970-01-01 00:00+00', '1970-01-01'),
  (3, '2024-02-29', '12:34:56.123456', '12:34:56', '12:34:56.123', '12:34:56.1234',
   '12:34:56.123456+05:30', '12:34:56-08', '2024-02-29 12:34:56.123456', '2024-02-29 12:34:56',
   '2024-02-29 12:34:56.123', '2024-02-29 12:34:56.1234', '2024-02-29 12:34:56.123456+05:30',
   '2024-02-29 12:34:56-08', '2024-02-29 12:34:56.12+00', '2024-02-29 12:34:56.123'),
  (4, '1969-12-31', '23:59:59.999999', '23:59:59', '23:59:59.999', '23:59:59.9999',
   '23:59:59.999999-11', '23:59:59+00', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59',
   '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.9999', '1969-12-31 23:59:59.999999+00',
   '1969-12-31 23:59:59+00', '1969-12-31 23:59:59.999+00', '1969-12-31 23:59:59.999'),
  (5, '9999-12-31', '24:00', '24:00', '24:00', '24:00', '24:00+00', '24:00+00',
   '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999',
   '9999-12-31 23:59:59.9999', '9999-12-31 23:59:59.999999+00', '9999-12-31 23:59:59+00',
   '9999-12-31 23:59:59.999+00', '9999-12-31 23:59:59.999');

CREATE TABLE m_infinite (id int PRIMARY KEY, ts timestamp, ts3 timestamp(3), tstz timestamptz);
INSERT INTO m_infinite VALUES (1, 'infinity', 'infinity', 'infinity'),
  (2, '-infinity', '-infinity', '-infinity');

CREATE TABLE m_time_array (id int PRIMARY KEY, d date[], t time[], t3 time(3)[], tz timetz[],
  ts timestamp[], ts3 timestamp(3)[], tstz timestamptz[]);
INSERT INTO m_time_array VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '{2024-02-29,NULL}', '{12:34:56.123456}', '{12:34:56.123}', '{12:34:56.123456+05:30}',
   '{"2024-02-29 12:34:56.123456"}', '{"2024-02-29 12:34:56.123"}',
   '{"2024-02-29 12:34:56.123456+05:30"}');

CREATE TABLE m_time_default (id int PRIMARY KEY, d date NOT NULL DEFAULT '2024-02-29',
  t time NOT NULL DEFAULT '12:34:56.123456', t3 time(3) NOT NULL DEFAULT '12:34:56.123',
  tz timetz NOT NULL DEFAULT '12:34:56+05:30',
  ts timestamp NOT NULL DEFAULT '2024-02-29 12:34:56.123456',
  ts3 timestamp(3) NOT NULL DEFAULT '2024-02-29 12:34:56.123',
  tstz timestamptz NOT NULL DEFAULT '2024-02-29 12:34:56.123456+05:30',
  now timestamptz NOT NULL DEFAULT now(), i interval NOT NULL DEFAULT '1 day 01:02:03.5');
INSERT INTO m_time_default VALUES (1, '2024-01-01', '1:00', '1:00', '1:00+00', '2024-01-01',
  '2024-01-01', '2024-01-01 00:00+00', '2024-01-01 00:00+00', '0');

CREATE TABLE m_interval (id int PRIMARY KEY, i interval, i0 interval(0));
INSERT INTO m_interval SELECT i, v::interval, v::interval
  FROM (VALUES (1, NULL), (2, '0'), (3, '1 year 2 mons 3 days 04:05:06.789012'),
    (4, '-1 year -2 mons -3 days -04:05:06.789012'), (5, '1 mon -1 day'), (6, '100 years'),
    (7, '25:00:00'), (8, '-00:00:00.000001'), (9, '1 day'), (10, '00:00:00.5'),
    (11, '13 mons')) x (i, v);

CREATE TABLE m_hstore (id int PRIMARY KEY, h hstore, hn hstore NOT NULL DEFAULT 'x=>1');
INSERT INTO m_hstore VALUES (1, NULL, ''), (2, '', 'a=>1'),
  (3, 'a=>NULL, "b c"=>"d, e", é=>"\"q\""', 'k=>v, a=>b');

CREATE TABLE m_unknown (id int PRIMARY KEY, box box, pair pair, lsn pg_lsn, q tsquery,
  mr int4multirange, jp jsonpath, boxes box[], pn pg_lsn NOT NULL DEFAULT '0/1', last int);
INSERT INTO m_unknown (id) VALUES (1);
INSERT INTO m_unknown VALUES
  (2, '((0,0),(1,1))', '(1,"a b")', '16/B374D848', 'fat & rat', '{[1,2),[5,6)}', '$.a',
   '{(1,1),(0,0)}', '0/2', 7);

-- @stream
DO $$
DECLARE t text;
BEGIN
  FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'm\_%' ORDER BY 1 LOOP
    EXECUTE format('CREATE TEMP TABLE again AS SELECT * FROM %I ORDER BY id', t);
    EXECUTE 'UPDATE again SET id = id + 100';
    EXECUTE format('INSERT INTO %I SELECT * FROM again ORDER BY id', t);
    EXECUTE 'DROP TABLE again';
    COMMIT;
  END LOOP;
END $$;
