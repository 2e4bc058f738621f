-- Odd identifiers.
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Weird.Table" (id int PRIMARY KEY, "a b" int, "x.y" int, "1st" int,
  "select" text, "Ünï" text, "quo""te" int, "UPPER" int, "dash-ed" int, "$dollar" int, "_u" int);
CREATE TABLE "quo""te'd" ("Key Col" int PRIMARY KEY, "order" int);
CREATE TABLE "ünïcode 表" ("表" int PRIMARY KEY);
CREATE TABLE "1digit" (id int PRIMARY KEY);
CREATE TABLE "back\slash" (id int PRIMARY KEY, "b\s" int);
CREATE TABLE "a_b" (id int PRIMARY KEY);
CREATE TABLE "a-b" (id int PRIMARY KEY);
CREATE TABLE "CamelCase" ("Id" int PRIMARY KEY, "Value" numeric);
CREATE TABLE this_is_a_name_of_sixty_three_bytes_that_is_as_long_as_it_gets__ (id int PRIMARY KEY);
INSERT INTO "Odd Schema"."Weird.Table" VALUES (1, 1, 1, 1, 's', 'u', 1, 1, 1, 1, 1);
INSERT INTO "quo""te'd" VALUES (1, 1);
INSERT INTO "CamelCase" VALUES (1, 1.1);

-- @stream
INSERT INTO "Odd Schema"."Weird.Table" VALUES (2, 1, 1, 1, 's', 'u', 1, 1, 1, 1, 1);
INSERT INTO "quo""te'd" VALUES (2, 1);
INSERT INTO "ünïcode 表" VALUES (2);
INSERT INTO "1digit" VALUES (2);
INSERT INTO "back\slash" VALUES (2, 2);
INSERT INTO "a_b" VALUES (2);
INSERT INTO "a-b" VALUES (2);
INSERT INTO "CamelCase" VALUES (2, 2.2);
INSERT INTO this_is_a_name_of_sixty_three_bytes_that_is_as_long_as_it_gets__ VALUES (2);
UPDATE "Odd Schema"."Weird.Table" SET "a b" = 2 WHERE id = 2;
DELETE FROM "quo""te'd" WHERE "Key Col" = 2;
