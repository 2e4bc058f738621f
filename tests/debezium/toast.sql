-- Values stored out of line that an update does not touch.
CREATE EXTENSION hstore;
CREATE TABLE o_key (id int PRIMARY KEY, n int, t text, v varchar, by bytea, j json, jb jsonb, x xml,
  ta text[], ia int[], h hstore, nn text NOT NULL DEFAULT 'd', num numeric, bs bytea[],
  ua uuid[], da date[], tza timestamptz[], na numeric[], i8a bigint[], f8a double precision[],
  ba bool[], ja jsonb[]) WITH (toast_tuple_target = 128);
ALTER TABLE o_key ALTER t SET STORAGE EXTERNAL, ALTER v SET STORAGE EXTERNAL,
  ALTER by SET STORAGE EXTERNAL, ALTER j SET STORAGE EXTERNAL, ALTER jb SET STORAGE EXTERNAL,
  ALTER x SET STORAGE EXTERNAL, ALTER ta SET STORAGE EXTERNAL, ALTER ia SET STORAGE EXTERNAL,
  ALTER h SET STORAGE EXTERNAL, ALTER nn SET STORAGE EXTERNAL, ALTER num SET STORAGE EXTERNAL,
  ALTER bs SET STORAGE EXTERNAL, ALTER ua SET STORAGE EXTERNAL, ALTER da SET STORAGE EXTERNAL,
  ALTER tza SET STORAGE EXTERNAL, ALTER na SET STORAGE EXTERNAL, ALTER i8a SET STORAGE EXTERNAL,
  ALTER f8a SET STORAGE EXTERNAL, ALTER ba SET STORAGE EXTERNAL, ALTER ja SET STORAGE EXTERNAL;
CREATE TABLE o_full (LIKE o_key INCLUDING ALL) WITH (toast_tuple_target = 128);
ALTER TABLE o_full REPLICA IDENTITY FULL;
INSERT INTO o_key VALUES (1, 1, repeat('t', 400), repeat('v', 400),
  decode(repeat('00ff', 200), 'hex'), to_json(repeat('j', 400)), to_jsonb(repeat('b', 400)),
  xmlparse(content repeat('x', 400)), ARRAY[repeat('a', 200), repeat('b', 200)],
  array_fill(1234567, ARRAY[50]), hstore('k', repeat('h', 400)), repeat('n', 400),
  repeat('1234', 200)::numeric, ARRAY[decode(repeat('00ff', 150), 'hex')],
  array_fill('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, ARRAY[15]),
  array_fill('2024-02-29'::date, ARRAY[50]),
  array_fill('2024-02-29 00:00:00+00'::timestamptz, ARRAY[30]), array_fill(1.5, ARRAY[20]),
  array_fill(1::bigint, ARRAY[30]), array_fill(1.5::float8, ARRAY[30]),
  array_fill(true, ARRAY[200]), ARRAY[to_jsonb(repeat('c', 200))]);
INSERT INTO o_full SELECT * FROM o_key;

-- @stream
UPDATE o_key SET n = 2;
UPDATE o_key SET t = 'short';
UPDATE o_key SET n = 3;
UPDATE o_key SET id = 2;
DELETE FROM o_key;
UPDATE o_full SET n = 2;
UPDATE o_full SET t = 'short';
UPDATE o_full SET id = 2;
DELETE FROM o_full;
