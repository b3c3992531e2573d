"""Faces of seeds: side by side, in grids, measured, linked to, taken away."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

import kernels
import model_store
from tests.browser.conftest import Visits
from tests.serving import Server

VARIANTS = ("float", "full", "partial")


def column(page: Page, variant: str) -> Locator:
    return page.get_by_role("article", name=variant, exact=True)


def face(page: Page, variant: str, what: str) -> Locator:
    return page.get_by_role("img", name=f"Face of {what}, by {variant}")


def saved(page: Page, variant: str) -> tuple[str, np.ndarray]:
    """A column's picture as it is downloaded: its name and its pixels."""
    with page.expect_download() as download:
        column(page, variant).get_by_role("link", name="Download").click()
    return download.value.suggested_filename, np.asarray(Image.open(download.value.path()))


def drawn(variant: str, seed: int, count: int = 1) -> np.ndarray:
    return kernels.Generator(model_store.load(variant)).run(kernels.latents(seed, count))


def test_every_variant_shows_the_seeds_face_and_its_figures(visit: Visits, server: Server) -> None:
    page = visit("seed=5")
    told = {
        each["variant"]: each for each in httpx.get(f"{server.url}/variants").json()["variants"]
    }
    for variant in VARIANTS:
        expect(face(page, variant, "seed 5")).to_be_visible()
        figures = column(page, variant).locator("dl")
        resident = sum(told[variant]["resident_bytes"].values())
        expect(figures).to_contain_text(f"{resident / 1e6:.2f} MB")
        expect(figures).to_contain_text(f"{told[variant]['swd']['mean']:.1f}")
        expect(figures).to_contain_text(
            re.compile(r"Generate\D*(\d+\.\d× \w+|the same)?\d+(\.\d+)? ms")
        )
        name, picture = saved(page, variant)
        assert name == f"{variant}-seed-5.png"
        np.testing.assert_array_equal(picture, drawn(variant, 5)[0])
    expect(column(page, "partial").locator("dl")).to_contain_text(re.compile(r"2\d\.\d× less"))
    expect(page.locator("#isa")).to_have_text(told["float"]["isa"])
    expect(column(page, "partial")).to_contain_text("one bit a weight, but in the last layer")


