"""Validates payloads against the published schemas.

Usage: validate.py SCHEMAS-FOLDER < LINES
Each line is {"schema": "fwoc.status/1", "payload": ...}. Prints one line a complaint; ends with 1 where there was any.
"""
import json
import pathlib
import sys

import jsonschema

schemas = {}
for path in pathlib.Path(sys.argv[1]).glob("*.schema.json"):
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert path.name == schema["$id"].replace("/", "-") + ".schema.json", path
    schemas[schema["$id"]] = jsonschema.Draft202012Validator(schema)

count = complaints = 0
for line in sys.stdin:
    item = json.loads(line)
    count += 1
    for error in schemas[item["schema"]].iter_errors(item["payload"]):
        complaints += 1
        print(f"{item['schema']}: {error.json_path}: {error.message}")
print(f"{count} payloads", file=sys.stderr)
sys.exit(1 if complaints or not count else 0)
