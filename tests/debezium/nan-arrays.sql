-- NaN within arrays of NUMERIC.
CREATE TABLE x (id int PRIMARY KEY, ns numeric[], n2s numeric(10,2)[]);
INSERT INTO x VALUES (1, '{1,NULL}', '{1,NULL}');

-- @stream
INSERT INTO x VALUES (101, '{1,NaN}', NULL);
-- @wait
INSERT INTO x VALUES (102, NULL, '{1,NaN}');
