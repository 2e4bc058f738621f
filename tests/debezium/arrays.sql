-- Arrays of every common element; the stream inserts the same rows again under id + 100.
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s, "fine"');
CREATE DOMAIN d_int AS int;
CREATE DOMAIN d_ints AS int[];

CREATE TABLE t_plain (id int PRIMARY KEY, b bool[], i2 int2[], i4 int4[], i8 int8[], f4 float4[],
  f8 float8[], t text[], v varchar(5)[], c char(3)[], u uuid[], o oid[], by bytea[], dom d_int[],
  doms d_ints);
INSERT INTO t_plain VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
  (3, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}',
   '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'),
  (4, '{t,f,NULL}', '{-32768,32767}', '{1,2,3}', '{-9223372036854775808,9223372036854775807}',
   '{NaN,Infinity,-0,0.1}', '{NaN,-Infinity,1e300}', '{a,"",NULL,"NULL","q\"\\,{}"," x "}',
   '{ab,é}', '{a,abc}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{0,4294967295}',
   '{"\\x00ff",""}', '{1,2}', '{1,2}'),
  (6, '[5:6]={t,f}', '[0:1]={1,2}', '[-1:0]={1,2}', '[5:5]={1}', '[5:5]={1}', '[5:5]={1}',
   '[5:5]={a}', '[5:5]={a}', '[5:5]={a}', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE t_two_dims (id int PRIMARY KEY, b bool[], i4 int4[][], t text[], u uuid[], n numeric[]);
INSERT INTO t_two_dims VALUES (1, '{{t,f},{f,t}}', '{{1,2},{3,4}}', '{{a,b},{c,d}}',
  '{{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}}', '{{1.1},{2.2}}');

CREATE TABLE t_numeric (id int PRIMARY KEY, n numeric[], n10_2 numeric(10,2)[], m money[]);
INSERT INTO t_numeric VALUES (1, NULL, NULL, NULL), (2, '{}', '{}', '{}'),
  (3, '{NULL}', '{NULL}', '{NULL}'), (4, '{1.10,-1e30,0}', '{1.1,-99999999.99,0}', '{1.5,-2}');

CREATE TABLE t_times (id int PRIMARY KEY, d date[], t time[], t3 time(3)[], tz timetz[],
  ts timestamp[], ts3 timestamp(3)[], tstz timestamptz[], i interval[]);
INSERT INTO t_times VALUES
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
  (3, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'),
  (4, '{2024-02-29,1970-01-01}', '{12:34:56.123456}', '{12:34:56.123}', '{12:34:56.123456+05:30}',
   '{"2024-02-29 12:34:56.123456"}', '{"2024-02-29 12:34:56.123"}',
   '{"2024-02-29 12:34:56.123456+05:30"}', '{"1 year 2 mons 3 days 04:05:06.789"}');

CREATE TABLE t_other (id int PRIMARY KEY, j json[], jb jsonb[], e mood[], i inet[], c cidr[],
  m macaddr[], m8 macaddr8[], b1 bit(1)[], b3 bit(3)[], vb varbit[], p point[], r int4range[],
  nr numrange[], dr daterange[], tr tstzrange[], h hstore[], l ltree[], ci citext[], x xml[],
  ch "char"[], n name[], tv tsvector[], box box[], last int);
INSERT INTO t_other (id) VALUES (1);
INSERT INTO t_other VALUES
  (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
   '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', 2);

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
