"""POST /generate, asked of a real server."""

from __future__ import annotations

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import model_store
from kernels import Generator, available_isas, latents
from service.images import grid
from tests.serving import serving

VARIANTS = ("float", "full", "partial")


def picture(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def expected(store: Path, variant: str, seed: int, count: int = 1) -> np.ndarray:
    """What the kernels alone make: u8 [count, 16, 16, 3]."""
    spec = model_store.Store(store).open(variant).spec
    return Generator(spec).run(latents(seed, count, spec.latent_dim))


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["instance"] == f"urn:pbgen:request:{answer.headers['x-request-id']}"
    assert told["type"].startswith("urn:pbgen:problem:")
    assert told["title"]
    assert told["detail"]
    return told


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_face_is_what_the_kernels_make(
    http: httpx.Client, random_store: Path, variant: str
) -> None:
    answer = http.post("/generate", params={"variant": variant, "seed": 7})
    assert answer.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(picture(answer), expected(random_store, variant, 7)[0])
    artifact = model_store.Store(random_store).open(variant)
    assert answer.headers["x-pbgen-variant"] == variant
    assert answer.headers["x-pbgen-model"] == f"{variant}@1"
    assert answer.headers["x-pbgen-digest"] == artifact.digest
    assert answer.headers["x-pbgen-seed"] == "7"
    number = r"\d+\.\d+"
    assert re.fullmatch(
        f"queue;dur={number}, generate;dur={number}, encode;dur={number}",
        answer.headers["server-timing"],
    )


def test_an_exact_model_is_a_variant_too(http: httpx.Client) -> None:
    by_name = http.post("/generate", params={"variant": "full", "seed": 3})
    by_model = http.post("/generate", params={"variant": "full@1", "seed": 3})
    assert by_name.content == by_model.content
    problem(http.post("/generate", params={"variant": "full@2"}), 404)


def test_a_grid_holds_the_faces_of_consecutive_seeds(
    http: httpx.Client, random_store: Path
) -> None:
    answer = http.post("/generate", params={"seed": 2**64 - 10, "count": 10})
    faces = expected(random_store, "partial", 2**64 - 10, 10)
    np.testing.assert_array_equal(picture(answer), grid(faces))


def test_the_largest_grid_crosses_batches(http: httpx.Client, random_store: Path) -> None:
    answer = http.post("/generate", params={"seed": 5, "count": 64, "format": "npy"})
    np.testing.assert_array_equal(
        np.load(io.BytesIO(answer.content)), expected(random_store, "partial", 5, 64)
    )


def test_requests_at_once_get_the_bytes_of_lone_ones(http: httpx.Client) -> None:
    def face(seed: int) -> bytes:
        return http.post("/generate", params={"seed": seed}).content

    alone = [face(seed) for seed in range(40)]
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(face, range(40))) == alone


def test_a_drawn_seed_is_told_and_gives_the_same_face_again(http: httpx.Client) -> None:
    drawn = [http.post("/generate") for _ in range(3)]
    seeds = {answer.headers["x-pbgen-seed"] for answer in drawn}
    assert len(seeds) == 3
    for answer in drawn:
        again = http.post("/generate", params={"seed": answer.headers["x-pbgen-seed"]})
        assert again.content == answer.content


def test_json_holds_seeds_and_faces(http: httpx.Client, random_store: Path) -> None:
    answer = http.post("/generate", params={"seed": 4, "count": 2, "format": "json"})
    images = answer.json()["images"]
    assert [image["seed"] for image in images] == [4, 5]
    for image, face in zip(images, expected(random_store, "partial", 4, 2), strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["png"]))))
        np.testing.assert_array_equal(shown, face)


def test_latents_in_the_body(http: httpx.Client, random_store: Path) -> None:
    rows = (latents(9, 3, 12).astype(float) - 127.5) / 127.5
    answer = http.post("/generate?format=npy", json={"latents": rows.tolist()})
    assert "x-pbgen-seed" not in answer.headers
    np.testing.assert_array_equal(
        np.load(io.BytesIO(answer.content)), expected(random_store, "partial", 9, 3)
    )


