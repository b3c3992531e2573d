"""How soon the playground's first face is on the screen.

    python -m benchmarks.playground

Opens the page of a service of its own in headless Chromium (Debian: chromium; Playwright drives
it), again and again: with an empty cache, and as a browser that has been there before. The time is
Chromium's own, from the visit's begin to the frame that has the face (Element Timing).
Writes `results/playground.json`.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.serving import processes
from kernels import machine

RESULT = Path(__file__).parent / "results" / "playground.json"
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
SHOWN = """() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
        resolve(Math.min(...list.getEntries().map((each) => each.renderTime)));
    }).observe({ type: "element", buffered: true });
})"""


@contextmanager
def opened() -> Iterator[tuple[Browser, str]]:
    """Chromium, and the address of a service for it to visit."""
    with processes.service(log_level="error") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser, "http://{}:{}/".format(*server.address)
        browser.close()


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
    with opened() as (browser, address):
        first_face = measure(browser, address)
        described: dict[str, Any] = {
            "machine": machine.describe(),
            "browser": f"Chromium {browser.version}",
            "first_face": first_face,
        }
    RESULT.write_text(json.dumps(described, indent=2) + "\n")
    print(json.dumps(first_face, indent=2))


if __name__ == "__main__":
    main()
