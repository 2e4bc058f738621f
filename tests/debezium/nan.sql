-- NUMERIC values that no decimal can hold.
CREATE TABLE x (id int PRIMARY KEY, n numeric, n10_2 numeric(10,2), ns numeric[]);
INSERT INTO x VALUES (1, 'NaN', NULL, NULL), (2, 'Infinity', NULL, NULL),
  (3, '-Infinity', NULL, NULL), (4, NULL, 'NaN', NULL);

-- @stream
INSERT INTO x VALUES (101, 'NaN', NULL, NULL), (102, 'Infinity', NULL, NULL),
  (103, '-Infinity', NULL, NULL), (104, NULL, 'NaN', NULL);
