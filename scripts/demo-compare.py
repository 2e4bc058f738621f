"""Rebuilds a table from the lake's files by SQL, and hashes its rows.

usage: demo-compare.py LAKE orders|customers    prints "ROWS HASH"

The lake holds every change as Debezium wrote it, in order: the last change of
a key is the row, unless it is a delete. The hash is that of psql's in scripts/demo.
"""
import glob
import sys

import duckdb

COLUMNS = {
    "orders": ["id", "customer", "product", "quantity", "price", "status", "created", "note"],
    "customers": ["id", "name", "email"],
}

lake, table = sys.argv[1:3]
files = sorted(glob.glob(f"{lake}/**/shop.public.{table}/**/*.json", recursive=True))
db = duckdb.connect(config={"autoinstall_known_extensions": False})
columns = COLUMNS[table]
# Field by field out of the JSON text: files from before ALTER TABLE lack a column.
fields = ", ".join(f"coalesce(row->>'{name}', '')" for name in columns)
rows, digest = db.execute(
    f"""
    WITH lines AS (
      SELECT json, row_number() OVER () AS place FROM read_csv($1, columns = {{'json': 'VARCHAR'}},
        header = false, delim = chr(1), quote = '', escape = '', max_line_size = 10000000)
    ), changes AS (
      SELECT json->>'op' AS op, json->'after' AS row, place,
             CASE WHEN json->>'op' = 'd' THEN json->'before'->>'id' ELSE json->'after'->>'id' END AS id
      FROM lines WHERE json <> 'null'
    ), latest AS (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY place DESC) AS nth FROM changes
    )
    SELECT count(*), coalesce(md5(string_agg(concat_ws('|', {fields}), ',' ORDER BY id::BIGINT)), '')
    FROM latest WHERE nth = 1 AND op <> 'd'
    """,
    [files],
).fetchone()
print(rows, digest)
