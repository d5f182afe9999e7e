"""Checks custom resources against their definitions, closed: a field that they do not name is an error.

custom-resources.py FOLDER_OF_DEFINITIONS FILE...
"""

import sys
from pathlib import Path

import jsonschema
import yaml


def closed(schema):
    """The same schema, which takes no other fields than those it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    properties = schema.get("properties")
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(properties, dict) and isinstance(schema.get("type"), str) and not is_open:
        inner["additionalProperties"] = False
    return inner


def definitions(folder):
    """JSON schemas by (apiVersion, kind)."""
    found = {}
    for file in Path(folder).glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def main(folder, *files):
    known = definitions(folder)
    for file in files:
        for resource in yaml.safe_load_all(Path(file).read_text()):
            kind = resource["apiVersion"], resource["kind"]
            jsonschema.validate(resource, known[kind])
            print(f"{file}: {kind[1]} {resource['metadata']['name']} is valid")


main(*sys.argv[1:])
