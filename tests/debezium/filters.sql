-- What the include and exclude lists choose.
CREATE SCHEMA shop;
CREATE SCHEMA hidden;
CREATE TABLE shop.orders (id int PRIMARY KEY, customer text, secret text, amount numeric(10,2));
CREATE TABLE shop.orders_archive (id int PRIMARY KEY, customer text);
CREATE TABLE shop.customers (id int PRIMARY KEY, name text, secret text NOT NULL DEFAULT 's');
CREATE TABLE hidden.orders (id int PRIMARY KEY, customer text);
CREATE TABLE public.orders (id int PRIMARY KEY, customer text);
INSERT INTO shop.orders VALUES (1, 'a', 's', 1.5);
INSERT INTO shop.orders_archive VALUES (1, 'a');
INSERT INTO shop.customers VALUES (1, 'a', 's');
INSERT INTO hidden.orders VALUES (1, 'a');
INSERT INTO public.orders VALUES (1, 'a');
ALTER TABLE shop.orders REPLICA IDENTITY FULL;

-- @stream
INSERT INTO shop.orders VALUES (2, 'b', 's', 2.5);
UPDATE shop.orders SET secret = 'changed' WHERE id = 2;
UPDATE shop.orders SET amount = 3 WHERE id = 2;
INSERT INTO shop.orders_archive VALUES (2, 'b');
INSERT INTO shop.customers VALUES (2, 'b', 's');
INSERT INTO hidden.orders VALUES (2, 'b');
INSERT INTO public.orders VALUES (2, 'b');
DELETE FROM shop.orders WHERE id = 2;
DELETE FROM public.orders WHERE id = 2;
