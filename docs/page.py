"""A page's generated blocks: what stands between two comments.

<!-- variants: made by python -m docs -->
…
<!-- /variants -->
"""

from __future__ import annotations

import re


def fill(text: str, name: str, body: str) -> str:
    """The page `text` with the block `name` holding `body`; ValueError where it has no such
    block.
    """
    block = re.compile(
        rf"(<!-- {re.escape(name)}: [^\n]* -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL
    )
    filled, count = block.subn(lambda marks: marks[1] + body.rstrip("\n") + "\n" + marks[2], text)
    if count != 1:
        raise ValueError(f"the page must have one block {name!r}, not {count}")
    return filled


def blocks(text: str) -> list[str]:
    """The names of a page's generated blocks, in their order."""
    return re.findall(r"^<!-- ([^:\n]+): made by python -m docs -->$", text, re.MULTILINE)
