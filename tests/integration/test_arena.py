"""The arena over HTTP: blind, once a token, and no acknowledged vote lost."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.serving import serving


def a_pair(client: httpx.Client) -> dict:
    answer = client.post("/arena/pairs")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_pair_is_blind_and_a_vote_reveals_it(http: httpx.Client) -> None:
    answer = http.post("/arena/pairs")
    pair = answer.json()
    # Without what is random or base64, in which such a word may come by chance.
    drawn = ("left", "right", "token")
    shown = [*pair, *(pair[name] for name in pair if name not in drawn), answer.headers]
    told = str(shown).lower()
    assert not any(word in told for word in ("float", "partial", "full", "x-pbgen"))
    revealed = http.post("/arena/votes", json={"token": pair["token"], "choice": "left"}).json()
    assert revealed["left"] != revealed["right"]
    for side in ("left", "right"):
        path = f"/images/{revealed[side]}/{revealed['seed']}.png"
        assert base64.b64decode(pair[side]) == http.get(path).content


def test_votes_become_results_once_a_token(random_store: Path) -> None:
    with serving(store=random_store) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/arena/results").json() == {"votes": 0, "pairs": [], "ratings": []}
        preferred: Counter[str] = Counter()
        for choice in ("left", "right", "left", "tie", "both_bad") * 4:
            pair = a_pair(client)
            vote = {"token": pair["token"], "choice": choice}
            revealed = client.post("/arena/votes", json=vote).json()
            if choice in ("left", "right"):
                preferred[revealed[choice]] += 1
            assert client.post("/arena/votes", json=vote).status_code == 409
        results = client.get("/arena/results").json()
        metrics = client.get("/metrics").text
    assert results["votes"] == 20
    assert sum(each["ties"] for each in results["pairs"]) == 4
    assert sum(each["both_bad"] for each in results["pairs"]) == 4
    wins: Counter[str] = Counter()
    for each in results["pairs"]:
        wins[each["a"]] += each["wins_a"]
        wins[each["b"]] += each["wins_b"]
        rate = each["win_rate_a"]
        assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1
    assert wins == preferred
    values = [each["rating"]["value"] for each in results["ratings"]]
    assert values == sorted(values, reverse=True)
    counted = [line for line in metrics.splitlines() if line.startswith("pbgen_arena_votes_total")]
    assert sum(float(line.split()[-1]) for line in counted) == 20


@pytest.mark.parametrize(
    ("vote", "status"),
    [
        ({"token": "forged", "choice": "left"}, 403),
        ({"token": "x" * 1001, "choice": "left"}, 422),
        ({"choice": "left"}, 422),
        ({"token": "forged", "choice": "both"}, 422),
    ],
)
def test_wrong_votes(http: httpx.Client, vote: dict, status: int) -> None:
    assert http.post("/arena/votes", json=vote).status_code == status


def test_an_acknowledged_vote_survives_kill_9(random_store: Path, tmp_path: Path) -> None:
    secret = "a secret for both runs"
    for run in (1, 2, 3):
        with serving(store=random_store, data=tmp_path, secret=secret) as server:
            pair = httpx.post(f"{server.url}/arena/pairs").json()
            vote = {"token": pair["token"], "choice": "tie"}
            assert httpx.post(f"{server.url}/arena/votes", json=vote).status_code == 200
            server.process.kill()
            server.process.wait()
        with serving(store=random_store, data=tmp_path, secret=secret) as server:
            assert httpx.get(f"{server.url}/arena/results").json()["votes"] == run
            assert httpx.post(f"{server.url}/arena/votes", json=vote).status_code == 409