def test_interpolation_begins_and_ends_at_its_seeds(http: httpx.Client, random_store: Path) -> None:
    way = {"from": 1, "to": 2**64 - 1, "steps": 5}
    answer = http.post("/generate?format=npy", json={"interpolate": way})
    faces = np.load(io.BytesIO(answer.content))
    assert len(faces) == 5
    for i, seed in ((0, 1), (4, 2**64 - 1)):
        np.testing.assert_array_equal(faces[i], expected(random_store, "partial", seed)[0])
    assert (faces[1] != faces[0]).any()


def test_a_seed_of_a_body_may_be_text_or_a_float_that_is_whole(http: httpx.Client) -> None:
    def way(start: object, end: object) -> bytes:
        body = {"interpolate": {"from": start, "to": end, "steps": 3}}
        answer = http.post("/generate", json=body)
        assert answer.status_code == 200, answer.text
        return answer.content

    assert way("7", str(2**64 - 1)) == way(7.0, 2**64 - 1)


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("variant=nobody", 404, ["nobody", "float, full, partial"]),
        ("variant=" + "x" * 500, 422, ["variant", "80 characters"]),
        ("seed=-1", 422, ["seed", "at least 0", "-1"]),
        ("seed=18446744073709551616", 422, ["seed", "18446744073709551615"]),
        (
            "seed=18446744073709551615&count=2",
            422,
            ["at most 18446744073709551614 for 2 images", "not 18446744073709551615"],
        ),
        ("seed=1&count=2&seed=1", 422, ["seed must be given once, not 2 times"]),
        ("format=", 406, ['not ""']),
        ("seed=" + "9" * 3000, 422, ["seed", "at most 18446744073709551615", "999…"]),
        ("seed=seven", 422, ["seed", "an integer", "seven"]),
        ("seed=null", 422, ["seed", "an integer", "null"]),
        ("seed=1_0", 422, ["seed", "plain digits", "1_0"]),
        ("seed=%201", 422, ["seed", "plain digits", "not  1"]),
        ("count=1.0", 422, ["count", "plain digits", "1.0"]),
        ("count=%D9%A1", 422, ["count", "plain digits", "\u0661"]),
        ("count=0", 422, ["count", "at least 1", "0"]),
        ("count=65", 413, ["count", "at most 64", "65"]),
        ("count=1000000000", 413, ["count", "at most 64", "1000000000"]),
        ("format=bmp", 406, ["format", "'png'", "'json'", "bmp"]),
        ("seed=" + "9" * 5000, 414, ["Path and query", "4096 bytes", "5014"]),
        ("colour=red", 422, ["colour", "not known; variant, seed, count, format are", "red"]),
        ("vairant=full", 422, ["vairant must be absent (it is not known; variant is), not full"]),
    ],
)
def test_a_wrong_query_is_told_by_name_value_and_bound(
    http: httpx.Client, query: str, status: int, told: list[str]
) -> None:
    detail = problem(http.post(f"/generate?{query}"), status)["detail"]
    for words in told:
        assert words in detail


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("{garbage", 400, ["a JSON object", "'{garbage'"]),
        ("[]", 422, ["an object"]),
        ("null", 422, ["an object", "not null"]),
        ("{}", 422, ["either latents or interpolate", "neither"]),
        (
            '{"latents": [[0]], "interpolate": {"from": 1, "to": 2, "steps": 3}}',
            422,
            ["either latents or interpolate", "both"],
        ),
        ('{"latents": [[0.5]]}', 422, ["latents.0", "12", "1"]),
        ('{"latents": [[2]]}', 422, ["latents.0.0", "at most 1", "2"]),
        ('{"latents": [[NaN]]}', 422, ["latents.0.0", "finite", "NaN"]),
        (json.dumps({"latents": [[0]] * 65}), 413, ["latents", "at most 64"]),
        ('{"interpolate": {"from": 1, "to": 2, "steps": 65}}', 413, ["steps", "at most 64"]),
        ('{"interpolate": {"from": 1, "to": -2, "steps": 3}}', 422, ["interpolate.to", "-2"]),
        ('{"interpolate": {"from": 1, "steps": 3}}', 422, ["interpolate.to", "present"]),
        ('{"latents": [[0]], "colour": 1}', 422, ["colour", "not known"]),
        ('{"interpolate": {"form": 1, "to": 2, "steps": 3}}', 422, ["form", "; from is)"]),
        ('{"latents": [[true]]}', 422, ["latents.0.0", "a number", "true"]),
        ('{"latents": [["0.5"]]}', 422, ["latents.0.0", "a number", "0.5"]),
        ('{"interpolate": {"from": true, "to": 2, "steps": 3}}', 422, ["from", "integer", "true"]),
        ('{"interpolate": {"from": 0.5, "to": 2, "steps": 3}}', 422, ["from", "integer", "0.5"]),
        ('{"interpolate": {"from": " 5", "to": 2, "steps": 3}}', 422, ["from", "digits", " 5"]),
        ('{"interpolate": {"from": "-0", "to": 2, "steps": 3}}', 422, ["from", "digits", "-0"]),
        (
            '{"interpolate": {"from": 9007199254740993.0, "to": 2, "steps": 3}}',
            422,
            ["interpolate.from", "plain digits", "a float is rounded", "9007199254740992.0"],
        ),
        ('{"interpolate": {"from": 1, "to": 1e19, "steps": 3}}', 422, ["to", "plain digits"]),
        ('{"interpolate": {"from": 1, "to": 2, "steps": "3"}}', 422, ["steps", "integer", "3"]),
        ("[" * 100_000, 400, ["a JSON object", "'[[["]),
    ],
)
def test_a_wrong_body_is_told(http: httpx.Client, body: str, status: int, told: list[str]) -> None:
    headers = {"content-type": "application/json"}
    detail = problem(http.post("/generate", content=body, headers=headers), status)["detail"]
    for words in told:
        assert words in detail


