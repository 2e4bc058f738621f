-- NUMERIC values that no decimal can hold, met in the stream only.
CREATE TABLE x (id int PRIMARY KEY, n numeric, n10_2 numeric(10,2), nn numeric(10,2) NOT NULL);
INSERT INTO x VALUES (1, 1, 1, 1);

-- @stream
INSERT INTO x VALUES (101, 'NaN', NULL, 1);
-- @wait
INSERT INTO x VALUES (102, 'Infinity', NULL, 1);
-- @wait
INSERT INTO x VALUES (103, NULL, 'NaN', 1);
-- @wait
INSERT INTO x VALUES (104, 4, 4, 4);
-- @wait
INSERT INTO x VALUES (105, NULL, NULL, 'NaN');
