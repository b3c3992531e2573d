"""GET /metrics: what happened, and what is served."""

from __future__ import annotations

import httpx

from service.metrics import REJECTIONS
from tests.exposition import sample, samples


def test_metrics_count_what_happened(http: httpx.Client) -> None:
    labels = {"route": "/generate", "variant": "full"}
    before = samples(http)
    http.post("/generate", params={"variant": "full", "seed": 1, "count": 5})
    http.post("/generate", params={"variant": "full", "seed": 1, "format": "bmp"})
    http.post("/generate", params={"variant": "<nobody>"})
    after = samples(http)

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert grown("pbgen_http_requests_total", **labels, code="200") == 1
    assert grown("pbgen_http_request_duration_seconds_count", **labels) == 1
    assert grown("pbgen_http_requests_total", route="/generate", variant="", code="406") == 1
    assert grown("pbgen_http_requests_total", route="/generate", variant="", code="404") == 1
    assert grown("pbgen_images_total", variant="full", model="full@1") == 5
    assert grown("pbgen_queue_duration_seconds_count", variant="full") == 1
    assert grown("pbgen_encode_duration_seconds_count", format="png") == 1
    assert grown("pbgen_batch_size_sum", variant="full") == 5
    assert grown("pbgen_generate_duration_seconds_count", variant="full") >= 1
    assert after["pbgen_queue_depth", frozenset({("variant", "full")})] == 0
    assert after["pbgen_requests_in_progress", frozenset({("variant", "full")})] == 0
    assert not any("nobody" in value for _, labels in after for _, value in labels)


def test_only_answers_are_timed_by_their_variant(http: httpx.Client) -> None:
    """A client's mistake is no quick face, though it comes after the variant is known."""
    before = samples(http)
    wrong = {"latents": [[0.5]]}
    assert http.post("/generate", params={"variant": "full"}, json=wrong).status_code == 422
    after = samples(http)

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset({("route", "/generate"), *labels.items()}))
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert grown("pbgen_http_requests_total", variant="full", code="422") == 1
    assert grown("pbgen_http_request_duration_seconds_count", variant="full") == 0
    assert grown("pbgen_http_request_duration_seconds_count", variant="") == 1


def test_the_interface_is_a_route_like_others(http: httpx.Client) -> None:
    http.get("/openapi.json")
    told = {"route": "/openapi.json", "variant": "", "code": "200"}
    assert sample(http, "pbgen_http_requests_total", **told) >= 1
    assert not sample(http, "pbgen_http_requests_total", **told | {"route": "none"})


def test_metrics_say_what_is_served(http: httpx.Client) -> None:
    told = samples(http)
    for each in http.get("/variants").json()["variants"]:
        variant = ("variant", each["variant"])
        for precision, count in each["resident_bytes"].items():
            labels = frozenset({variant, ("precision", precision)})
            assert told["pbgen_model_resident_bytes", labels] == count
        for level, distance in each["swd"].items():
            assert told["pbgen_model_swd", frozenset({variant, ("level", level)})] == distance
        info = {variant, *((key, each[key]) for key in ("model", "digest", "isa"))}
        assert told["pbgen_model_info", frozenset(info)] == 1
    assert told["process_resident_memory_bytes", frozenset()] > 0


def test_what_is_of_more_than_one_variant_is_told_as_of_none(http: httpx.Client) -> None:
    def told(route: str, variant: str) -> float:
        return sample(http, "pbgen_http_requests_total", route=route, variant=variant, code="200")

    routes = ("/compare", "/arena/pairs")
    before = [told(route, "") for route in routes]
    assert [http.post(route).status_code for route in routes] == [200, 200]
    assert [told(route, "") for route in routes] == [count + 1 for count in before]
    assert not any(told(route, each) for route in routes for each in ("float", "full", "partial"))


def test_openmetrics_when_asked_for(http: httpx.Client) -> None:
    answer = http.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    unheard_of = {"accept": "application/openmetrics-text;version=x"}
    assert http.get("/metrics", headers=unheard_of).text.startswith("# HELP")


def test_durations_carry_the_request_they_are_of(http: httpx.Client) -> None:
    http.post("/generate", headers={"x-request-id": "exemplary"})
    text = http.get("/metrics", headers={"accept": "application/openmetrics-text"}).text
    assert '# {request_id="exemplary"}' in text


def test_refusals_are_there_before_the_first(http: httpx.Client) -> None:
    """A rate sees no rise where a series begins."""
    text = http.get("/metrics").text
    for reason in REJECTIONS:
        assert f'pbgen_requests_rejected_total{{reason="{reason}"}}' in text
