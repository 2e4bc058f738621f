INSERT INTO orders (id, customer, product, quantity, price)
  SELECT n, 1 + n % 1000, 'product ' || n % 77, 1 + n % 5, (n % 10000) / 100.0
  FROM generate_series(100001, 120000) n;
UPDATE orders SET status = 'paid' WHERE id % 10 = 0;
DELETE FROM orders WHERE id % 25 = 0;
ALTER TABLE orders ADD COLUMN note text;
UPDATE orders SET note = 'gift' WHERE id % 1000 = 1;
INSERT INTO orders (id, customer, product, quantity, price, note)
  VALUES (200001, 1, 'the last one', 1, 9.99, 'added with the new column');
DELETE FROM customers WHERE id = 1000;
