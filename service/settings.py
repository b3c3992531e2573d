"""Every setting of the service, read from the environment: PBGEN_HOST, PBGEN_PORT, …"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kernels.generator import available_isas, processors
from service.errors import BOUNDS, shown
from service.keys import Key, OpenScope
from service.schemas.requests import LARGEST_STREAM

CONFIDENTIAL = ("api_keys", "redis_url", "secret")  # what is wrong there is not told back
# Words for the kinds of error that only settings have. Our own validators say what would be right.
WORDS = BOUNDS | {
    "bool_parsing": "true or false",
    "dict_type": "an object",
    "frozen_set_type": "a list",
    "greater_than": "more than {gt:g}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "text of at least {min_length} characters",
    "tuple_type": "a list",
    "value_error": "{error}",
}


def _parsed(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError("JSON") from None


def _proxies(value: str) -> str:
    if value in ("", "*"):
        return value
    try:
        for each in map(str.strip, value.split(",")):
            ip_network(each) if "/" in each else ip_address(each)  # as uvicorn does
    except ValueError:
        bound = "addresses and networks such as 10.0.0.0/8, separated by commas, or *"
        raise ValueError(bound) from None
    return value


def _origin(value: str) -> str:
    if value != "*" and not re.fullmatch(r"https?://[^\s/?#@A-Z]+", value):
        raise ValueError("an origin such as https://example.org, without a path, or *")
    return value


def _place(value: str) -> str:
    if "://" not in value and not os.path.isdir(value):
        raise ValueError("a folder that is there, or a URL")
    return value


def _isa(value: str) -> str:
    present = available_isas()
    if value and value not in present:
        raise ValueError(f"one of {', '.join(present)}")
    return value


LINK = "_SERVICE_HOST"
# Variables PBGEN_… that are no settings of the service, and may be there when it starts.
OTHERS = (
    *("PBGEN_KEY", "PBGEN_URL"),  # of the client and the command line: what they ask, and how
    *("PBGEN_TEST_EXAMPLES", "PBGEN_TEST_LIBRARY"),  # of tests, which start services
)

# Parsed here, so that what is no JSON is told with the variable's name.
JSON = (NoDecode, BeforeValidator(_parsed))
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """What the environment says; a field `name` is the variable PBGEN_NAME."""

    model_config = SettingsConfigDict(env_prefix="PBGEN_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    trusted_proxies: Annotated[str, AfterValidator(_proxies)] = Field(
        default="127.0.0.1",
        description="Addresses and networks of balancers, separated by commas, whose "
        "X-Forwarded-For says who a client is; from others it is ignored. * trusts all.",
    )
    store: Annotated[str, AfterValidator(_place)] | None = Field(
        default=None,
        description="Folder or URL of the model store; unset: the generators that ship.",
    )
    isa: Annotated[str, AfterValidator(_isa)] | None = Field(
        default=None, description="Instruction set of the kernels; unset: the best of this machine."
    )
    threads: int = Field(
        default_factory=processors,
        ge=1,
        le=1024,
        description="Kernel threads; unset: one a core.",
    )
    batch_limit: int = Field(
        default=32, ge=1, le=1024, description="Images run in one batch at most."
    )
    batch_s: float = Field(
        default=0.01,
        gt=0,
        le=60,
        description="Seconds that a batch may take, about: what others wait for at most.",
    )
    queue_limit: int = Field(
        default=128,
        ge=1,
        description="Images of a variant that may wait or run; a grid counts as 8 at most. A "
        "client that already has as many places as are free gets 503. Under overload there are "
        "fewer.",
    )
    stream_limit: int = Field(
        default=LARGEST_STREAM, ge=1, le=LARGEST_STREAM, description="Images of a stream at most."
    )
    deadline_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds from a request's arrival until it gets 504, and for its head to come.",
    )
    body_limit_bytes: int = Field(
        default=2**20, ge=1, description="Largest request body; a larger one gets 413."
    )
    api_keys: Annotated[tuple[Key, ...], *JSON] = Field(
        default=(),
        description="JSON list of keys, as `python -m service.keys` prints them; without one with "
        "the scope admin, admin calls are refused.",
    )
    open_scopes: Annotated[frozenset[OpenScope], *JSON] = Field(
        default=frozenset({"generate", "vote"}),
        description='JSON list of scopes that need no key; "admin" always does.',
    )
    cors_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], *JSON] = Field(
        default=(),
        description='JSON list of the sites, such as "https://example.org", whose pages may call '
        'the service from a browser and show its images; "*": all. Unset: its own page alone.',
    )
    secret: str | None = Field(
        default=None,
        min_length=16,
        description="Seals the arena's tokens; replicas share it. Unset: drawn at every start.",
    )
    data: Path = Field(
        default=Path("pbgen-data"),
        description="Directory for votes and swapped versions; unused with PBGEN_REDIS_URL.",
    )
    redis_url: str | None = Field(
        default=None,
        pattern="^(redis|rediss|unix)://",
        description="Redis that replicas share; unset: this process alone.",
    )
    redis_timeout_s: float = Field(
        default=0.1,
        gt=0,
        le=60,
        description="Seconds that Redis may take; what holds up the service itself does not count.",
    )
    cache_bytes: int = Field(
        default=64 * 2**20, ge=0, description="Bytes of images kept for GET /images."
    )
    rate_limit: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Images a second that a client may ask for; unset: any. A version that has to "
        "be loaded counts as 64.",
    )
    rate_burst: int = Field(
        default=256,
        ge=1,
        description="Images that a client may be ahead of PBGEN_RATE_LIMIT before it gets 429.",
    )
    experiment: Annotated[dict[str, Weight], *JSON] = Field(
        default={},
        description='Weights by which clients are split for variant=auto: {"partial": 9, '
        '"float": 1}.',
    )
    log_level: Literal["info", "warning", "error"] = Field(
        default="info", description="What is logged; each request is a line of level info."
    )
    tracing: bool = Field(
        default=False,
        description="Sends a trace of every request by OTLP over HTTP; the standard variables "
        "(`OTEL_EXPORTER_OTLP_ENDPOINT`, …) say where to. Needs the extra `tracing`.",
    )
    drain_s: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="Seconds after SIGTERM during which /readyz says 503 before the port closes; "
        "at least the interval at which a balancer asks.",
    )


def wrong(error: ValidationError) -> Iterator[str]:
    """A line for each value that cannot be: where it is, and what would be right."""
    for each in error.errors():
        name, *way = each["loc"]
        place = f"PBGEN_{name}".upper() + "".join(f"[{part}]" for part in way)
        bound = WORDS.get(each["type"], "a valid value").format_map(each.get("ctx", {}))
        value = "…" if name in CONFIDENTIAL else shown(each["input"]) or '""'
        yield f"{place} must be {bound}, not {value}"


def strays(environment: Iterable[str]) -> Iterator[str]:
    """A line for each variable PBGEN_… that is no setting, and is not there for another reason."""
    given = set(environment)
    names = [f"PBGEN_{name.upper()}" for name in Settings.model_fields]
    # Kubernetes names the services around: of one named pbgen, PBGEN_SERVICE_HOST, PBGEN_PORT_….
    services = [each.removesuffix("SERVICE_HOST") for each in given if each.endswith(LINK)]
    linked = tuple(f"{each}{kind}" for each in services for kind in ("SERVICE_", "PORT"))
    for name in sorted(given.difference(names, OTHERS)):
        if name.startswith("PBGEN_") and not name.startswith(linked):
            near = get_close_matches(name[6:], [each[6:] for each in names], n=1, cutoff=0.5)
            right = f"PBGEN_{near[0]} is" if near else "`pbgen serve --help` lists those that are"
            yield f"{name} is no setting; {right}"
