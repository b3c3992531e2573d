"""The interface as a page for people: the OpenAPI document as plain HTML, with no script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

STYLE = """
:root {
  color-scheme: light dark;
  --line: light-dark(#dedbd4, #303236);
  --muted: light-dark(#5c5b60, #a5a6ab);
  --accent: light-dark(#1f4fd8, #92b1ff);
}
body {
  max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#fbfaf8, #121314); color: light-dark(#1b1b1d, #edecea);
  font: .9375rem/1.5 -apple-system, "Segoe UI", Roboto, Inter, "Noto Sans", "Liberation Sans",
    system-ui, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--accent); text-underline-offset: .2em; }
code, h2 { font-family: ui-monospace, monospace; }
h1 { font-size: 1.75rem; line-height: 1.2; }
h2 { font-size: 1.125rem; }
h3 { margin: 1.25rem 0 .25rem; font-size: .8125rem; font-weight: 400; color: var(--muted); }
nav ul { columns: 3 17rem; padding: 0; list-style: none; }
nav a { display: inline-block; padding: .125rem 0; }
section { margin-top: 2.5rem; border-top: 2px solid var(--line); }
dl { margin: 0; }
dl div {
  display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 4fr) minmax(0, 7fr);
  gap: 0 1.25rem; padding: .375rem 0; border-top: 1px solid var(--line);
}
dd { margin: 0; }
dt + dd { color: var(--muted); }
@media (max-width: 44rem) {
  dl div { grid-template-columns: minmax(0, 1fr); }
}
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
JSON = "application/json"
UNTOLD = "Successful Response"  # FastAPI's, where a route does not describe its answer

Schema = Mapping[str, Any]  # with no reference in it
Row = tuple[str, str, str]  # a name, its type, and what it means


def page(document: Mapping[str, Any]) -> str:
    """The whole page, HTML."""
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in _resolved(document["paths"], document).items()
        for method, operation in methods.items()
    ]
    calls = "".join(
        f'<li><a href="#{operation["operationId"]}"><code>{escape(call)}</code></a></li>'
        for call, operation in operations
    )
    title = escape(f"{document['info']['title']}: {document['info']['summary']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Interface – {title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>. '
        'To look at: <a href="./">the playground</a>. '
        f"{_prose(document['info']['description'])}</p>"
        f'<nav aria-label="Calls"><ul>{calls}<li><a href="#problems">Problems</a></li></ul></nav>'
        f"{''.join(_operation(call, operation) for call, operation in operations)}"
        f"{_problems([operation for _, operation in operations])}</body></html>"
    )


def _operation(call: str, operation: Mapping[str, Any]) -> str:
    places: dict[str, list[Row]] = {}
    for each in operation.get("parameters", []):
        row = (each["name"], _type(each["schema"]), each.get("description", ""))
        places.setdefault(f"In the {each['in']}", []).append(row)
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    places["In the body, JSON"] = _fields(body.get("schema", {}))
    answers = {
        status: answer for status, answer in operation["responses"].items() if status < "400"
    }
    places["Answers"] = [
        (status, ", ".join(answer.get("content", {})), _meaning(answer))
        for status, answer in sorted(answers.items())
    ]
    answer = answers["200"].get("content", {}).get(JSON, {})
    places["In the answer, JSON"] = _fields(answer.get("schema", {}))
    refused = sorted(operation["responses"].keys() - answers.keys())
    links = ", ".join(f'<a href="#problem-{status}">{status}</a>' for status in refused)
    return (
        f'<section id="{operation["operationId"]}"><h2>{escape(call)}</h2>'
        f"<p>{_prose(operation.get('description', ''))}{_key(operation.get('security', []))}</p>"
        f"{''.join(_list(place, rows) for place, rows in places.items() if rows)}"
        f"<p>Problems: {links}.</p></section>"
    )


def _key(security: list[Mapping[str, Any]]) -> str:
    if not security:
        return ""
    return " May need a key." if {} in security else " Needs a key."


def _problems(operations: Iterable[Mapping[str, Any]]) -> str:
    """What every problem means, and what its answer holds: the same whatever the call."""
    answers = {
        status: answer
        for operation in operations
        for status, answer in operation["responses"].items()
        if status >= "400"
    }
    statuses = "".join(
        f'<div id="problem-{status}">{_cells((status, "", answer["description"]))}</div>'
        for status, answer in sorted(answers.items())
    )
    media_type, content = next(iter(next(iter(answers.values()))["content"].items()))
    return (
        '<section id="problems"><h2>Problems</h2>'
        f"<h3>By status</h3><dl>{statuses}</dl>"
        f"{_list(f'In the answer, {media_type}', _fields(content['schema']))}</section>"
    )


def _list(title: str, rows: Iterable[Row]) -> str:
    lines = "".join(f"<div>{_cells(row)}</div>" for row in rows)
    return f"<h3>{escape(title)}</h3><dl>{lines}</dl>"


def _cells(row: Row) -> str:
    name, kind, told = row
    return f"<dt><code>{escape(name)}</code></dt><dd>{escape(kind)}</dd><dd>{_prose(told)}</dd>"


def _prose(text: str) -> str:
    """A description as HTML: `this` is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _meaning(answer: Mapping[str, Any]) -> str:
    """What an answer is: as its route says, or else its schema."""
    if answer["description"] != UNTOLD:
        return str(answer["description"])
    return str(answer.get("content", {}).get(JSON, {}).get("schema", {}).get("description", ""))


def _resolved(node: Any, document: Mapping[str, Any]) -> Any:
    """A part of the document with what its references refer to in their places."""
    if isinstance(node, list):
        return [_resolved(each, document) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for part in node["$ref"].split("/")[1:]:
            target = target[part]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return {key: _resolved(value, document) for key, value in node.items()}


def _fields(schema: Schema, within: str = "") -> list[Row]:
    """The fields of an object, and those of the objects in it: "interpolate.from"."""
    rows = []
    for name, each in _properties(schema).items():
        field = _present(each)
        items = field.get("items", {})
        told = field.get("description", items.get("description", ""))
        rows.append((within + name, _type(each), told))
        if not within:
            rows += _fields(items or field, f"{name}[]." if items else f"{name}.")
    return rows


def _properties(schema: Schema) -> dict[str, Schema]:
    """The properties of an object, or all those of the objects that it may be."""
    found: dict[str, Schema] = dict(schema.get("properties", {}))
    for each in schema.get("oneOf", ()):
        found |= {name: part for name, part in each["properties"].items() if part["type"] != "null"}
    return found


def _present(schema: Schema) -> Schema:
    """The first alternative of a schema that is not null."""
    alternatives = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return {**alternatives[0], **schema} if alternatives else schema


def _type(schema: Schema) -> str:
    """A schema in a few words: its type or values, and its bounds."""
    first = _present(schema)
    kind = first.get("type", "object")
    if "enum" in first:
        kind = " | ".join(map(str, first["enum"]))
    elif kind == "array":
        kind = f"list of {_type(first['items'])}" if "items" in first else "list"
    bounds = [f"{word} {first[key]}" for key, word in BOUNDS.items() if first.get(key) is not None]
    return ", ".join([kind, *bounds])
