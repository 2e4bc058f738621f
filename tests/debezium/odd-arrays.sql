-- Arrays of elements that Debezium has no array for.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE x (id int PRIMARY KEY, e mood[], m money[], i interval[], x xml[], n name[]);
CREATE TABLE y (id int PRIMARY KEY, inet inet[], cidr cidr[], m macaddr[], r int4range[], j json[],
  jb jsonb[], tv tsvector[], ch "char"[], dr daterange[]);
INSERT INTO x VALUES (1, '{ok,sad}', '{1.5}', '{1 day}', '{<a/>}', '{n}');
INSERT INTO y VALUES (1, '{10.0.0.1,NULL}', '{10.0.0.0/8}', '{08:00:2b:01:02:03}',
  '{"[1,2)",NULL}', '{"{\"a\":  1}",NULL}', '{"{\"a\":  1}",NULL}', '{"''a'':1"}', '{a}',
  '{"[2024-01-01,2024-01-02)"}');

-- @stream
INSERT INTO x VALUES (101, '{ok,sad}', '{1.5}', '{1 day}', '{<a/>}', '{n}');
INSERT INTO y SELECT 101, inet, cidr, m, r, j, jb, tv, ch, dr FROM y;
