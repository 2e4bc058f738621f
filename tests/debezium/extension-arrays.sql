-- Arrays of types of extensions.
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION citext;
CREATE TABLE x (id int PRIMARY KEY, h hstore[], l ltree[], c citext[]);
INSERT INTO x VALUES (1, ARRAY['a=>1', NULL]::hstore[], ARRAY['Top.A', NULL]::ltree[], '{A,NULL}');

-- @stream
INSERT INTO x VALUES (101, ARRAY['a=>1', NULL]::hstore[], ARRAY['Top.A', NULL]::ltree[], '{A,NULL}');
