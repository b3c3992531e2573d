"""The playground over HTTP: its page, its files, and what browsers are told of them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from service.page import BEGIN, FOLDER, MEDIA_TYPES, PAGE, STYLE, STYLES
from tests.serving import serving

FILES = [path.name for path in FOLDER.iterdir() if path.suffix in (".js", ".svg")]

PLAIN = ("theme.js", "first.js")  # scripts that the first paint waits for


def test_the_page_is_asked_for_anew_and_sent_once(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    tag = answer.headers["etag"]
    again = http.get("/", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    policy = "content-security-policy"  # which the 304's would replace in what the browser kept
    assert again.headers[policy] == answer.headers[policy]
    assert http.get("/", headers={"if-none-match": '"other"'}).status_code == 200


def test_every_file_may_be_kept_for_ever_under_its_release(http: httpx.Client) -> None:
    page = http.get("/").text
    named = set(re.findall(r'"(web/[^"]+)"', page))
    assert {path.rpartition("/")[2] for path in named} == {*FILES, STYLE}
    assert set(STYLES) == {path.name for path in FOLDER.glob("*.css")}
    for path in named:
        answer = http.get(f"/{path}")
        name = path.rpartition("/")[2]
        parts = STYLES if name == STYLE else (name,)
        assert answer.content == b"".join((FOLDER / part).read_bytes() for part in parts)
        assert answer.headers["content-type"] == MEDIA_TYPES[f".{name.rpartition('.')[2]}"]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_comes_with_a_face_of_each_generator(http: httpx.Client) -> None:
    page = http.get("/").text
    seed = re.findall(r"seed: (\d+)n", (FOLDER / "state.js").read_text())[0]  # the default
    served = [each["model"] for each in http.get("/variants").json()["variants"]]
    images = re.findall(r'<img src="(images/[^"]+)"', page)
    assert images == [f"images/{model}/{seed}.png" for model in served]
    assert f'data-count="{len(served)}"' in page
    assert BEGIN not in page
    for path in images:
        assert "immutable" in http.get(f"/{path}").headers["cache-control"]


def test_a_page_whose_faces_need_a_key_comes_without(random_store: Path) -> None:
    with serving(store=random_store, open_scopes="[]") as server:
        page = httpx.get(server.url)
    assert page.status_code == 200
    assert "<img" not in page.text


def test_a_file_of_another_release_or_place_is_not_there(http: httpx.Client) -> None:
    release = re.findall(r"web/(\w+)/main.js", http.get("/").text)[0]
    for path in (
        "0/main.js",
        f"{release}/none.js",
        f"{release}/{PAGE}",
        f"{release}/%2e%2e%2fapp.py",
    ):
        answer = http.get(f"/web/{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "immutable" not in answer.headers.get("cache-control", "")


def test_the_policy_lets_nothing_in_but_the_services_own_files(http: httpx.Client) -> None:
    answer = http.get("/")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)
    page = answer.text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert set(re.findall(r'https?://[^"/]+', page)) == {
        "https://arxiv.org"
    }  # a link, nothing more


def test_no_module_waits_for_another_to_be_asked_for(http: httpx.Client) -> None:
    """All modules are asked for as the page is read: what one imports is under way already."""
    page = http.get("/").text
    ahead = set(re.findall(r'modulepreload" href="web/\w+/([^"]+)"', page))
    assert ahead == {name for name in FILES if name.endswith(".js")} - {"main.js", *PLAIN}
    for path in FOLDER.glob("*.js"):
        assert set(re.findall(r'^import .* from "\./([^"]+)"', path.read_text(), re.M)) <= ahead
