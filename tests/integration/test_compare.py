"""POST /compare, asked of a real server."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import model_store
from service import comparison
from service.app import create_app
from service.likeness import psnr, ssim
from service.settings import Settings
from tests import factories
from tests.serving import serving


def pictures(compared: dict) -> list[np.ndarray]:
    files = (base64.b64decode(each["png"]) for each in compared["images"])
    return [np.asarray(Image.open(io.BytesIO(file))) for file in files]


def test_each_variant_shows_the_same_seeds(http: httpx.Client) -> None:
    told = http.post("/compare?a=float&b=partial&seed=42&count=3").json()
    assert [each["variant"] for each in told["variants"]] == ["float", "partial"]
    for each in told["variants"]:
        assert [image["seed"] for image in each["images"]] == [42, 43, 44]
        for image in each["images"]:
            alone = http.get(f"/images/{each['variant']}/{image['seed']}.png").content
            assert base64.b64decode(image["png"]) == alone
        assert all(value > 0 for value in each["timing_ms"].values())


def test_sizes_and_ratios_are_those_of_the_models(http: httpx.Client) -> None:
    told = http.post("/compare?a=float&b=partial&c=full&seed=1&count=2").json()
    variants = {each["variant"]: each for each in http.get("/variants").json()["variants"]}
    for each in told["variants"]:
        variant = variants[each["variant"]]
        assert each["resident_bytes"] == sum(variant["resident_bytes"].values())
        assert each["artifact_bytes"] == variant["artifact_bytes"]
        assert each["swd"] == variant["swd"]["mean"]
    first, *others = told["variants"]
    assert [each["variant"] for each in told["ratios"]] == ["partial", "full"]
    for ratio, other in zip(told["ratios"], others, strict=True):
        for size in ("resident_bytes", "artifact_bytes"):
            assert ratio[size] == pytest.approx(first[size] / other[size])
        expected = first["timing_ms"]["generate"] / other["timing_ms"]["generate"]
        assert ratio["generate"] == pytest.approx(expected)
    assert told["likeness"] == []


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose `full` and `partial` name its `float` as their teacher."""
    root = factories.store(tmp_path_factory.mktemp("aligned"), ("float",))
    teacher = model_store.Store(root).open("float").digest
    for variant in ("full", "partial"):
        spec = factories.generator(variant, seed=5)
        manifest = factories.manifest(spec, variant)
        manifest["provenance"]["teacher"] = teacher
        (root / variant).mkdir()
        model_store.artifact.write(root / variant / "1.safetensors", spec, manifest)
    return root


def test_aligned_variants_are_measured_against_each_other(aligned: Path) -> None:
    with serving(store=aligned) as server:
        told = httpx.post(f"{server.url}/compare?a=float&b=partial&c=full&count=2&seed=3").json()
    assert [each["variants"] for each in told["likeness"]] == [
        ["float@1", "partial@1"],
        ["float@1", "full@1"],
        ["partial@1", "full@1"],
    ]
    first = told["likeness"][0]
    pairs = list(zip(*(pictures(each) for each in told["variants"][:2]), strict=True))
    assert first["psnr_db"] == pytest.approx([psnr(*pair) for pair in pairs])
    assert first["ssim"] == pytest.approx([ssim(*pair) for pair in pairs])


@pytest.mark.parametrize(("answer", "work"), [("json", "ssim"), ("png", "encode_png")])
def test_the_event_loop_does_not_wait_for_what_is_told(
    answer: str, work: str, aligned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, threads = getattr(comparison, work), set()

    def noted(*pictures: np.ndarray) -> object:
        threads.add(threading.get_ident())
        return do(*pictures)

    async def ask() -> int:
        app = create_app(Settings(store=str(aligned), data=tmp_path))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://pbgen") as client,
        ):
            told = await client.post(f"/compare?count=2&format={answer}")
        return told.status_code

    monkeypatch.setattr(comparison, work, noted)
    assert asyncio.run(ask()) == 200
    assert threads
    assert threading.get_ident() not in threads


def test_the_labelled_picture_holds_every_face(http: httpx.Client) -> None:
    answer = http.post("/compare?a=float&b=partial&seed=9&count=4&format=png")
    assert answer.headers["x-pbgen-seed"] == "9"
    whole = np.asarray(Image.open(io.BytesIO(answer.content)))
    told = http.post("/compare?a=float&b=partial&seed=9&count=4").json()
    for i, compared in enumerate(told["variants"]):
        label = whole[i * (22 + 16) : i * (22 + 16) + 22]
        assert (label.min(), label.max()) == (0, 255)  # black words on white
        for j, face in enumerate(pictures(compared)):
            top, left = i * (22 + 16) + 22, j * 16
            np.testing.assert_array_equal(whole[top : top + 16, left : left + 16], face)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("b=nobody", 404),
        ("count=0", 422),
        ("count=65", 413),
        ("format=webp", 406),
        ("d=full", 422),
        ("a=full&b=full", 422),
        ("b=full&b=full", 422),
    ],
)
def test_wrong_calls(http: httpx.Client, query: str, status: int) -> None:
    assert http.post(f"/compare?{query}").status_code == status
