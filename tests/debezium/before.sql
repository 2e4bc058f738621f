-- Old images of many types, REPLICA IDENTITY FULL, and keys of many types.
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE b_all (id int PRIMARY KEY, b bool, i2 int2, i8 int8, f8 double precision,
  n10_2 numeric(10,2), n numeric, m money, t text, c char(3), by bytea, d date, tm time,
  ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, e mood, i inet, b1 bit(1),
  b3 bit(3), p point, r int4range, h hstore, ia int[], ta text[], nn text NOT NULL DEFAULT 'd');
ALTER TABLE b_all REPLICA IDENTITY FULL;
INSERT INTO b_all VALUES (1, true, 1, 2, 0.1, 1.10, 1.10, 1.5, 'text', 'c', '\x00ff', '2024-02-29',
  '12:34:56.5', '2024-02-29 12:34:56.5', '2024-02-29 12:34:56.5+00', '1 day',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1}', '{"a": 1}', 'ok', '10.0.0.1', '1', '101',
  '(1,2)', '[1,2)', 'a=>1', '{1,NULL}', '{a,NULL}', 'x');
CREATE TABLE k_bool (k bool PRIMARY KEY, v int);
CREATE TABLE k_numeric (k numeric(10,2) PRIMARY KEY, v int);
CREATE TABLE k_any_numeric (k numeric PRIMARY KEY, v int);
CREATE TABLE k_uuid (k uuid PRIMARY KEY, v int);
CREATE TABLE k_times (d date, ts timestamp, tz timestamptz, v int, PRIMARY KEY (d, ts, tz));
CREATE TABLE k_bytes (k bytea, e mood, c char(3), v int, PRIMARY KEY (k, e, c));
CREATE TABLE k_array (k int[] PRIMARY KEY, v int);

-- @stream
UPDATE b_all SET t = 'changed', b = NULL WHERE id = 1;
UPDATE b_all SET (b, i2, i8, f8, n10_2, n, m, t, c, by, d, tm, ts, tz, iv, u, j, jb, e, i, b1, b3, p,
  r, h, ia, ta) = ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE b_all SET id = 2;
DELETE FROM b_all;
INSERT INTO k_bool VALUES (true, 1);
UPDATE k_bool SET k = false;
DELETE FROM k_bool;
INSERT INTO k_numeric VALUES (1.1, 1);
UPDATE k_numeric SET k = 2;
DELETE FROM k_numeric;
INSERT INTO k_any_numeric VALUES (1.10, 1);
UPDATE k_any_numeric SET k = 1e20;
DELETE FROM k_any_numeric;
INSERT INTO k_uuid VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1);
DELETE FROM k_uuid;
INSERT INTO k_times VALUES ('2024-02-29', '2024-02-29 12:34:56.5', '2024-02-29 12:34:56.5+00', 1);
UPDATE k_times SET v = 2;
DELETE FROM k_times;
INSERT INTO k_bytes VALUES ('\x00ff', 'ok', 'a', 1);
UPDATE k_bytes SET c = 'b';
DELETE FROM k_bytes;
INSERT INTO k_array VALUES ('{1,2}', 1);
DELETE FROM k_array;