def test_seeds_are_typed_stepped_and_drawn(visit: Visits) -> None:
    page = visit("variants=partial")
    field = page.get_by_role("textbox", name="Seed")
    field.fill("18446744073709551615")
    expect(face(page, "partial", "seed 18446744073709551615")).to_be_visible()
    page.get_by_role("button", name="The next seed").click()
    expect(face(page, "partial", "seed 0")).to_be_visible()
    page.get_by_role("button", name="The seed before").click()
    expect(field).to_have_value("18446744073709551615")
    field.fill("18446744073709551616")
    expect(page.get_by_text("A whole number from 0")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(face(page, "partial", "seed 18446744073709551615")).to_be_visible()  # it stays
    page.get_by_role("button", name="Random").click()
    expect(page.get_by_text("A whole number from 0")).to_be_hidden()
    expect(face(page, "partial", f"seed {field.input_value()}")).to_be_visible()


def test_variants_are_chosen_and_one_always_stays(visit: Visits) -> None:
    page = visit()
    page.get_by_role("checkbox", name="full").uncheck()
    expect(column(page, "full")).to_have_count(0)
    expect(page).to_have_url(re.compile("variants=float,partial"))
    page.get_by_role("checkbox", name="float").uncheck()
    page.get_by_role("checkbox", name="partial").click()
    expect(page.get_by_role("checkbox", name="partial")).to_be_checked()
    expect(face(page, "partial", "seed 50")).to_be_visible()


def test_a_grid_shows_many_and_any_of_them_alone(visit: Visits) -> None:
    page = visit("seed=100&variants=full,partial")
    page.get_by_role("radio", name="16").check()
    sheet = page.get_by_role("img", name="16 faces of seeds 100 to 115, by full")
    expect(sheet).to_be_visible()
    grid = saved(page, "full")[1]
    faces = grid.reshape(4, 64, 4, 64, 3).swapaxes(1, 2).reshape(16, 64, 64, 3)
    np.testing.assert_array_equal(faces, drawn("full", 100, 16))
    cells = column(page, "full").get_by_role("button", name=re.compile("Show seed"))
    expect(cells).to_have_count(16)
    cells.first.focus()
    for key in ("ArrowRight", "ArrowDown"):  # from 100 to 101 to 105
        page.keyboard.press(key)
    expect(cells.nth(5)).to_be_focused()
    page.keyboard.press("Enter")
    for variant in ("full", "partial"):
        expect(face(page, variant, "seed 105")).to_be_visible()
    expect(page).to_have_url(re.compile(r"#variants=full,partial&seed=105$"))
    expect(face(page, "full", "seed 105")).to_be_focused()
    page.go_back()
    expect(sheet).to_be_visible()
    expect(cells.nth(5)).to_be_focused()


def test_what_many_faces_took_is_said_to_be_theirs(visit: Visits) -> None:
    page = visit("count=4&variants=partial")
    expect(column(page, "partial").locator("dl")).to_contain_text("Generate 4 faces")
    expect(page.get_by_role("link", name="Download sheet of 4")).to_be_visible()
    page.get_by_role("radio", name="1", exact=True).check()
    expect(column(page, "partial").locator("dl")).not_to_contain_text("faces")
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()


def test_a_grid_of_the_last_seed_ends_with_it(visit: Visits) -> None:
    page = visit("seed=18446744073709551614&count=4&variants=partial")
    faces = "4 faces of seeds 18446744073709551612 to 18446744073709551615, by partial"
    expect(page.get_by_role("img", name=faces)).to_be_visible()
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("18446744073709551614")
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("group", ["Faces", "Generators"])
def test_segments_share_their_borders(visit: Visits, group: str) -> None:
    page = visit()
    expect(face(page, "partial", "seed 50")).to_be_visible()
    segments = page.get_by_role("group", name=group).locator("span")
    expect(segments.nth(len(VARIANTS) - 1)).to_be_visible()  # `all` does not wait
    boxes = [segment.bounding_box() for segment in segments.all()]
    assert len(boxes) >= len(VARIANTS)
    for left, right in itertools.pairwise(boxes):
        assert left is not None
        assert right is not None
        assert left["x"] + left["width"] - right["x"] == pytest.approx(1, abs=0.1)


def test_a_link_opens_the_state_that_it_was_copied_from(visit: Visits) -> None:
    page = visit(
        "seed=9&variants=partial&pixels=1", permissions=["clipboard-read", "clipboard-write"]
    )
    expect(face(page, "partial", "seed 9")).to_have_css("image-rendering", "pixelated")
    page.get_by_role("radio", name="4", exact=True).check()
    expect(page.get_by_role("img", name="4 faces of seeds 9 to 12, by partial")).to_be_visible()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("The link to what you see is copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    again = visit(link.partition("#")[2])
    expect(again.get_by_role("img", name="4 faces of seeds 9 to 12, by partial")).to_be_visible()
    expect(column(again, "float")).to_have_count(0)
    expect(again.get_by_role("button", name="Pixels")).to_have_attribute("aria-pressed", "true")


def test_views_are_pages_of_the_history(visit: Visits) -> None:
    page = visit("variants=partial")
    page.get_by_role("link", name="Morph").click()
    expect(page.get_by_role("heading", name="From one seed")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="One seed, drawn")).to_be_visible()
    expect(page.get_by_role("link", name="Seeds")).to_have_attribute("aria-current", "page")
    page.evaluate("location.hash = '#seed=3&variants=full'")
    expect(face(page, "full", "seed 3")).to_be_visible()


@pytest.mark.parametrize(
    "state", ["seed=5", "view=directions&seed=5&shift=1.5,0,-2", "view=morph&seed=5&to=6"]
)
def test_the_copied_command_makes_the_same_picture(
    visit: Visits, state: str, tmp_path: Path
) -> None:
    page = visit(f"{state}&variants=partial", permissions=["clipboard-read", "clipboard-write"])
    expect(column(page, "partial").get_by_role("img").first).to_be_visible()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("The curl command of partial is copied.")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    name, shown = saved(page, "partial")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), shown)


def test_where_there_is_no_clipboard_the_text_is_shown(visit: Visits) -> None:
    page = visit("variants=partial")
    expect(face(page, "partial", "seed 50")).to_be_visible()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject('insecure') }")
    page.get_by_role("button", name="Copy as curl").click()
    text = page.get_by_role("textbox", name="Copy this")
    expect(text).to_have_value(re.compile(r"^curl -X POST 'http://.*variant=partial&seed=50'"))
    page.get_by_role("button", name="Close").click()
    expect(text).to_be_hidden()


def test_latency_is_measured_and_plotted_until_stopped(visit: Visits) -> None:
    page = visit()
    before = page.get_by_role("textbox", name="Seed").input_value()
    page.get_by_role("button", name="Measure").click()
    for variant in VARIANTS:
        history = column(page, variant).locator(".history")
        expect(history).to_contain_text(re.compile(r"kernel \d+(\.\d+)? ms.*round trip \d+"))
        expect(history).to_contain_text(re.compile(r"median of (8|9|\d\d)"))
        points = history.locator("path.generate").first.get_attribute("d")
        assert points is not None
        assert points.count("L") >= 6
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_role("textbox", name="Seed")).not_to_have_value(before)
    for variant in VARIANTS:
        expect(column(page, variant)).not_to_have_attribute("aria-busy", "true")


def test_where_motion_is_unwanted_measuring_changes_no_face(visit: Visits) -> None:
    page = visit("variants=partial", reduced_motion="reduce")
    shown = column(page, "partial").get_by_role("img").first
    expect(shown).to_be_visible()
    address = shown.get_attribute("src")
    page.get_by_role("button", name="Measure").click()
    expect(column(page, "partial").locator(".history")).to_contain_text(
        re.compile(r"median of (9|[1-9]\d)")
    )
    assert column(page, "partial").get_by_role("img").first.get_attribute("src") == address
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("50")
