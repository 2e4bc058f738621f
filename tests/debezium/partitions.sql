-- Partitioned and inherited tables.
CREATE TABLE p (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu');
CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us');
INSERT INTO p VALUES (1, 'eu', 'a'), (2, 'us', 'b');
CREATE TABLE base (id int PRIMARY KEY, v text);
CREATE TABLE derived (w int) INHERITS (base);
ALTER TABLE derived ADD PRIMARY KEY (id);
INSERT INTO base VALUES (1, 'base');
INSERT INTO derived VALUES (2, 'derived', 2);

-- @stream
INSERT INTO p VALUES (3, 'eu', 'c'), (4, 'us', 'd');
UPDATE p SET v = 'C' WHERE id = 3;
UPDATE p SET region = 'us' WHERE id = 3;
DELETE FROM p WHERE id = 4;
-- @wait
CREATE TABLE p_other PARTITION OF p DEFAULT;
INSERT INTO p VALUES (5, 'as', 'e');
-- @wait
INSERT INTO base VALUES (3, 'base');
INSERT INTO derived VALUES (4, 'derived', 4);
UPDATE base SET v = 'both';
TRUNCATE p;
