-- Every common type but times and arrays; one row a value class. The stream inserts the same rows
-- again under id + 100.
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION citext;

CREATE TABLE t_int (id int PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, o oid);
INSERT INTO t_int VALUES
  (1, NULL, NULL, NULL, NULL, NULL),
  (2, true, 0, 0, 0, 0),
  (3, false, -1, -1, -1, 1),
  (4, true, 32767, 2147483647, 9223372036854775807, 4294967295),
  (5, false, -32768, -2147483648, -9223372036854775808, 2147483648);

CREATE TABLE t_float (id int PRIMARY KEY, f4 real, f8 double precision);
INSERT INTO t_float VALUES
  (1, NULL, NULL), (2, 0, 0), (3, '-0', '-0'), (4, 'NaN', 'NaN'), (5, 'Infinity', 'Infinity'),
  (6, '-Infinity', '-Infinity'), (7, 0.1, 0.1), (8, -1.5, -1.5),
  (9, 3.4028235e38, 1.7976931348623157e308), (10, 1e-45, 5e-324), (11, 16777217, 9007199254740993),
  (12, 1e10, 1e21), (13, 0.001, 0.0001);

CREATE TABLE t_numeric (
  id int PRIMARY KEY, n10_2 numeric(10,2), n38 numeric(38), n5_5 numeric(5,5), n2_4 numeric(2,4),
  n18_9 decimal(18,9), n100 numeric(100,50), n numeric);
INSERT INTO t_numeric VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, 0, 0, 0, 0, 0, 0, 0),
  (3, -1.5, -1, -0.5, -0.0099, -1.5, -1.5, -1.5),
  (4, 99999999.99, 99999999999999999999999999999999999999, 0.99999, 0.0099, 999999999.999999999,
   1e49, 1e100),
  (5, -99999999.99, -99999999999999999999999999999999999999, -0.99999, -0.0001,
   -999999999.999999999, -1e-50, -1e-100),
  (6, 1.10, 100, 0.1, 0.001, 1.100000000, 1.10, 1.10),
  (7, 0.01, 1, 0.00001, 0.0001, 0.000000001, 1, 1),
  (8, 127, 128, 0.00128, 0.0012, 0.000000128, 12.8, 0.00),
  (9, 1.28, -129, -0.00129, -0.0012, -0.000000129, -12.9, 12345678901234567890.1234567890);

CREATE TABLE t_negative_scale (id int PRIMARY KEY, n numeric(3,-2));
INSERT INTO t_negative_scale VALUES (1, NULL), (2, 12345);

CREATE TABLE t_money (id int PRIMARY KEY, m money);
INSERT INTO t_money VALUES (1, NULL), (2, 0), (3, -1.5), (4, '92233720368547758.07'),
  (5, '-92233720368547758.08'), (6, 1234.56), (7, 0.01);

CREATE TABLE t_text (
  id int PRIMARY KEY, t text, v varchar, v10 varchar(10), c char, c5 char(5), n name, ch "char",
  ci citext);
INSERT INTO t_text VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '', '', '', '', '', '', '', ''),
  (3, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'A'),
  (4, 'é😀 中文', 'é😀 中文', 'é😀 中文', 'é', 'é😀', 'é😀', 'x', 'É😀'),
  (5, E'q''"\\ \t\n\r\u0001', E'q''"\\', E'q''"\\', '"', E'a\tb', 'It''s', '"', '{"a":1}'),
  (6, '  spaces  ', '  spaces  ', ' spaces  ', ' ', ' a', ' n ', ' ', ' C '),
  (7, repeat('x', 100), repeat('y', 100), 'zzzzzzzzzz', 'z', 'zzzzz', repeat('n', 63), 'z',
   'NULL'),
  (8, 'null', '__debezium_unavailable_value', '\N', 'N', 'true', '1', '1', 'Infinity');

CREATE TABLE t_bytea (id int PRIMARY KEY, b bytea);
INSERT INTO t_bytea VALUES (1, NULL), (2, ''), (3, '\x00'), (4, '\x00ff7f80'), (5, '\xfbffbf'),
  (6, 'text'), (7, '\x000102030405060708090a0b0c0d0e0f');

CREATE TABLE t_bits (id int PRIMARY KEY, b1 bit(1), b bit, b3 bit(3), b8 bit(8), b10 bit(10),
  b64 bit(64), b70 bit(70), vb varbit, vb10 varbit(10), vb1 varbit(1));
INSERT INTO t_bits VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '0', '0', '000', '00000000', '0000000000', repeat('0', 64)::bit(64), repeat('0', 70)::bit(70),
   '', '', ''),
  (3, '1', '1', '001', '10000000', '1000000001', repeat('1', 64)::bit(64), repeat('1', 70)::bit(70),
   '101', '1000000001', '1'),
  (4, '1', '1', '110', '00000001', '0000000100', (B'1' || repeat('0', 63)::varbit)::bit(64),
   (B'1' || repeat('0', 69)::varbit)::bit(70), '0000000011111111', '0', '0');

