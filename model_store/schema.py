"""JSON, checked against a TypedDict: the manifest's and the index's types are written once."""

from __future__ import annotations

import json
import re
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints, is_typeddict

from model_store.errors import ManifestError

LARGEST_INTEGER = 2**64 - 1  # a seed's bound
LARGEST_NUMBER = 2**53  # up to which an integer is a float too, in every language
# Characters that a terminal obeys, or that take the order from others: control characters, ends of
# lines and paragraphs, directions of writing, and halves of surrogate pairs.
_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LONGEST_TEXT = 1000  # characters; the terms of the data take a hundred
DEEPEST = 32  # objects and lists within each other; options take three

_NAMES: dict[type, str] = {  # JSON's types, for messages
    dict: "an object",
    list: "a list",
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
}


def canonical(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8.

    Raises ManifestError for what JSON cannot hold.
    """
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (TypeError, ValueError, RecursionError):  # ValueError: NaN, a lone surrogate
        raise ManifestError(
            "it holds what JSON cannot: only finite numbers, text, lists and objects would be right"
        ) from None


def check(where: str, value: object, kind: Any) -> None:
    """Raises ManifestError unless `value`, at the dotted name `where`, is of the annotated kind."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        _check_fields(where, _of_type(where, value, dict), get_type_hints(kind))
    elif origin is UnionType:  # X | None
        if value is not None:
            check(where, value, arguments[0])
    elif origin is list:
        for i, item in enumerate(_of_type(where, value, list)):
            check(f"{where}.{i}", item, arguments[0])
    elif origin is dict:
        names = _of_type(where, value, dict)
        _check_fields(where, names, dict.fromkeys(names, arguments[1]))
    elif kind is not Any:
        _of_type(where, value, kind)


def check_plain(where: str, value: object) -> None:
    """Raises ManifestError for JSON that cannot be told as it is: text that a terminal would obey
    or that fills it, in keys too, integers beyond a seed's bound, and what is nested deeply."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise ManifestError(f"{where} is nested more than {DEEPEST} deep")
        if isinstance(item, dict | list):
            waiting += [(each, depth + 1) for each in item]
        if isinstance(item, dict):
            waiting += [(each, depth + 1) for each in item.values()]
        elif isinstance(item, str) and (len(item) > LONGEST_TEXT or _OBEYED.search(item)):
            raise ManifestError(
                f"{where} holds the text {shown(item)}; at most {LONGEST_TEXT} characters, and no "
                "control characters, would be right"
            )
        elif isinstance(item, int) and abs(item) > LARGEST_INTEGER:
            raise ManifestError(f"{where} holds {shown(item)}; one of 64 bits would be right")


def _check_fields(where: str, value: dict[str, object], kinds: dict[str, Any]) -> None:
    for name, kind in kinds.items():
        if name not in value:
            raise ManifestError(f"{where}.{name} is missing")
        printable = ascii(name[:40])[1:-1]  # whatever the file says, a message can be printed
        check(f"{where}.{printable}", value[name], kind)


def _of_type(where: str, value: object, kind: type) -> Any:
    """The value, if it is of JSON's type `kind`: an integer is a number too, a boolean is none."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ManifestError(f"{where} is {shown(value)}; {_NAMES[kind]} would be right")
    if kind is int and not 0 <= cast(int, value) <= LARGEST_INTEGER:
        raise ManifestError(f"{where} is {shown(value)}; 0 to 2^64 − 1 would be right")
    if kind is float and not abs(cast(float, value)) <= LARGEST_NUMBER:  # NaN too
        raise ManifestError(f"{where} is {shown(value)}; −2^53 to 2^53 would be right")
    return value


def shown(value: object) -> str:
    """A value for a message: JSON, at most 40 characters."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "a larger integer than 2^64 − 1" if value > 0 else "a smaller integer than −2^64 + 1"
    return json.dumps(value)[:40]
