"""A picture, and the mark in its file of what it shows.

A picture's bytes depend on the libraries that draw it, so it is its mark that tells whether it is
up to date: it is drawn again only when it would show something else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

FIELD = "Source"  # of PNG's text and SVG's metadata; in a JPEG it is the comment
QUALITY = 92  # of JPEG


def digest(data: Any) -> str:
    """A mark for any data that JSON can hold."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


@dataclass(frozen=True)
class Picture:
    """How a picture is drawn, and from what.

    data  what it shows; None where there is nothing to show yet
    draw  (file, data, mark) → the file
    mark  what identifies the data
    """

    data: Callable[[], Any]
    draw: Callable[[Path, Any, str], None]
    mark: Callable[[Any], str] = digest

    def is_due(self, path: Path) -> bool:
        """Whether the file shows something else, or is missing."""
        shown = self.data()
        return shown is not None and marked(path) != self.mark(shown)

    def write(self, path: Path) -> None:
        shown = self.data()
        self.draw(path, shown, self.mark(shown))


def marked(path: Path) -> str | None:
    """The mark in a file; None where there is no file, or no mark in it."""
    if not path.exists():
        return None
    if path.suffix == ".svg":
        found = re.search(r"<dc:source>(.*?)</dc:source>", path.read_text())
        return found[1] if found else None
    with Image.open(path) as picture:
        comment = picture.info.get("comment", b"").decode()
        return picture.info.get(FIELD, comment or None)


def save_figure(figure: Figure, path: Path, mark: str) -> None:
    """A plot as PNG or SVG."""
    if path.suffix == ".svg":
        figure.savefig(path, metadata={FIELD: mark, "Date": None})
    else:
        figure.savefig(path, dpi=150, metadata={FIELD: mark, "Software": None})


def save_image(image: Image.Image, path: Path, mark: str) -> None:
    """Pixels as PNG or JPEG."""
    if path.suffix == ".jpg":
        image.save(path, quality=QUALITY, comment=mark)
    else:
        told = PngInfo()
        told.add_text(FIELD, mark)
        image.save(path, optimize=True, pnginfo=told)
