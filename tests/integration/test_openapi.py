"""The contract: the document is the committed one, and the service keeps to it whatever it gets."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema_rs  # schemathesis brings it
import pytest

from service import reference
from service.app import create_app
from service.keys import Key, hash_key
from service.routes.stream import MEDIA_TYPE
from service.security import SECURITY_HEADERS
from service.settings import Settings
from tests.serving import ROOT, serving

CASES = 300  # an operation


def test_every_answer_is_in_the_document(random_store: Path, tmp_path: Path) -> None:
    command = shutil.which("schemathesis", path=Path(sys.executable).parent)
    assert command, "schemathesis is in the dev extra"
    admin = Key(name="ops", sha256=hash_key("admin-key"), scopes=frozenset({"admin"}))
    keys = json.dumps([admin.model_dump(mode="json")])
    with serving(store=random_store, stream_limit=40, api_keys=keys) as server:
        run = subprocess.run(
            [
                command,
                *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
                *("run", f"{server.url}/openapi.json", "--checks", "all"),
                *("--max-examples", str(CASES), "--phases", "examples,coverage,fuzzing"),
                *("--seed", "1"),  # a change is judged by its own faults, not by another draw's
            ],
            cwd=tmp_path,  # it leaves a data base of examples
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr


def test_the_committed_document_is_the_served_one(http: httpx.Client) -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert http.get("/openapi.json").json() == document, "run python -m docs"


WAY = {"from": 1, "to": 2, "steps": 3}
LATENTS = [[0.5] * 12]


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ({}, False),
        ({"latents": LATENTS}, True),
        ({"interpolate": WAY}, True),
        ({"latents": LATENTS, "interpolate": WAY}, False),
        ({"latents": None, "interpolate": WAY}, True),
        ({"latents": LATENTS, "interpolate": None}, True),
        ({"latents": None}, False),
        ({"latents": None, "interpolate": None}, False),
        ({"latents": [[True] * 12]}, False),
        ({"latents": [["0.5"] * 12]}, False),
        ({"latents": [[1] * 12]}, True),
        ({"interpolate": WAY | {"from": True}}, False),
        ({"interpolate": WAY | {"from": 1.0}}, True),
        ({"interpolate": WAY | {"from": 1.5}}, False),
        ({"interpolate": WAY | {"from": str(2**64 - 1)}}, True),
        ({"interpolate": WAY | {"from": "-0"}}, False),
        ({"interpolate": WAY | {"steps": "3"}}, False),
        ({"interpolate": WAY | {"steps": 3.0}}, True),
    ],
)
def test_the_document_and_the_service_take_the_same_bodies(
    http: httpx.Client, body: dict, is_right: bool
) -> None:
    components = http.get("/openapi.json").json()["components"]
    schema = {"$ref": "#/components/schemas/GenerateBody", "components": components}
    assert jsonschema_rs.validator_for(schema).is_valid(body) == is_right
    assert http.post("/generate", json=body).status_code == (200 if is_right else 422)


@pytest.mark.parametrize(
    ("method", "path", "route", "headers"),
    [
        ("GET", "/", "/", {}),
        ("GET", "/", "/", {"if-none-match": "*"}),
        ("GET", "/docs", "/docs", {}),
        ("GET", "/docs", "/docs", {"if-none-match": "*"}),
        ("GET", "/livez", "/livez", {}),
        ("GET", "/metrics", "/metrics", {}),
        ("GET", "/models/partial/1", "/models/{name}/{version}", {}),
        ("POST", "/generate?seed=1", "/generate", {}),
        ("POST", "/generate?seed=-1", "/generate", {}),
        ("POST", "/generate/stream?count=2", "/generate/stream", {}),
        ("POST", "/compare?seed=1&format=png", "/compare", {}),
        ("GET", "/images/partial/1.png", "/images/{variant}/{seed}.png", {}),
        ("GET", "/images/partial/1.png", "/images/{variant}/{seed}.png", {"if-none-match": "*"}),
        ("GET", "/images/nobody/1.png", "/images/{variant}/{seed}.png", {}),
        ("PUT", "/variants/partial", "/variants/{variant}", {"authorization": "Bearer nobody's"}),
    ],
)
def test_every_header_is_in_the_document(
    http: httpx.Client, method: str, path: str, route: str, headers: dict[str, str]
) -> None:
    body = {"model": "partial@1"} if method == "PUT" else None
    answer = http.request(method, path, headers=headers, json=body)
    operation = http.get("/openapi.json").json()["paths"][route][method.lower()]
    documented = operation["responses"][str(answer.status_code)]["headers"]
    of_http = {"content-type", "content-length", "transfer-encoding", "date", "server"}
    for_browsers = {name.decode() for name, _ in SECURITY_HEADERS}
    given = set(answer.headers) - of_http - for_browsers
    assert given <= {name.lower() for name in documented}
    assert "x-request-id" in given


def parts(node: object) -> Iterator[dict[str, object]]:
    """Every object of a document."""
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts(each)


def test_what_makes_clients_can_make_types_of_the_document() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    for part in parts(document):
        assert not {"oneOf", "properties"} <= part.keys()  # no generator joins the two
        if part.get("type") == "integer" and part.get("maximum", 0) > 2**31:
            assert part["format"] == "int64"  # without it a seed has 32 bits
    for name, field in (("EncodedImage", "seed"), ("ComparedImage", "seed"), ("Revealed", "seed")):
        (seed,) = [
            each
            for each in parts(document["components"]["schemas"][name]["properties"][field])
            if each.get("type") == "integer"
        ]
        assert seed["format"] == "int64"


def test_every_call_is_in_one_named_group() -> None:
    """Client generators make a class of each."""
    document = create_app(Settings()).openapi()
    named = {tag["name"] for tag in document["tags"] if tag["description"]}
    operations = [call for calls in document["paths"].values() for call in calls.values()]
    assert {tag for call in operations for tag in call["tags"]} == named
    assert all(len(call["tags"]) == 1 for call in operations)


def test_the_reference_page_tells_every_call_and_needs_no_script(http: httpx.Client) -> None:
    answer = http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "script" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    for path, methods in http.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"<h2>{method.upper()} {path}</h2>" in answer.text
    assert "integer, at least 1, at most 64, default 1" in answer.text
    assert "also as text of digits" in answer.text
    assert all(f"<code>{name}</code>" in answer.text for name in ("latents", "interpolate.steps"))
    assert "left | right | tie | both_bad" in answer.text
    assert MEDIA_TYPE in answer.text


def test_the_reference_page_is_made_once_and_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = reference.page, []

    def noted(document: dict) -> str:
        made.append(make(document))
        return made[-1]

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(Settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://pbgen") as client:
            first = await client.get("/docs")
            known = {"if-none-match": first.headers["etag"]}
            return [first, await client.get("/docs"), await client.get("/docs", headers=known)]

    monkeypatch.setattr(reference, "page", noted)
    first, second, known = asyncio.run(ask())
    assert made == [first.text] == [second.text]
    assert first.headers["cache-control"] == "no-cache"
    assert (known.status_code, known.content) == (304, b"")
    policy = "content-security-policy"  # which the 304's would replace in what the browser kept
    assert known.headers[policy] == first.headers[policy] == reference.CONTENT_SECURITY_POLICY
