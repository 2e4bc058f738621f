CREATE TABLE customers (
  id    integer PRIMARY KEY,
  name  text NOT NULL,
  email text
);
CREATE TABLE orders (
  id       bigint PRIMARY KEY,
  customer integer NOT NULL,
  product  text NOT NULL,
  quantity integer NOT NULL,
  price    numeric(10,2) NOT NULL,
  status   text NOT NULL DEFAULT 'new',
  created  timestamp NOT NULL DEFAULT now()
);
INSERT INTO customers
  SELECT n, 'customer ' || n, 'c' || n || '@example.com' FROM generate_series(1, 1000) n;
INSERT INTO orders (id, customer, product, quantity, price)
  SELECT n, 1 + n % 1000, 'product ' || n % 77, 1 + n % 5, (n % 10000) / 100.0
  FROM generate_series(1, 100000) n;
