-- Two columns that Avro's rules make one.
CREATE TABLE x (id int PRIMARY KEY, "a b" int, "a.b" int);
INSERT INTO x VALUES (1, 2, 3);

-- @stream
INSERT INTO x VALUES (2, 3, 4);
