"""Versions over HTTP: cacheable images, stored models, swaps."""

from __future__ import annotations

import io
import json
import re
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import model_store
from kernels import Generator, latents
from model_store import Store
from service.keys import Key, hash_key
from tests import factories
from tests.serving import serving
from training.directions import directions

ADMIN = {"authorization": "Bearer admin-key"}
API_KEYS = json.dumps(
    [Key(name="ops", sha256=hash_key("admin-key"), scopes={"admin"}).model_dump(mode="json")]
)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """partial@1 (active), @2, @3 (damaged), @4 (an alias, canary, points to it), and float@1."""
    root = factories.store(tmp_path_factory.mktemp("versions"), ("partial", "float"))
    new = tmp_path_factory.mktemp("new") / "new.safetensors"
    for seed in (2, 3, 4):
        spec = factories.generator("partial", seed=seed)
        manifest = factories.manifest(spec, "partial") | {"directions": directions(spec)}
        model_store.artifact.write(new, spec, manifest)
        Store(root).add(new)
    Store(root).activate("partial@4", "canary")
    damaged = root / "partial" / "3.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    return root


@pytest.fixture
def client(versions: Path) -> Iterator[httpx.Client]:
    with (
        serving(store=versions, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


def expected(versions: Path, label: str, seed: int) -> np.ndarray:
    spec = Store(versions).open(label).spec
    return Generator(spec).run(latents(seed, 1, spec.latent_dim))[0]


def shown(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_an_image_is_what_generate_makes_and_may_be_kept(http: httpx.Client) -> None:
    answer = http.get("/images/partial/7.png")
    assert answer.content == http.post("/generate?variant=partial&seed=7").content
    tag = answer.headers["etag"]
    assert tag.startswith('"')  # strong
    assert answer.headers["cache-control"] == "public, max-age=60"
    for condition in (tag, f'"other", {tag}', "*", f"W/{tag}"):
        again = http.get("/images/partial/7.png", headers={"if-none-match": condition})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    lines = [("if-none-match", '"other"'), ("if-none-match", tag)]
    assert http.get("/images/partial/7.png", headers=lines).status_code == 304
    for condition in ('"x"', '"other,*,tag"'):
        headers = {"if-none-match": condition}
        assert http.get("/images/partial/7.png", headers=headers).status_code == 200
    others = [
        http.get(path).headers["etag"] for path in ("/images/partial/8.png", "/images/full/7.png")
    ]
    assert len({tag, *others}) == 3


def test_head_is_get_without_its_body(http: httpx.Client) -> None:
    for path in ("/images/partial/7.png", "/livez", "/variants"):
        whole, head = http.get(path), http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers.get(name) == whole.headers.get(name)
    assert http.head("/generate").status_code == 405


def test_an_exact_version_may_be_kept_for_ever(http: httpx.Client) -> None:
    answer = http.get("/images/partial@1/7.png")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == http.get("/images/partial/7.png").headers["etag"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/images/nobody/7.png", 404),
        ("/images/partial@9/7.png", 404),
        ("/images/partial@@/7.png", 404),
        ("/images/partial/-7.png", 422),
        ("/images/partial/x.png", 422),
        ("/images/partial/1_0.png", 422),
        ("/images/partial/%207.png", 422),
        ("/images/partial/7.gif", 404),
        ("/models/nobody/1", 404),
        ("/models/partial/9", 404),
        ("/models/partial/0", 422),
        ("/models/partial/1.0", 422),
    ],
)
def test_wrong_paths_are_problems(http: httpx.Client, path: str, status: int) -> None:
    answer = http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_models_are_listed_and_told_in_full(client: httpx.Client, versions: Path) -> None:
    models = client.get("/models").json()["models"]
    assert [(each["name"], each["version"], each["served"]) for each in models] == [
        *(("float", 1, True), ("partial", 1, True)),
        *(("partial", 2, False), ("partial", 3, False), ("partial", 4, False)),
    ]
    assert models[4]["aliases"] == ["canary"]
    told = client.get("/models/partial/2").json()
    artifact = Store(versions).open("partial@2")
    assert (told["model"], told["digest"]) == ("partial@2", artifact.digest)
    assert told["provenance"] == artifact.manifest["provenance"]
    assert [row["precision"] for row in told["layers"]] == ["binary", "binary", "fixed"]
    assert told["directions"] == artifact.manifest["directions"]
    assert client.get("/models/partial/1").json()["directions"] == []  # it was exported without
    broken = client.get("/models/partial/3")
    assert broken.status_code == 422
    assert "partial@3" in broken.json()["detail"]
    assert str(versions) not in broken.text


def test_many_who_ask_what_a_file_says_take_the_memory_of_few(tmp_path: Path) -> None:
    store = factories.store(tmp_path, ("float",), widths=(1024, 512, 3), latent_dim=100)
    file_bytes = (store / "float" / "1.safetensors").stat().st_size
    with serving(store=store, deadline_s=60) as server, ThreadPoolExecutor(16) as pool:
        before = server.peak_bytes()
        asked = [
            pool.submit(httpx.get, f"{server.url}/models/float/1", timeout=60) for _ in range(32)
        ]
        assert {each.result().status_code for each in asked} == {200}
        assert server.peak_bytes() - before < 2.5 * file_bytes


def test_a_version_that_is_not_active_is_made_on_demand(
    client: httpx.Client, versions: Path
) -> None:
    for label in ("partial@2", "partial@4", "partial@1", "partial@2"):
        answer = client.post(f"/generate?variant={label}&seed=5")
        assert answer.headers["x-pbgen-model"] == label
        np.testing.assert_array_equal(shown(answer), expected(versions, label, 5))
    assert client.post("/generate?variant=partial@3").status_code == 422
    assert client.post("/generate?variant=partial@canary").status_code == 404


def test_a_client_that_has_one_version_after_another_loaded_waits(versions: Path) -> None:
    with (
        serving(store=versions, rate_limit=0.1, rate_burst=100) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        labels = ("partial@2", "partial@2", "partial@9", "partial@4")
        got = [client.post(f"/generate?variant={label}").status_code for label in labels]
        assert got == [200, 200, 404, 429]  # owes 65, 66, 130


def test_of_many_requests_for_a_version_one_pays_for_its_loading(versions: Path) -> None:
    with (
        serving(store=versions, rate_limit=0.1, rate_burst=80) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = [pool.submit(client.post, "/generate?variant=partial@2") for _ in range(8)]
        assert [each.result().status_code for each in asked] == [200] * 8  # 64 + 8


def test_a_swap_serves_the_other_version_from_then_on(client: httpx.Client, versions: Path) -> None:
    answer = client.put("/variants/partial", json={"model": "partial@2"}, headers=ADMIN)
    assert answer.json()["model"] == "partial@2"
    face = client.post("/generate?variant=partial&seed=5")
    np.testing.assert_array_equal(shown(face), expected(versions, "partial@2", 5))
    assert client.get("/variants").json()["variants"][1]["model"] == "partial@2"
    metrics = client.get("/metrics").text
    assert 'model="partial@2"' in metrics
    info = [line for line in metrics.splitlines() if line.startswith("pbgen_model_info")]
    assert len(info) == 2
    same = client.put("/variants/partial", json={"model": "partial@2"}, headers=ADMIN)
    assert same.status_code == 200


def test_a_version_that_cannot_run_here_leaves_the_old_one(tmp_path: Path) -> None:
    root = factories.store(tmp_path / "models", ("float",))
    spec = factories.generator("float", widths=(1024, 512, 256, 128, 3), latent_dim=100)
    model_store.artifact.write(tmp_path / "big", spec, factories.manifest(spec, "float"))
    Store(root).add(tmp_path / "big")
    with (
        serving(store=root, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        mapped = re.search(
            r"VmSize:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text()
        )
        limit = int(mapped[1]) * 1024 + 2**20
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_AS)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, hard))
        answer = client.put("/variants/float", json={"model": "float@2"}, headers=ADMIN)
        assert answer.status_code == 422
        assert answer.json()["detail"] == "float@2 cannot be run on this machine now."
        assert client.post("/generate?variant=float").headers["x-pbgen-model"] == "float@1"
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (hard, hard))
        answer = client.put("/variants/float", json={"model": "float@2"}, headers=ADMIN)
        assert answer.status_code == 200


def test_a_damaged_index_is_told_and_stops_no_other_swap(tmp_path: Path) -> None:
    root = factories.store(tmp_path / "models", ("partial", "float"))
    Store(root).add(root / "partial" / "1.safetensors")
    with (
        serving(store=root, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        (root / "float" / "index.json").write_text("garbage")
        told = client.get("/models").raise_for_status().json()
        assert [f"{each['name']}@{each['version']}" for each in told["models"]] == [
            "partial@1",
            "partial@2",
        ]
        assert told["problems"] == ["float: index.json is not JSON; the file is damaged"]
        body = {"model": "partial@2"}
        assert client.put("/variants/partial", json=body, headers=ADMIN).status_code == 200


def test_a_swap_to_an_alias_serves_what_it_points_to(client: httpx.Client) -> None:
    answer = client.put("/variants/partial", json={"model": "partial@canary"}, headers=ADMIN)
    assert answer.json()["model"] == "partial@4"
    assert client.post("/generate?seed=1").headers["x-pbgen-model"] == "partial@4"


@pytest.mark.parametrize(
    ("model", "status"), [("partial@3", 422), ("partial@9", 404), ("float@1", 422), ("", 404)]
)
def test_a_swap_that_fails_leaves_the_old_version(
    client: httpx.Client, model: str, status: int
) -> None:
    answer = client.put("/variants/partial", json={"model": model}, headers=ADMIN)
    assert answer.status_code == status
    assert client.post("/generate?seed=1").headers["x-pbgen-model"] == "partial@1"


def test_no_request_is_lost_while_versions_swap(client: httpx.Client) -> None:
    stop = threading.Event()
    answers: list[tuple[int, str]] = []

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, timeout=30) as own:
            while not stop.is_set():
                answer = own.post("/generate?seed=3&count=4")
                answers.append((answer.status_code, answer.headers.get("x-pbgen-model", "")))

    crowd = [threading.Thread(target=ask) for _ in range(4)]
    for each in crowd:
        each.start()
    for i in range(20):
        model = f"partial@{(2, 4, 1)[i % 3]}"
        assert client.put("/variants/partial", json={"model": model}, headers=ADMIN).is_success
    stop.set()
    for each in crowd:
        each.join()
    assert {status for status, _ in answers} == {200}
    assert {model for _, model in answers} <= {"partial@1", "partial@2", "partial@4"}


def test_swaps_leave_no_memory_behind(versions: Path) -> None:
    with (
        serving(store=versions, api_keys=API_KEYS, threads=1) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        before = 0
        for i in range(220):
            model = f"partial@{(2, 4)[i % 2]}"
            answer = client.put("/variants/partial", json={"model": model}, headers=ADMIN)
            assert answer.status_code == 200
            assert client.post("/generate").headers["x-pbgen-model"] == model
            if i == 19:  # all that is made once is there
                before = server.rss_bytes()
        assert server.rss_bytes() - before < 20e6
