-- Column defaults, not null, generated columns.
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s');
CREATE FUNCTION seven() RETURNS int LANGUAGE sql AS 'SELECT 7';

CREATE TABLE d_not_null (id int PRIMARY KEY,
  b bool NOT NULL DEFAULT true, i2 int2 NOT NULL DEFAULT 7, i4 int4 NOT NULL DEFAULT -7,
  i8 int8 NOT NULL DEFAULT 9223372036854775807, f4 real NOT NULL DEFAULT 1.5,
  f8 double precision NOT NULL DEFAULT -0.1, fn double precision NOT NULL DEFAULT 'NaN',
  n10_2 numeric(10,2) NOT NULL DEFAULT 1.10, n numeric NOT NULL DEFAULT 1.10,
  m money NOT NULL DEFAULT 1.5, t text NOT NULL DEFAULT 'text', te text NOT NULL DEFAULT '',
  tq text NOT NULL DEFAULT 'it''s ''quoted''', tc text NOT NULL DEFAULT 'a::text',
  v varchar(10) NOT NULL DEFAULT 'v', c char(3) NOT NULL DEFAULT 'c',
  by bytea NOT NULL DEFAULT '\x00ff', u uuid NOT NULL DEFAULT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  j json NOT NULL DEFAULT '{"a": 1}', jb jsonb NOT NULL DEFAULT '{"a": 1}',
  x xml NOT NULL DEFAULT '<a/>', e mood NOT NULL DEFAULT 'ok', i inet NOT NULL DEFAULT '10.0.0.1',
  b1 bit(1) NOT NULL DEFAULT B'1', b3 bit(3) NOT NULL DEFAULT B'101',
  vb varbit NOT NULL DEFAULT B'1', p point NOT NULL DEFAULT '(1,2)',
  r int4range NOT NULL DEFAULT '[1,2)', h hstore NOT NULL DEFAULT 'a=>1',
  d date NOT NULL DEFAULT '2024-02-29', tm time NOT NULL DEFAULT '12:34:56.5',
  ts timestamp NOT NULL DEFAULT '2024-02-29 12:34:56.5',
  ts0 timestamp(0) NOT NULL DEFAULT '2024-02-29 12:34:56',
  tz timestamptz NOT NULL DEFAULT '2024-02-29 12:34:56.5+00',
  iv interval NOT NULL DEFAULT '1 day', ia int[] NOT NULL DEFAULT '{1,2}',
  ta text[] NOT NULL DEFAULT ARRAY['a','b'], ea text[] NOT NULL DEFAULT '{}');
INSERT INTO d_not_null (id) VALUES (1);

CREATE TABLE d_nullable (id int PRIMARY KEY,
  b bool DEFAULT false, i4 int4 DEFAULT 7, i8 int8 DEFAULT 8, f8 double precision DEFAULT 1e100,
  n10_2 numeric(10,2) DEFAULT 1, n numeric DEFAULT 1, t text DEFAULT 'text', tn text DEFAULT NULL,
  v varchar(10) DEFAULT 'v', by bytea DEFAULT 'bytes', e mood DEFAULT 'it''s', b1 bit(1) DEFAULT '0',
  jb jsonb DEFAULT '[]', d date DEFAULT '1970-01-01', ts timestamp DEFAULT '1970-01-01',
  inf timestamp DEFAULT 'infinity', tz timestamptz DEFAULT '2024-01-01 00:00:00+02');
INSERT INTO d_nullable (id) VALUES (1);
INSERT INTO d_nullable VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE d_function (id int PRIMARY KEY, now timestamptz NOT NULL DEFAULT now(),
  ts timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, d date NOT NULL DEFAULT CURRENT_DATE,
  dn date DEFAULT CURRENT_DATE, u uuid NOT NULL DEFAULT gen_random_uuid(),
  un uuid DEFAULT gen_random_uuid(), f int NOT NULL DEFAULT seven(), fn int DEFAULT seven(),
  e int NOT NULL DEFAULT 1 + 2, en int DEFAULT 1 + 2, t text NOT NULL DEFAULT 'a' || 'b',
  tn text DEFAULT upper('a'), us text NOT NULL DEFAULT CURRENT_USER, neg int NOT NULL DEFAULT -1,
  negn numeric NOT NULL DEFAULT -1.5, par int NOT NULL DEFAULT (5), cast_ int NOT NULL DEFAULT '5',
  r double precision NOT NULL DEFAULT random(), nb numeric(10,2) NOT NULL DEFAULT round(1.234, 2));
INSERT INTO d_function (id, now, ts, d, dn, u, un, us, r) VALUES (1, '2024-01-01 00:00:00+00',
  '2024-01-01', '2024-01-01', NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL, 'me', 0.5);

CREATE TABLE d_key (k text DEFAULT 'k' PRIMARY KEY, v int);
INSERT INTO d_key VALUES ('a', 1);

CREATE TABLE d_generated (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED,
  t text, z int GENERATED ALWAYS AS IDENTITY, gt text GENERATED ALWAYS AS (upper(t)) STORED NOT NULL);
INSERT INTO d_generated (id, a, t) VALUES (1, 1, 'a'), (2, NULL, 'b');
ALTER TABLE d_generated REPLICA IDENTITY FULL;

-- @stream
INSERT INTO d_not_null (id) VALUES (101);
INSERT INTO d_nullable (id) VALUES (101);
INSERT INTO d_nullable VALUES (102, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO d_function (id, now, ts, d, dn, u, un, us, r) VALUES (101, '2024-01-01 00:00:00+00',
  '2024-01-01', '2024-01-01', NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL, 'me', 0.5);
INSERT INTO d_key VALUES ('b', 1);
UPDATE d_key SET k = DEFAULT WHERE k = 'b';
DELETE FROM d_key WHERE k = 'k';
INSERT INTO d_generated (id, a, t) VALUES (101, 1, 'a'), (102, NULL, 'b');
UPDATE d_generated SET a = 5 WHERE id = 101;
UPDATE d_not_null SET i4 = DEFAULT, t = 'changed' WHERE id = 1;
DELETE FROM d_not_null WHERE id = 1;
DELETE FROM d_nullable WHERE id = 1;
DELETE FROM d_generated WHERE id = 101;
