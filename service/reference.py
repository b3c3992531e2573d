"""The interface as a page for people: the OpenAPI document as plain HTML, with no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8886; margin-top: 2rem; }
h2 { font: 600 1.1rem ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
tr + tr { border-top: 1px solid #8883; }
code { font-family: ui-monospace, monospace; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
)
BOUNDS = {  # JSON Schema's words → ours
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "length at least",
    "maxLength": "length at most",
    "minItems": "items at least",
    "maxItems": "items at most",
    "default": "default",
}


def page(document: Mapping[str, Any]) -> str:
    """The whole page, HTML."""
    operations = [
        _operation(method, path, operation, document["components"]["schemas"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(f"{document['info']['title']}: {document['info']['summary']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"{''.join(operations)}</body></html>"
    )


def _operation(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    rows = [
        (f"{each['name']} <small>in {each['in']}</small>", each["schema"], each.get("description"))
        for each in operation.get("parameters", [])
    ] + [
        (f"{escape(name)} <small>in body</small>", schema, schema.get("description"))
        for name, schema in _properties(body.get("schema", {}), schemas).items()
    ]
    parameters = "".join(
        f"<tr><td><code>{name}</code></td><td>{escape(_type(schema))}</td>"
        f"<td>{escape(told or '')}</td></tr>"
        for name, schema, told in rows
    )
    responses = "".join(
        f"<tr><td><code>{status}</code></td><td>{escape(', '.join(each.get('content', {})))}</td>"
        f"<td>{escape(each['description'])}</td></tr>"
        for status, each in sorted(operation["responses"].items())
    )
    return (
        f"<section><h2>{method.upper()} {escape(path)}</h2>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"<table>{parameters}</table><h3>Answers</h3><table>{responses}</table></section>"
    )


def _properties(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of an object, of a reference to one, or of the first alternative that is."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            each = schemas[each["$ref"].rpartition("/")[2]]
        if "properties" in each:
            properties: Mapping[str, Any] = each["properties"]
            return properties
    return {}


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: its type or values, and its bounds."""
    alternatives = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    first = {**schema, **alternatives[0]} if alternatives else schema
    values = first.get("enum")
    kind = " | ".join(map(str, values)) if values else first.get("type", "object")
    bounds = [f"{word} {first[key]}" for key, word in BOUNDS.items() if first.get(key) is not None]
    return ", ".join([kind, *bounds])
