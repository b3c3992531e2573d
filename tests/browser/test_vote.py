"""The blind vote: a pair, a choice by mouse or key, what it was, and the results."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.serving import Server, serving

PAIR = re.compile(
    r"Left was (float|full|partial), right was (float|full|partial), both of seed \d+"
)


@pytest.fixture
def polls() -> Iterator[Server]:
    """A service in which nobody has voted."""
    with serving(threads=2) as server:
        yield server


def pair_is_shown(page: Page) -> None:
    for side in ("left", "right"):
        expect(page.get_by_role("img", name=f"The {side} face")).to_be_visible()


def test_votes_are_cast_by_mouse_and_by_key_and_counted(visit: Visits, polls: Server) -> None:
    page = visit("view=vote", url=polls.url)
    expect(page.get_by_text("Nobody has voted yet")).to_be_visible()
    pair_is_shown(page)
    for variant in ("float", "full", "partial"):  # nothing tells which is which
        expect(page.locator(".ballot")).not_to_contain_text(variant)
    page.get_by_role("button", name="Left").click()
    told = page.locator("#vote-told")
    expect(told).to_have_text(PAIR)
    left, right = PAIR.search(told.inner_text()).groups()  # type: ignore[union-attr]
    expect(page.locator("#vote-left figcaption")).to_have_text(left)
    expect(page.locator("#vote-right figcaption")).to_have_text(right)
    expect(page.get_by_text("1 vote", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Next pair")).to_be_focused()
    for count, key in enumerate(("ArrowRight", "ArrowUp", "ArrowDown"), start=2):
        page.keyboard.press("Enter")
        expect(told).to_have_text("")
        pair_is_shown(page)
        page.keyboard.press(key)
        expect(told).to_have_text(PAIR)
        expect(page.get_by_text(f"{count} votes")).to_be_visible()
    results = httpx.get(f"{polls.url}/arena/results").json()
    assert results["votes"] == 4
    ratings = page.get_by_role("table", name="Rating")
    for row in results["ratings"]:
        line = ratings.get_by_role("row").filter(has_text=row["variant"])
        expect(line).to_contain_text(f"{row['rating']['value']:.0f}")
        expect(line).to_contain_text(f"{row['rating']['low']:.0f} – {row['rating']['high']:.0f}")
    preferred = page.get_by_role("table", name="Preferred")
    expect(preferred.locator("tbody tr")).to_have_count(len(results["pairs"]))
    for pair in results["pairs"]:
        line = preferred.get_by_role("row").filter(has_text=f"{pair['a']} over {pair['b']}")
        expect(line).to_contain_text(re.compile(rf"{round(100 * pair['win_rate_a']['value'])} %"))


def test_both_bad_rates_nobody(visit: Visits, polls: Server) -> None:
    page = visit("view=vote", url=polls.url)
    pair_is_shown(page)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("1 vote", exact=True)).to_be_visible()
    expect(page.get_by_role("table", name="Preferred")).to_be_visible()
    expect(page.get_by_role("table", name="Rating")).to_have_count(0)


def test_the_vote_fits_a_phone(visit: Visits, polls: Server) -> None:
    with httpx.Client(base_url=polls.url) as crowd:
        while len(crowd.get("/arena/results").json()["pairs"]) < 3:
            token = crowd.post("/arena/pairs").json()["token"]
            crowd.post("/arena/votes", json={"token": token, "choice": "left"})
    page = visit("view=vote", url=polls.url, width=320)
    expect(page.get_by_role("table", name="Preferred").locator("tbody tr")).to_have_count(3)
    pair_is_shown(page)
    for part in (*page.get_by_role("table").all(), *page.locator("#vote-choices button").all()):
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 16
        assert box["x"] + box["width"] <= 320 - 16
    page.get_by_role("button", name="Left").click()
    following = page.get_by_role("button", name="Next pair")
    expect(following).to_be_visible()
    box = following.bounding_box()
    assert box is not None
    assert box["height"] < 60
    page.get_by_role("heading", level=1).click()  # the focus goes elsewhere
    page.keyboard.press("Enter")
    expect(following).to_be_hidden()


def test_arrows_vote_only_where_the_vote_is(visit: Visits, polls: Server) -> None:
    page = visit("variants=partial", url=polls.url)
    page.keyboard.press("ArrowLeft")
    page.get_by_role("link", name="Vote").click()
    pair_is_shown(page)
    page.keyboard.press("Control+ArrowLeft")
    expect(page.get_by_text("Nobody has voted yet")).to_be_visible()
    assert httpx.get(f"{polls.url}/arena/results").json()["votes"] == 0


def test_a_pair_that_is_too_old_gives_way_to_another(visit: Visits, polls: Server) -> None:
    """A token that the service does not take is told in words, and the vote goes on."""
    visit.refusals = True
    page = visit("view=vote", url=polls.url)
    pair_is_shown(page)
    page.route(
        "**/arena/votes", lambda route: route.continue_(post_data='{"token":"x","choice":"tie"}')
    )
    page.get_by_role("button", name="Equal").click()
    expect(page.get_by_role("alert")).to_contain_text("The token is not one of")
    page.unroute("**/arena/votes")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="Right").click()
    expect(page.locator("#vote-told")).to_have_text(PAIR)
