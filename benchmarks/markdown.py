"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WORDS, FIGURE = "---", "---:"  # a column's rule: to the left, to the right


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    return _lines([head, [WORDS, *[FIGURE] * (len(head) - 1)], *rows])


def texts(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text alone."""
    return _lines([head, [WORDS] * len(head), *rows])


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`table`, padded so that it can be read in a terminal too."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = (
        [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        for line in (head, rule, *lines[1:])
    )
    return _lines(padded)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
