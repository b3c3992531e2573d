"""Latents in the browser: the rule of seeds, sliders along directions, the way between seeds."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import kernels
import model_store
from kernels.latents import LARGEST_SEED
from tests.browser.conftest import Visits
from tests.browser.test_faces import column, face, saved
from tests.serving import serving


def module(page: Page, name: str) -> str:
    """The address of a module of the page."""
    source = page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    return source.replace("main.js", name)


@pytest.mark.parametrize("dim", [1, 12, 16, 100])
def test_the_browser_draws_the_latents_that_numpy_draws(visit: Visits, dim: int) -> None:
    page = visit("view=vote")
    seeds = [0, 1, 7, 2**32 - 1, 2**32, 2**53 + 1, 0x0123456789ABCDEF, LARGEST_SEED]
    drawn = page.evaluate(
        """async ([path, seeds, dim]) => {
            const { latents } = await import(new URL(path, document.baseURI));
            return seeds.map((seed) => Array.from(latents(BigInt(seed), dim)));
        }""",
        [module(page, "latents.js"), [str(seed) for seed in seeds], dim],
    )
    expected = np.concatenate([kernels.latents(seed, 1, dim) for seed in seeds])
    np.testing.assert_array_equal(np.array(drawn, np.uint8), expected)


def moved(variant: str, seed: int, shifts: dict[int, float]) -> np.ndarray:
    """The face of a seed whose latents are moved along a variant's directions."""
    artifact = model_store.Store().open(variant)
    values = (kernels.latents(seed, 1)[0].astype(float) - 127.5) / 127.5
    for index, shift in shifts.items():
        values += shift * np.array(artifact.manifest["directions"][index]["vector"])
    levels = np.rint(np.clip(values, -1, 1) * 127.5 + 127.5).astype(np.uint8)
    return kernels.Generator(artifact.spec).run(levels[None])[0]


def slider(page: Page, index: int) -> Locator:
    return page.get_by_role("slider", name=f"Direction {index + 1}")


def test_sliders_move_every_variant_along_its_own_directions(visit: Visits) -> None:
    page = visit("view=directions&seed=50")
    for variant in ("float", "full", "partial"):
        expect(face(page, variant, "seed 50, moved")).to_be_visible()
        np.testing.assert_array_equal(saved(page, variant)[1], moved(variant, 50, {}))
    slider(page, 0).focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    slider(page, 2).fill("-2")
    expect(page).to_have_url(re.compile(r"shift=0.5,0,-2,0,0,0"))
    for variant in ("float", "full", "partial"):
        expect(column(page, variant)).not_to_have_attribute("aria-busy", "true")
        picture = saved(page, variant)[1]
        np.testing.assert_array_equal(picture, moved(variant, 50, {0: 0.5, 2: -2}))
    expect(page.get_by_text("−2.0")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expect(slider(page, 2)).to_have_value("0")
    expect(page).not_to_have_url(re.compile("shift"))


def test_a_model_without_directions_says_so(visit: Visits, random_store: object) -> None:
    with serving(store=random_store) as server:
        page = visit("view=directions&variants=partial", url=server.url)
        expect(page.get_by_text("partial@1 cannot be moved")).to_be_visible()
        expect(face(page, "partial", "seed 50, moved")).to_be_visible()
        page.close()  # before the server, which refuses what is asked while it ends


def painted(canvas: Locator) -> np.ndarray:
    """The pixels of a canvas, u8 [64, 64, 3]."""
    data = canvas.evaluate(
        """(canvas) => {
            const copy = new OffscreenCanvas(64, 64).getContext("2d");
            copy.drawImage(canvas, 0, 0);
            return Array.from(copy.getImageData(0, 0, 64, 64).data);
        }"""
    )
    return np.array(data, np.uint8).reshape(64, 64, 4)[..., :3]


def test_a_morph_goes_from_one_seeds_face_to_anothers(visit: Visits) -> None:
    page = visit("view=morph&seed=3&to=4&at=0&variants=partial")
    way = page.get_by_role("slider", name="Position")
    shown = column(page, "partial").get_by_role("img")
    expect(shown).to_have_accessible_name(re.compile(r"^Face 1 of 64 faces of seed 3 to seed 4"))
    expect(column(page, "partial").locator("dl")).to_contain_text("Generate 64 faces")
    expect(page.get_by_role("link", name="Download sheet of 64")).to_be_visible()
    sheet = saved(page, "partial")[1].reshape(8, 64, 8, 64, 3).swapaxes(1, 2).reshape(-1, 64, 64, 3)
    ends = kernels.Generator(model_store.load("partial")).run(kernels.latents(3, 2))
    np.testing.assert_array_equal(sheet[[0, -1]], ends)
    for key, index in (("End", 63), ("ArrowLeft", 62), ("Home", 0)):
        way.press(key)
        expect(shown).to_have_accessible_name(re.compile(rf"^Face {index + 1} of"))
        np.testing.assert_array_equal(painted(shown), sheet[index])
    page.get_by_role("textbox", name="To seed").fill("9")
    expect(shown).to_have_accessible_name(re.compile("to seed 9"))


def test_a_morph_plays_and_pauses(visit: Visits) -> None:
    page = visit("view=morph&at=0&variants=partial")
    way = page.get_by_role("slider", name="Position")
    expect(column(page, "partial").get_by_role("img")).to_be_visible()
    page.get_by_role("button", name="Play").click()
    expect(way).not_to_have_value(re.compile(r"^[0-5]$"))
    page.get_by_role("button", name="Pause").click()
    stopped = way.input_value()
    page.wait_for_timeout(150)
    assert way.input_value() == stopped
    expect(page).to_have_url(re.compile(r"at=0\.\d+"))
