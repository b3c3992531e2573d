"""python -m deploy.stack: Redis, the service and Prometheus on this machine, until Ctrl-C.

The same set as docker-compose.yml without Docker (and so without Grafana), for a look at how they
work together. Everything they write goes into one folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import yaml

from deploy.running import running

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy" / "prometheus"
PROGRAMS = ("redis-server", "prometheus")  # Debian's packages are named like them


def prometheus_config(folder: Path, target: str, interval: str | None = None) -> Path:
    """Writes deploy/prometheus with one static target (host:port) into a folder.

    `interval` replaces the scrape and evaluation intervals. Returns the configuration's path.
    """
    shutil.copytree(RULES / "rules", folder / "rules", dirs_exist_ok=True)
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    if interval is not None:
        config["global"] = dict.fromkeys(config["global"], interval)
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def prometheus_command(config: Path, port: int) -> list[str]:
    """Prometheus on a port of this machine alone, its data beside its configuration."""
    return [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={config.parent / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]


def experiment() -> str:
    """PBGEN_EXPERIMENT as docker-compose.yml has it: variant=auto means the same here."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    split: str = compose["services"]["service"]["environment"]["PBGEN_EXPERIMENT"]
    return split


def run(folder: Path, service_port: int, redis_port: int, prometheus_port: int) -> int:
    """Runs all until a signal (returns 0), or until one of them ends (returns 1)."""
    for sent in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sent, _stop)
    (folder / "redis").mkdir(parents=True, exist_ok=True)
    (folder / "prometheus").mkdir(exist_ok=True)
    host = "127.0.0.1"
    redis = ["redis-server", "--bind", host, "--port", str(redis_port), "--loglevel", "warning"]
    redis += ["--dir", str(folder / "redis"), "--appendonly", "yes"]
    environment = {
        "PBGEN_EXPERIMENT": experiment(),
        **os.environ,
        "PBGEN_HOST": host,
        "PBGEN_PORT": str(service_port),
        "PBGEN_REDIS_URL": f"redis://{host}:{redis_port}/0",
    }
    config = prometheus_config(folder / "prometheus", f"{host}:{service_port}")
    commands = {
        "redis": redis,
        "service": [sys.executable, "-m", "service"],
        "prometheus": prometheus_command(config, prometheus_port),
    }
    logs = {name: folder / f"{name}.log" for name in commands}
    with ExitStack() as stack:
        try:
            processes = {
                name: stack.enter_context(running(command, environment, logs[name]))
                for name, command in commands.items()
            }
            print(
                f"service     http://{host}:{service_port}\n"
                f"prometheus  http://{host}:{prometheus_port}\n"
                f"logs        {folder}/*.log\n"
                f"redis       redis://{host}:{redis_port}\n"
                "Ctrl-C stops all. A load to look at: make users",
                flush=True,
            )
            while True:
                for name, process in processes.items():
                    if process.poll() is not None:
                        last = logs[name].read_text(errors="replace").strip().splitlines()[-3:]
                        print(f"error: {name} ended:", *last, sep="\n  ", file=sys.stderr)
                        return 1
                time.sleep(0.2)
        except KeyboardInterrupt:
            return 0


def is_taken(port: int) -> bool:
    """Whether a program of this machine listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "pbgen-data" / "stack")
    parser.add_argument("--service-port", type=int, default=8000)
    parser.add_argument("--redis-port", type=int, default=6379)
    parser.add_argument("--prometheus-port", type=int, default=9090)
    options = parser.parse_args()
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        print(f"error: the stack needs {', '.join(missing)}, as Debian names them", file=sys.stderr)
        return 2
    for name in ("service", "redis", "prometheus"):
        port = getattr(options, f"{name}_port")
        if is_taken(port):
            print(
                f"error: something listens on port {port} already, {name}'s; end it (Debian starts "
                "redis-server and prometheus once they are installed: systemctl disable --now), or "
                f"choose another port with --{name}-port",
                file=sys.stderr,
            )
            return 2
    return run(
        options.folder.resolve(),
        options.service_port,
        options.redis_port,
        options.prometheus_port,
    )


if __name__ == "__main__":
    sys.exit(main())
