"""The playground: its page, and the files that the page loads (service/web/), read once.

The files lie under a name made of all their bytes, so that browsers keep them for ever and another
release is another name. The page itself is asked for anew each time, and comes with a face of each
generator, so that nobody waits for scripts to see one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "web"
PAGE = "index.html"
BEGIN, END = "<!-- of each generator that is served: -->", "<!-- end -->"
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

    release: str  # the name that the files lie under
    files: Mapping[str, File]  # by name
    before: str  # the page, in parts: before the faces, each face, and after them
    face: str
    after: str

    def page(self, models: Mapping[str, str]) -> bytes:
        """The page, with the first face of each variant's model ("partial@1")."""
        faces = (self.face.format(variant=each, model=model) for each, model in models.items())
        before = self.before.replace("{count}", str(len(models)))
        return "".join((before, *faces, self.after)).encode()


@cache
def site() -> Site:
    """The site; the page names its files as web/<release>/<name>, and marks where faces go."""
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
    before, _, rest = page.partition(BEGIN)
    face, _, after = rest.partition(END)
    return Site(release, files, before, face, after)
