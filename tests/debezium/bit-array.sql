-- An array of bits.
CREATE TABLE x (id int PRIMARY KEY, b3 bit(3)[], b1 bit(1)[]);
INSERT INTO x VALUES (1, '{101,110}', '{1,0}');

-- @stream
INSERT INTO x VALUES (2, '{101,110}', '{1,0}');
