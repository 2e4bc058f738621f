-- An enum without a label anywhere in the database.
CREATE TYPE empty_enum AS ENUM ();
CREATE TABLE x (id int PRIMARY KEY);
INSERT INTO x VALUES (1);

-- @stream
INSERT INTO x VALUES (2);
