"""The API's shapes as TypeScript, from the schemas of its OpenAPI document, for `web/`."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from launchyard.api.openapi import document

Schema = Mapping[str, Any]

HEAD = """/** Made by `make docs` from the OpenAPI document (src/launchyard/wire); change that, not this. */
"""
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def types_page() -> str:
    """web/src/api/types.ts"""
    schemas: dict[str, Schema] = document(FastAPI(openapi_url=None), [])["components"]["schemas"]
    return HEAD + "".join(_declared(name, schemas[name]) for name in sorted(schemas))


def _declared(name: str, schema: Schema) -> str:
    comment = _comment(schema.get("description", ""), "")
    if "properties" not in schema:
        return f"\n{comment}export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", ()))
    fields = "".join(
        f"  {key}{'' if key in required else '?'}: {_type(value)};\n"
        for key, value in schema["properties"].items()
    )
    return f"\n{comment}export interface {name} {{\n{fields}}}\n"


def _comment(text: str, indent: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    if not lines or text.startswith("str(object"):
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} *{f' {line}' if line else ''}\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for joined in ("anyOf", "oneOf"):
        if joined in schema:
            return " | ".join(dict.fromkeys(_type(one) for one in schema[joined]))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {_type(values) if isinstance(values, Mapping) else 'unknown'}>"
    return PLAIN.get(str(kind), "unknown")
