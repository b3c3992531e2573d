"""What the page says when the service cannot answer, and how it goes on."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from service.keys import Key, hash_key
from tests.browser.conftest import Visits
from tests.browser.test_faces import face
from tests.serving import free_port, serving


def alert(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("alert")).to_contain_text(words)


def random_seed(page: Page) -> None:
    page.get_by_role("button", name="Random").click()


def until_refused(page: Page) -> None:
    """Asks for faces, one after the other, until the service has had enough."""
    for _ in range(200):
        random_seed(page)
        page.wait_for_timeout(20)
        if page.get_by_role("alert").is_visible():
            return


def all_is_well(page: Page, variant: str = "partial") -> None:
    """The face is that of the seed in the field, and nothing is wrong."""
    seed = page.get_by_role("textbox", name="Seed").input_value()
    expect(face(page, variant, f"seed {seed}")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_overload_is_told_and_tried_again(visit: Visits, random_store: Path) -> None:
    visit.refusals = True
    with serving(store=random_store, threads=1, queue_limit=1) as server:
        page = visit("variants=partial", url=server.url)
        all_is_well(page)
        calm = threading.Event()

        def flood() -> None:
            with httpx.Client(base_url=server.url, timeout=30) as crowd:
                while not calm.is_set():
                    crowd.post("/generate?count=64")

        crowd = [threading.Thread(target=flood) for _ in range(8)]
        for each in crowd:
            each.start()
        try:
            until_refused(page)
            alert(page, re.compile(r"cannot take this request now.*places for images of partial"))
            expect(
                page.get_by_role("button", name=re.compile(r"in \d s by itself"))
            ).to_be_visible()
        finally:
            calm.set()
            for each in crowd:
                each.join()
        all_is_well(page)  # by itself, when Retry-After has passed


def test_an_allowance_that_is_used_up_is_told(visit: Visits, random_store: Path) -> None:
    visit.refusals = True
    with serving(store=random_store, rate_limit=0.5, rate_burst=4) as server:
        page = visit("variants=partial", url=server.url)
        expect(face(page, "partial", "seed 50")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_hidden()
        until_refused(page)
        alert(page, re.compile("more than your allowance.*go on in"))
        all_is_well(page)


def test_a_key_is_asked_for_and_kept(visit: Visits, random_store: Path) -> None:
    visit.refusals = True
    key = Key(name="app", sha256=hash_key("right"), scopes=frozenset({"generate", "vote"}))
    keys = json.dumps([key.model_dump(mode="json")])
    with serving(store=random_store, open_scopes="[]", api_keys=keys) as server:
        page = visit("variants=partial", url=server.url)
        alert(page, "This needs a key with the scope generate.")
        field = page.get_by_label("API key")
        field.fill("wrong")
        page.get_by_role("button", name="Use it").click()
        alert(page, "The key is not known.")
        field.fill("right")
        field.press("Enter")
        all_is_well(page)
        page.get_by_role("link", name="Vote").click()
        expect(page.get_by_role("img", name="The left face")).to_be_visible()
        page.reload()
        expect(page.get_by_role("img", name="The left face")).to_be_visible()
        page.get_by_role("link", name="Seeds").click()
        all_is_well(page)
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject('no') }")
        page.get_by_role("button", name="Copy as curl").click()
        command = page.get_by_role("textbox", name="Copy this").input_value()
        assert "$PBGEN_KEY" in command
        assert "right" not in command


def test_a_lost_connection_is_told_and_found_again(visit: Visits, random_store: Path) -> None:
    visit.refusals = True
    port = free_port()
    with serving(store=random_store, port=port) as server:
        page = visit("variants=partial", url=server.url)
        all_is_well(page)
    random_seed(page)
    alert(page, "The connection is lost. The service does not answer.")
    expect(face(page, "partial", "seed 50")).to_be_visible()  # what was there stays
    with serving(store=random_store, port=port):
        all_is_well(page)


def test_a_page_that_opens_before_its_service_is_ready_fills_later(
    visit: Visits, random_store: Path
) -> None:
    visit.refusals = True
    with serving(store=random_store) as server:
        page = visit("view=vote", url=server.url)
        page.route("**/variants", lambda route: route.abort())
        page.goto(f"{server.url}/?again#variants=partial")
        alert(page, "The connection is lost.")
        page.unroute("**/variants")
        page.get_by_role("button", name=re.compile("Try now")).click()
        all_is_well(page)


def test_a_variant_that_is_not_served_leaves_those_that_are(visit: Visits) -> None:
    page = visit("variants=nobody&seed=1e9&count=5&view=none&at=7&shift=x")
    for variant in ("float", "full", "partial"):
        expect(face(page, variant, "seed 50")).to_be_visible()
