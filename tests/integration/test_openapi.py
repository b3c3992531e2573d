"""The contract: the document is the committed one, and the service keeps to it whatever it gets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.keys import Key, hash_key
from service.routes.stream import MEDIA_TYPE
from service.security import SECURITY_HEADERS
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


@pytest.mark.parametrize(
    ("method", "path", "route", "headers"),
    [
        ("GET", "/", "/", {}),
        ("GET", "/", "/", {"if-none-match": "*"}),
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


def test_the_reference_page_tells_every_call_and_needs_no_script(http: httpx.Client) -> None:
    answer = http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "script" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    for path, methods in http.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"<h2>{method.upper()} {path}</h2>" in answer.text
    assert "integer, at least 1, at most 64, default 1" in answer.text
    assert "left | right | tie | both_bad" in answer.text
    assert MEDIA_TYPE in answer.text
