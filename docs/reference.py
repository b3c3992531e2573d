"""python -m docs.reference: what is looked up, written from the code into these pages.

Settings, metrics, alerts, the meanings of statuses, the help of `pbgen`, and openapi.json. A test
compares.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml
from prometheus_client.metrics import MetricWrapperBase

from benchmarks import blocks
from deploy.stack import ROOT, RULES
from service import openapi, settings
from service.app import create_app
from service.metrics import Metrics

DOCS = ROOT / "docs"
COMMANDS = ("", "generate", "compare", "bench", "store", "serve")
HELP_COLUMNS = 100


def pages() -> dict[Path, str]:
    """Every file that holds something from the code, as it should be."""
    filled = {
        "settings": {"settings": settings.table()},
        "metrics": {"metrics": metrics()},
        "operations": {"alerts": alerts()},
        "http": {"problems": problems()},
        "cli": {_block(command): help_text(command) for command in COMMANDS},
    }
    made = {DOCS / "openapi.json": interface()}
    for name, bodies in filled.items():
        path = DOCS / f"{name}.md"
        text = path.read_text()
        for block, body in bodies.items():
            text = blocks.fill(text, block, body)
        made[path] = text
    return made


def interface() -> str:
    """The OpenAPI document, as a service of this version gives it."""
    document = create_app(settings.Settings()).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def metrics() -> str:
    """Our metrics as they are scraped; histograms by the name that their parts share."""
    rows = []
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (described,) = metric.describe()
            name = described.name + ("_total" if described.type == "counter" else "")
            labels = ", ".join(metric._labelnames)  # the library tells them in samples alone
            rows.append((f"`{name}`", described.type, labels, described.documentation))
    return _table(("metric", "type", "labels", "what it is"), rows)


def alerts() -> str:
    """Every alert: when it fires, and what its description says to an operator."""
    groups = yaml.safe_load((RULES / "rules" / "alerts.yml").read_text())["groups"]
    return _table(
        ("alert", "severity", "fires when", "what it says"),
        (
            (
                f"`{rule['alert']}`",
                rule["labels"]["severity"],
                f"`{rule['expr']}` for {rule['for']}",
                re.sub(r"{{.*?}}", "…", rule["annotations"]["summary"])
                + f". {rule['annotations']['description']}",
            )
            for group in groups
            for rule in group["rules"]
        ),
    )


def problems() -> str:
    """What each status of an error means."""
    rows = ((str(status), words) for status, words in sorted(openapi.MEANINGS.items()))
    return _table(("status", "what it means"), rows)


def help_text(command: str) -> str:
    """What `pbgen COMMAND --help` prints, as a block of code."""
    arguments = [*command.split(), "--help"]
    done = subprocess.run(
        [sys.executable, "-m", "pbgen", *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": str(HELP_COLUMNS), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return f"```text\n{done.stdout}```"


def _block(command: str) -> str:
    return f"pbgen {command}".strip()


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
