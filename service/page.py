"""The playground: its page, and the files that the page loads (service/web/), read once.

The files lie under a name made of all their bytes, so that browsers keep them for ever and another
release is another name; the page itself is asked for anew each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "web"
PAGE = "index.html"
STYLE = "style.css"  # one file for a browser, made of these in this order
STYLES = ("base.css", "controls.css", "picture.css", "history.css", "columns.css", "vote.css")
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


@dataclass(frozen=True)
class File:
    """A file that the page loads."""

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Site:
    """All that the playground consists of."""

    page: bytes
    release: str  # the name that the files lie under
    files: Mapping[str, File]  # by name


@cache
def site() -> Site:
    """The site; the page names its files as web/<release>/<name>."""
    files = {
        path.name: File(path.read_bytes(), MEDIA_TYPES[path.suffix])
        for path in sorted(FOLDER.iterdir())
        if path.suffix in MEDIA_TYPES and path.suffix != ".css"
    }
    style = b"".join((FOLDER / name).read_bytes() for name in STYLES)
    files[STYLE] = File(style, MEDIA_TYPES[".css"])
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(name.encode() + b"\0" + file.content + b"\0")
    release = digest.hexdigest()[:16]
    page = (FOLDER / PAGE).read_text("utf-8").replace('"web/', f'"web/{release}/')
    return Site(page.encode(), release, files)
