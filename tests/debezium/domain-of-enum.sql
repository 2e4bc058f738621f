-- A domain over an enum anywhere in the database.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN d_mood AS mood;
CREATE TABLE x (id int PRIMARY KEY, m d_mood);
INSERT INTO x VALUES (1, 'ok');

-- @stream
INSERT INTO x VALUES (2, 'sad');