CREATE TABLE t_json (id int PRIMARY KEY, j json, jb jsonb, x xml);
INSERT INTO t_json VALUES
  (1, NULL, NULL, NULL),
  (2, '{}', '{}', '<a/>'),
  (3, '[]', '[]', 'just text'),
  (4, 'null', 'null', '<a b="c">d</a><e/>'),
  (5, '{"b": 1,  "a": 2, "b": 3}', '{"b": 1,  "a": 2, "b": 3}', '<?xml version="1.0"?><a>é</a>'),
  (6, '"\u00e9"', '"\u00e9"', '<a>&lt;&amp;</a>'),
  (7, '1.10', '1.10', ''),
  (8, ' {"a": [1e2, null, true]} ', ' {"a": [1e2, null, true]} ', ' <a/> ');

CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy', 'it''s, "fine"');
CREATE TABLE t_enum (id int PRIMARY KEY, e mood);
INSERT INTO t_enum VALUES (1, NULL), (2, 'sad'), (3, 'very happy'), (4, 'it''s, "fine"');

CREATE TABLE t_net (id int PRIMARY KEY, i inet, c cidr, m macaddr, m8 macaddr8);
INSERT INTO t_net VALUES
  (1, NULL, NULL, NULL, NULL),
  (2, '192.168.0.1', '192.168.0.0/16', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'),
  (3, '192.168.0.1/24', '10', '08002B010203', '08002B0102030405'),
  (4, '::1', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00'),
  (5, '2001:db8::ff00:42:8329/64', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', '08:00:2b:01:02:03'),
  (6, '0.0.0.0/0', '0.0.0.0/0', '08-00-2b-01-02-03', 'ff:ff:ff:ff:ff:ff:ff:ff');

CREATE TABLE t_range (id int PRIMARY KEY, i4 int4range, i8 int8range, n numrange, d daterange,
  ts tsrange, tz tstzrange);
INSERT INTO t_range VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, 'empty', 'empty', 'empty', 'empty', 'empty', 'empty'),
  (3, '[1,10]', '(1,10)', '[1.5,2.5]', '[2024-01-01,2024-01-31]',
   '[2024-01-01 00:00:00.5,2024-01-02)', '[2024-01-01 00:00:00+02,2024-01-02 00:00:00+00)'),
  (4, '(,)', '[1,)', '(,1.50)', '[2024-01-01,infinity]', '(,2024-01-02]', '[2024-01-01,)');

CREATE TABLE t_search (id int PRIMARY KEY, v tsvector, q tsquery, l ltree, h hstore, u uuid);
INSERT INTO t_search VALUES
  (1, NULL, NULL, NULL, NULL, NULL),
  (2, '', NULL, '', '', '00000000-0000-0000-0000-000000000000'),
  (3, to_tsvector('english', 'A fat cat sat'), 'fat & (rat | !cat)', 'Top.Science.A_1', 'a=>1',
   'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
  (4, 'a:1A fat:2B,4C cat:5D', 'fat <-> rat', 'Top', 'a=>NULL, "b c"=>"d, e", é=>"\"q\""',
   '{ffffffff-ffff-ffff-ffff-ffffffffffff}');

CREATE TABLE t_point (id int PRIMARY KEY, p point);
INSERT INTO t_point VALUES (1, NULL), (2, '(0,0)'), (3, '(1.5,-2.25)'), (4, '(1e300,0.1)');

CREATE TYPE pair AS (a int, b text);
CREATE TABLE t_unknown (id int PRIMARY KEY, box box, circle circle, line line, lseg lseg, path path,
  polygon polygon, pair pair, lsn pg_lsn, xid xid, xid8 xid8, cid cid, tid tid, snap pg_snapshot,
  jp jsonpath, rc regclass, rt regtype, rr regrole, mr int4multirange, lq lquery, after_all int);
INSERT INTO t_unknown (id) VALUES (1);
INSERT INTO t_unknown VALUES
  (2, '((0,0),(1,1))', '<(0,0),1>', '{1,2,3}', '[(0,0),(1,1)]', '((0,0),(1,1))', '((0,0),(1,1))',
   '(1,"a b")', '16/B374D848', '42', '42', '42', '(0,1)', '10:20:10,14', '$.a', 'pg_class', 'int4',
   'pg_monitor', '{[1,2),[5,6)}', 'Top.*', 7);

CREATE DOMAIN d_int AS int CHECK (VALUE >= 0);
CREATE DOMAIN d_int_again AS d_int;
CREATE DOMAIN d_text AS varchar(10) NOT NULL DEFAULT 'd';
CREATE DOMAIN d_numeric AS numeric(10,2);
CREATE DOMAIN d_json AS jsonb;
CREATE DOMAIN d_time AS timestamp(3);
CREATE DOMAIN d_bit AS bit(3);
CREATE DOMAIN d_char AS char(4);
CREATE TABLE t_domain (id d_int PRIMARY KEY, i d_int, i2 d_int_again, t d_text, n d_numeric,
  j d_json, ts d_time, b d_bit, c d_char);
INSERT INTO t_domain VALUES
  (1, NULL, NULL, 'x', NULL, NULL, NULL, NULL, NULL),
  (2, 0, 1, 'text', 1.10, '{"a": 1}', '2024-01-01 01:02:03.456789', '101', 'ab');

CREATE TABLE t_serial (id bigserial PRIMARY KEY, s2 smallserial, s4 serial, s8 bigserial,
  ia int GENERATED BY DEFAULT AS IDENTITY);
INSERT INTO t_serial DEFAULT VALUES;
INSERT INTO t_serial VALUES (2, -1, 10, 9223372036854775807, 5);

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
