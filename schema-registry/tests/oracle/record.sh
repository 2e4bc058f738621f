#!/bin/sh
# Records again what Java's Avro library and PyPI's avro say of the generated schemas and
# pairs, into ../recorded. Needs a JDK, Maven and Python 3. Takes a minute.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>oracle</groupId><artifactId>oracle</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.avro</groupId><artifactId>avro</artifactId><version>1.12.0</version>
  </dependency></dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" dependency:build-classpath -Dmdep.outputFile="$work/classpath"
classpath="$work:$(cat "$work/classpath")"
javac -cp "$classpath" -d "$work" "$here"/*.java
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q avro==1.12.2

{ cat "$here/cases.jsonl"; python3 "$here/schemas.py" texts 1200 7; } \
    | java -cp "$classpath" Canonical 2>/dev/null > "$here/../recorded/canonical.jsonl"
python3 "$here/schemas.py" pairs 3600 7 \
    | java -cp "$classpath" Compatibility 2>/dev/null \
    | "$work/venv/bin/python" "$here/schemas.py" judge \
    | python3 "$here/schemas.py" pack > "$here/../recorded/pairs.jsonl"
wc -lc "$here"/../recorded/*
