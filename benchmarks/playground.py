"""How soon the playground's first face is on the screen, and the README's picture of the page.

    python -m benchmarks.playground

Opens the page of a service of its own in headless Chromium (Debian: chromium; Playwright drives
it), again and again: with an empty cache, and as a browser that has been there before. The time is
Chromium's own, from the visit's begin to the frame that has the face (Element Timing).
Writes `results/playground.json`, `docs/pictures/playground.png`, and the figures of
`docs/playground.md`.
"""

from __future__ import annotations

import json
import shutil
import statistics
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks import blocks
from benchmarks.serving import processes
from kernels import machine

RESULT = Path(__file__).parent / "results" / "playground.json"
DOCS = Path(__file__).parents[1] / "docs"
PICTURE, PAGE = DOCS / "pictures" / "playground.png", DOCS / "playground.md"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [  # of a browser in a container, which asks nobody anything
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VISITS = 60
WINDOW: ViewportSize = {"width": 1280, "height": 1010}
MEASURED_MS = 10_000  # so that the picture's plots have something to show
COLOURS = 256
SHOWN = """() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
        resolve(Math.min(...list.getEntries().map((each) => each.renderTime)));
    }).observe({ type: "element", buffered: true });
})"""


def measure(browser: Browser, address: str) -> dict[str, dict[str, float]]:
    """Milliseconds from the visit's begin to the first face, by what the browser's cache holds."""
    empty, filled = [], []
    for _ in range(VISITS):
        context = browser.new_context(viewport=WINDOW)
        page = context.new_page()
        empty.append(_visit(page, address))
        filled.append(_visit(page, address))
        context.close()
    return {"empty": _spread(empty), "filled": _spread(filled)}


def update(text: str, result: dict[str, Any]) -> str:
    """The page of the docs with its figures made anew."""
    empty, filled = (result["first_face"][cache] for cache in ("empty", "filled"))
    told = (
        f"The first face is on the screen {empty['median_ms']:.0f} ms after the page is opened "
        f"(median of {empty['visits']} visits with an empty cache, at most {empty['max_ms']:.0f} "
        f"ms), {filled['median_ms']:.0f} ms where the browser has been before (at most "
        f"{filled['max_ms']:.0f} ms). Service and {result['browser']} on one machine: "
        f"{result['machine']['cpu']}, {result['machine']['cpus']} cores, "
        f"{result['machine']['measured_at'][:10]}."
    )
    return blocks.fill(text, "playground", told)


def draw(browser: Browser, address: str) -> None:
    """The README's picture: faces that the shipped generators make, and what they took."""
    context = browser.new_context(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Measure").click()
    page.wait_for_timeout(MEASURED_MS)
    page.get_by_role("button", name="Measure").click()
    page.get_by_role("heading", level=1).hover()
    page.screenshot(path=PICTURE)
    context.close()
    Image.open(PICTURE).quantize(COLOURS).save(PICTURE, optimize=True)


def _visit(page: Page, address: str) -> float:
    page.goto(address)
    shown: float = page.evaluate(SHOWN)
    page.goto("about:blank")
    return shown


def _spread(times: list[float]) -> dict[str, float]:
    return {
        "visits": len(times),
        "median_ms": statistics.median(times),
        "min_ms": min(times),
        "max_ms": max(times),
    }


def main() -> None:
    with processes.service(log_level="error") as server, sync_playwright() as playwright:
        address = "http://{}:{}/".format(*server.address)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        first_face = measure(browser, address)
        draw(browser, address)
        described: dict[str, Any] = {
            "machine": machine.describe(),
            "browser": f"Chromium {browser.version}",
            "first_face": first_face,
        }
        browser.close()
    RESULT.write_text(json.dumps(described, indent=2) + "\n")
    PAGE.write_text(update(PAGE.read_text(), described))
    print(json.dumps(first_face, indent=2))


if __name__ == "__main__":
    main()
