"""Who makes the shards: this process, or the cores of a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from kernels import Generator
from kernels.spec import GeneratorSpec
from service.bulk.plan import Plan
from service.bulk.shard import Shard, ensure

AHEAD = 2  # shards under way for each core, so that none waits for the driver
RETRIES = 10  # of a shard whose worker or node died; more would hide one that kills its worker


def by_this_process(folder: Path, plan: Plan, spec: GeneratorSpec) -> Iterator[Shard]:
    """Every shard, in order, on one core."""
    generator = Generator(spec, threads=1)
    for number in plan.shards:
        yield ensure(folder, plan, number, generator)


def by_ray(folder: Path, plan: Plan, spec: GeneratorSpec, address: str) -> Iterator[Shard]:
    """Every shard, as they come, one core each; `address` "local" starts a cluster on this machine.

    A shard whose worker or node dies is made again elsewhere. Raises OSError, also for a cluster
    that cannot be reached or loses a shard's worker again and again.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports to its makers otherwise
    import ray  # seconds, and the extra `bulk`

    ray.init(address, log_to_driver=False, logging_level=logging.WARNING, include_dashboard=False)
    try:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(_ensure)
        shared_spec = ray.put(spec)
        waiting = deque(plan.shards)
        under_way: list[ray.ObjectRef[Shard]] = []
        while waiting or under_way:
            cores = int(ray.cluster_resources().get("CPU", 1))  # nodes come and go
            while waiting and len(under_way) < AHEAD * cores:
                under_way.append(task.remote(folder, plan, waiting.popleft(), shared_spec))
            done, under_way = ray.wait(under_way)
            yield from ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise OSError(f"the cluster failed: {type(error).__name__}") from error
    finally:
        ray.shutdown()


def _ensure(folder: Path, plan: Plan, number: int, spec: GeneratorSpec) -> Shard:
    return ensure(folder, plan, number, Generator(spec, threads=1))
