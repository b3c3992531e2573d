"""Pages of other sites, which may call the service if PBGEN_CORS_ORIGINS lets them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.serving import Server, serving

SHOWN = """(url) => new Promise((tell) => {
    const image = new Image()
    image.onload = () => tell(image.naturalWidth)
    image.onerror = () => tell(0)
    image.src = url
})"""
# With a header that a browser first asks leave for.
CALLED = """(url) => fetch(url, {method: 'POST', headers: {'X-Request-ID': 'from-afar'}})
    .then((answer) => [answer.status, answer.headers.get('X-PBGen-Seed'),
                       answer.headers.get('X-Request-ID')])
    .catch((error) => error.name)"""


class Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A site of others."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def friendly(site: str, random_store: Path) -> Iterator[Server]:
    with serving(store=random_store, cors_origins=json.dumps([site])) as server:
        yield server


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site)
    yield page
    context.close()


def test_a_site_that_is_let_calls_the_service_and_shows_its_images(
    page: Page, friendly: Server
) -> None:
    assert page.evaluate(SHOWN, f"{friendly.url}/images/partial/7.png") == 16
    answer = page.evaluate(CALLED, f"{friendly.url}/generate?seed=7")
    assert answer == [200, "7", "from-afar"]
    status, *_ = page.evaluate(CALLED, f"{friendly.url}/generate?seed=x")
    assert status == 422  # problems are told too


def test_other_sites_get_nothing_by_default(page: Page, server: Server) -> None:
    assert page.evaluate(SHOWN, f"{server.url}/images/partial/7.png") == 0
    assert page.evaluate(CALLED, f"{server.url}/generate?seed=7") == "TypeError"


def test_sites_that_are_not_named_get_nothing(friendly: Server, site: str) -> None:
    for origin, told in (("https://example.org", None), (site, site)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        before = httpx.options(f"{friendly.url}/generate", headers=asked)
        assert before.headers.get("access-control-allow-origin") == told
        assert before.is_success is (told is not None)
        answer = httpx.post(f"{friendly.url}/generate", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == told
        assert "Origin" in answer.headers["vary"]
