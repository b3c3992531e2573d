"""Every metric, named once. Base units; labels come from what is served, never from a client."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

from service.engine import Model

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

DURATIONS_S = (
    *(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
REJECTIONS = ("overload", "deadline", "client_left", "draining", "rate_limit")

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class Metrics:
    """The metrics of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        prometheus_client.PlatformCollector(registry=registry)
        prometheus_client.GCCollector(registry=registry)
        self.requests = _quick(
            Counter(
                "pbgen_http_requests",
                "Requests answered.",
                ("route", "variant", "code"),
                registry=registry,
            )
        )
        self.request_duration = _duration(
            registry, "http_request", "A request, first byte to last.", ("route", "variant")
        )
        self.queue_duration = _duration(
            registry, "queue", "A request's wait for a kernel thread.", ("variant",)
        )
        self.generate_duration = _duration(
            registry, "generate", "One batch in the kernels.", ("variant",)
        )
        self.encode_duration = _duration(
            registry, "encode", "Encoding a request's images.", ("format",)
        )
        self.images = _quick(
            Counter("pbgen_images", "Images made.", ("variant", "model"), registry=registry)
        )
        self.batch_size = _quick(
            Histogram(
                "pbgen_batch_size",
                "Images in a batch.",
                ("variant",),
                buckets=BATCHES,
                registry=registry,
            )
        )
        self.queue_depth = Gauge(
            "pbgen_queue_depth", "Images that wait for a thread.", ("variant",), registry=registry
        )
        self.in_progress = _quick(
            Gauge(
                "pbgen_requests_in_progress",
                "Requests for images not yet answered.",
                ("variant",),
                registry=registry,
            )
        )
        self.rejected = _quick(
            Counter(
                "pbgen_requests_rejected",
                "Requests for images refused or given up.",
                ("reason",),
                registry=registry,
            )
        )
        for reason in REJECTIONS:
            self.rejected.labels(reason)  # at 0, as a rate sees no rise where a series begins
        self.resident_bytes = Gauge(
            "pbgen_model_resident_bytes",
            "What the prepared generator holds.",
            ("variant", "precision"),
            registry=registry,
        )
        self.model_info = Gauge(
            "pbgen_model_info",
            "1 for what is served.",
            ("variant", "model", "digest", "isa"),
            registry=registry,
        )
        self.model_swd = Gauge(
            "pbgen_model_swd",
            "Sliced Wasserstein distance to real faces, ×10³; lower is better.",
            ("variant", "level"),
            registry=registry,
        )

        self.cache_requests = Counter(
            "pbgen_cache_requests", "Looks into the image cache.", ("outcome",), registry=registry
        )
        self.arena_votes = Counter(
            "pbgen_arena_votes",
            "Votes.",
            ("left", "right", "choice"),
            registry=registry,
        )
        self.breaker_open = Gauge(
            "pbgen_state_breaker_open",
            "1 while Redis is left alone after failures.",
            registry=registry,
        )
        self.experiment_weight = Gauge(
            "pbgen_experiment_weight",
            "The share of clients whose variant=auto means this variant.",
            ("variant",),
            registry=registry,
        )

    def describe_model(self, model: Model) -> None:
        """Says what a variant serves from now on."""
        for precision, count in model.generator.resident_bytes.items():
            self.resident_bytes.labels(model.variant, precision).set(count)
        self.model_info.labels(*self._info(model)).set(1)
        for level, distance in (model.manifest["swd"] or {}).items():
            self.model_swd.labels(model.variant, level).set(distance)

    def forget_model(self, model: Model) -> None:
        """Takes back what only this model is."""
        self.model_info.remove(*self._info(model))
        for level in model.manifest["swd"] or {}:
            self.model_swd.remove(model.variant, level)

    @staticmethod
    def _info(model: Model) -> tuple[str, str, str, str]:
        return model.variant, model.label, model.digest, model.generator.isa

    def observe_batch(self, variant: str, images: int, seconds: float) -> None:
        self.batch_size.labels(variant).observe(images)
        self.generate_duration.labels(variant).observe(seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything, in the text format that an Accept header asks for, and its media type."""
        try:
            encode, media_type = choose_encoder(accept)
        except (TypeError, ValueError):  # of a version that is no number
            encode, media_type = choose_encoder("")
        return encode(self.registry), media_type


def _duration(
    registry: CollectorRegistry, what: str, help_text: str, labels: tuple[str, ...]
) -> Histogram:
    return _quick(
        Histogram(
            f"pbgen_{what}_duration_seconds",
            help_text,
            labels,
            buckets=DURATIONS_S,
            registry=registry,
        )
    )


def _quick(metric: Metric) -> Metric:
    """A metric that every request touches, and of which no labels are ever removed: `labels`
    remembers what it found, in 0.1 µs instead of 1.6."""
    metric.labels = cache(metric.labels)  # type: ignore[method-assign]
    return metric
