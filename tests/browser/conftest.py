"""A real Chromium, and the playground of a real service in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from benchmarks.playground import ARGUMENTS, CHROMIUM
from tests.serving import Server, serving

PATIENCE_MS = 20_000  # machines that run tests are often busy
HEIGHTS = {320: 700, 375: 812, 768: 1024, 1280: 800, 1920: 1080}  # of windows, by width
REFUSED = "Failed to load resource"  # how the console tells of an answer that is an error


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Of a module, not of the session: while it is open no other test can run an event loop."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The service with the generators that ship."""
    with serving(threads=2) as running:
        yield running


@dataclass
class Visits:
    """Opens the playground, and keeps what its pages say on their consoles and ask of others."""

    chromium: Browser
    url: str
    refusals: bool = False  # whether the service is expected to refuse something
    _told: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self, state: str = "", *, url: str | None = None, width: int = 1280, **options: Any
    ) -> Page:
        """The page in a state, as its hash says it; `options` are those of a browser context."""
        viewport = {"width": width, "height": HEIGHTS[width]}
        context = self.chromium.new_context(viewport=viewport, **options)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._told.append(str(error)))
        base = url or self.url
        page.on("request", lambda request: self._check(request.url, base))
        page.goto(f"{base}/#{state}")
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._told.append(message.text)

    def _check(self, asked: str, base: str) -> None:
        if not asked.startswith((f"{base}/", f"blob:{base}/")):
            self._told.append(f"asked another host: {asked}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        expected = REFUSED if self.refusals else "nothing"
        assert [told for told in self._told if not told.startswith(expected)] == []


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Visits]:
    visits = Visits(chromium, server.url)
    yield visits
    visits.close()


@pytest.fixture
def screenshot(tmp_path: Path) -> Callable[[Page, str], Path]:
    """Takes a picture of a whole page into the test's folder."""

    def take(page: Page, name: str) -> Path:
        path = tmp_path / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take
