"""The picture of the playground in the README and docs/playground.md, taken by headless Chromium.

    python -m docs.screenshot

Needs Debian's chromium. It shows times, so unlike what `python -m docs` draws every one is another.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from benchmarks.playground import WINDOW, opened

PICTURE = Path(__file__).parent / "pictures" / "playground.png"
MEASURED_MS = 10_000  # so that the plots have something to show
COLOURS = 256


def main() -> None:
    with opened() as (browser, address):
        context = browser.new_context(
            viewport=WINDOW, color_scheme="light", reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Measure").click()
        page.wait_for_timeout(MEASURED_MS)
        page.get_by_role("button", name="Measure").click()
        page.get_by_role("heading", level=1).hover()
        page.screenshot(path=PICTURE)
        context.close()
    Image.open(PICTURE).quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
