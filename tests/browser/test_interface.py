"""The page that tells the interface: for people, on any screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HEIGHTS, Visits


@pytest.fixture
def interface(visit: Visits) -> Page:
    page = visit("view=vote")
    page.get_by_role("link", name="Interface").click()
    expect(page).to_have_title("Interface – PBGen: Faces from partially binarized generators")
    return page


@pytest.mark.parametrize("width", HEIGHTS)
def test_it_fits_the_window(interface: Page, width: int) -> None:
    interface.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    assert interface.evaluate("document.documentElement.scrollWidth") <= width


def test_it_lists_every_call_first(interface: Page) -> None:
    calls = interface.get_by_role("navigation", name="Calls").get_by_role("link")
    named = [call.inner_text() for call in calls.all()]
    headings = interface.get_by_role("heading", level=2).all()
    assert named == [heading.inner_text() for heading in headings]
    calls.get_by_text("POST /generate", exact=True).click()
    expect(interface.get_by_role("heading", name="POST /generate", exact=True)).to_be_in_viewport()


def test_it_tells_what_is_in_objects_and_what_answers_and_problems_mean(interface: Page) -> None:
    generate = interface.locator("#generate")
    row = generate.locator("dl div").filter(has_text="interpolate.steps")
    expect(row).to_contain_text("integer, at least 2, at most 64")
    expect(row).to_contain_text("Images, ends included.")
    generate.get_by_role("link", name="429").click()
    expect(interface.locator("#problem-429")).to_contain_text("see Retry-After")
    expect(interface.locator("#variants")).to_contain_text("Every variant that is served.")
    expect(interface.locator("#variants")).to_contain_text("variants[].resident_bytes")


def test_it_shows_no_markup(interface: Page) -> None:
    text = interface.locator("body").inner_text()
    assert "`" not in text
    assert "Successful Response" not in text
    expect(interface.locator("#generate dd code").get_by_text("partial@2")).to_be_visible()
