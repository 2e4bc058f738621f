-- DDL between and within transactions. A line "@wait" lets the connector catch up, since Debezium
-- reads defaults, nullability and keys from the catalog as it is when a Relation message comes.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE a (id int PRIMARY KEY, v text);
INSERT INTO a VALUES (1, 'a');
CREATE TABLE e (id int PRIMARY KEY, m mood);
INSERT INTO e VALUES (1, 'ok');
CREATE TABLE b (id int PRIMARY KEY, v text, w int);
INSERT INTO b VALUES (1, 'a', 1);
CREATE TABLE gone (id int PRIMARY KEY, v text);
INSERT INTO gone VALUES (1, 'a');

-- @stream
INSERT INTO a VALUES (2, 'before');
-- @wait
ALTER TABLE a ADD COLUMN n int;
INSERT INTO a VALUES (3, 'added', 3);
-- @wait
ALTER TABLE a ADD COLUMN d text NOT NULL DEFAULT 'dflt';
INSERT INTO a (id, v) VALUES (4, 'with default');
UPDATE a SET v = 'old row' WHERE id = 1;
-- @wait
ALTER TABLE a RENAME COLUMN v TO renamed;
INSERT INTO a VALUES (5, 'renamed');
-- @wait
ALTER TABLE a ALTER COLUMN n TYPE bigint;
INSERT INTO a VALUES (6, 'retyped', 6);
-- @wait
ALTER TABLE a ALTER COLUMN n TYPE numeric(10,2);
INSERT INTO a VALUES (7, 'retyped', 7.5);
-- @wait
ALTER TABLE a DROP COLUMN n;
INSERT INTO a (id, renamed) VALUES (8, 'dropped');
DELETE FROM a WHERE id = 2;
-- @wait
ALTER TABLE a ALTER COLUMN d DROP NOT NULL, ALTER COLUMN d SET DEFAULT 'other';
INSERT INTO a (id) VALUES (9);
-- @wait
ALTER TABLE a REPLICA IDENTITY FULL;
UPDATE a SET d = 'full' WHERE id = 9;
-- @wait
ALTER TABLE a DROP CONSTRAINT a_pkey, ADD PRIMARY KEY (id, d);
INSERT INTO a (id) VALUES (10);
-- @wait
ALTER TABLE a RENAME TO a_renamed;
INSERT INTO a_renamed (id) VALUES (11);
-- @wait
CREATE TABLE a (id bigint PRIMARY KEY, other int);
INSERT INTO a VALUES (12, 12);
-- @wait
CREATE TABLE fresh (id int PRIMARY KEY, v text DEFAULT 'x');
INSERT INTO fresh VALUES (1, 'a');
-- @wait
ALTER TYPE mood ADD VALUE 'happy';
INSERT INTO e VALUES (2, 'happy');
-- @wait
CREATE TYPE colour AS ENUM ('red', 'green');
ALTER TABLE e ADD COLUMN c colour DEFAULT 'green';
INSERT INTO e VALUES (3, 'sad', 'red');
-- @wait
BEGIN;
INSERT INTO b VALUES (2, 'first', 2);
ALTER TABLE b ADD COLUMN x int;
INSERT INTO b VALUES (3, 'second', 3, 3);
ALTER TABLE b DROP COLUMN w;
INSERT INTO b VALUES (4, 'third', 4);
UPDATE b SET v = 'again' WHERE id = 2;
COMMIT;
-- @wait
DROP TABLE gone;
CREATE TABLE gone (id text PRIMARY KEY, w int);
INSERT INTO gone VALUES ('one', 1);