def test_headers_are_bounded(http: httpx.Client) -> None:
    answer = http.post("/generate", headers={"x-padding": "x" * 20_000})
    assert "16384 bytes" in problem(answer, 431)["detail"]


def test_answers_say_what_browsers_may_do(http: httpx.Client) -> None:
    headers = http.post("/generate").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("name", ["seed", "count"])
def test_a_body_beside_a_seed_is_refused(http: httpx.Client, name: str) -> None:
    told = problem(http.post(f"/generate?{name}=2", json={"latents": [[0.0] * 12]}), 422)
    bound = "absent beside a body, which takes its place"
    assert told["errors"] == [{"in": "query", "name": name, "value": "2", "bound": bound}]


def test_a_client_may_send_the_defaults_beside_a_body(http: httpx.Client) -> None:
    body = {"latents": [[0.0] * 12] * 2}
    defaults = "variant=partial&count=1&format=png"
    assert http.post(f"/generate?{defaults}", json=body).content == (
        http.post("/generate", json=body).content
    )


def test_a_body_that_is_not_json_is_415(http: httpx.Client) -> None:
    headers = {"content-type": "text/plain"}
    problem(http.post("/generate", content=b"{}", headers=headers), 415)


def test_a_body_of_10_mb_is_refused_announced_or_not(http: httpx.Client) -> None:
    chunk = b" " * 2**16
    for body in (chunk * 160, (chunk for _ in range(160))):
        headers = {"content-type": "application/json"}
        answer = http.post("/generate", content=body, headers=headers)
        assert "1048576 bytes" in problem(answer, 413)["detail"]


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("threads", [1, 2])
def test_restart_isa_and_threads_do_not_change_a_byte(
    http: httpx.Client, random_store: Path, isa: str, threads: int
) -> None:
    with serving(store=random_store, isa=isa, threads=threads) as server:
        for variant in VARIANTS:
            if variant == "float" and isa == "numpy":
                continue  # sums in the order of NumPy's matrix product: docs/arithmetic.md
            query = {"variant": variant, "seed": 11, "count": 9}
            other = httpx.post(f"{server.url}/generate", params=query)
            assert other.content == http.post("/generate", params=query).content
