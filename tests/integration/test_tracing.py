"""Traces of a real server, received by a real OTLP collector."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.otlp_collector import attributes, otlp_collector
from tests.serving import ROOT, environment, free_port, serving

TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OPENMETRICS = {"accept": "application/openmetrics-text"}


def test_a_request_is_traced_stage_by_stage(
    random_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with otlp_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        before_ns = time.time_ns()
        with (
            serving(store=random_store, tracing=True) as server,
            httpx.Client(base_url=server.url) as client,
        ):
            client.post(
                "/generate?variant=full&count=3",
                headers={"x-request-id": "r" * 64, "traceparent": f"00-{TRACE_ID}-{CALLER}-01"},
            )
            assert client.post("/generate?variant=<nobody>").status_code == 404
            assert client.get("/livez").status_code == 200
            metrics = client.get("/metrics", headers=OPENMETRICS).text
            server.process.terminate()  # sends what is left
            _, log = server.process.communicate(timeout=30)
        after_ns = time.time_ns()

    assert collector.services == {"pbgen"}
    served, refused = collector.named("POST /generate")
    assert (served.trace_id.hex(), served.parent_span_id.hex()) == (TRACE_ID, CALLER)
    assert served.kind == served.SPAN_KIND_SERVER
    assert attributes(served.attributes).items() >= {
        ("http.request.method", "POST"),
        ("http.route", "/generate"),
        ("http.response.status_code", 200),
        ("pbgen.request_id", "r" * 64),
        ("pbgen.variant", "full"),
    }
    stages = [collector.named(name) for name in ("queue", "generate", "encode")]
    clock_ns = served.start_time_unix_nano
    assert before_ns <= clock_ns
    for (span,) in stages:
        assert span.trace_id == served.trace_id
        assert span.parent_span_id == served.span_id
        assert attributes(span.attributes) == {
            "pbgen.request_id": "r" * 64,
            "pbgen.variant": "full",
            "pbgen.images": 3,
        }
        assert clock_ns <= span.start_time_unix_nano <= span.end_time_unix_nano
        clock_ns = span.end_time_unix_nano
    assert clock_ns <= served.end_time_unix_nano <= after_ns

    assert refused.trace_id != served.trace_id
    assert not refused.parent_span_id
    assert attributes(refused.attributes)["pbgen.variant"] == ""
    assert len(collector.spans) == 5  # none of /livez or /metrics

    exemplar = f'# {{request_id="{"r" * 64}",trace_id="{TRACE_ID}"}}'
    for name in ("http_request", "queue", "encode"):
        lines = [each for each in metrics.splitlines() if f"pbgen_{name}_duration" in each]
        assert any(exemplar in each for each in lines), name
    assert f'"trace_id": "{TRACE_ID}"' in log


def test_the_caller_says_whether_a_trace_is_kept(
    random_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with otlp_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "faces")
        with serving(store=random_store, tracing=True) as server:
            for flags in ("00", "01"):
                headers = {"traceparent": f"00-{TRACE_ID}-{CALLER}-{flags}"}
                httpx.post(f"{server.url}/generate", headers=headers)
            metrics = httpx.get(f"{server.url}/metrics", headers=OPENMETRICS).text
    assert collector.services == {"faces"}
    assert len(collector.spans) == 4
    assert "request_id=" in metrics


def test_a_collector_that_is_away_holds_nothing_up(
    random_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with serving(store=random_store, tracing=True) as server:
        for seed in range(20):
            assert httpx.post(f"{server.url}/generate?seed={seed}").status_code == 200
        began = time.monotonic()
        server.process.terminate()
        server.process.communicate(timeout=30)
        assert server.process.returncode == 0
        assert time.monotonic() - began < 8  # 3 of which for the last spans


def test_tracing_without_its_extra_is_told_in_a_line(random_store: Path, tmp_path: Path) -> None:
    # What an environment without the packages does at their import.
    program = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; import service.__main__ as service;"
    )
    run = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(service.main([], ''))"],
        cwd=ROOT,
        env=environment(store=random_store, port=0, data=tmp_path, tracing=True),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stderr) == (
        1,
        "error: PBGEN_TRACING needs: pip install --editable '.[tracing]'\n",
    )
