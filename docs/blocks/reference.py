"""What is looked up, from the code: settings, metrics, alerts, the meanings of statuses, the help
of `pbgen`, and the OpenAPI document.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import yaml
from prometheus_client.metrics import MetricWrapperBase

from benchmarks import markdown
from deploy.stack import ROOT, RULES
from service import openapi
from service.app import create_app
from service.metrics import Metrics
from service.settings import Settings

HELP_COLUMNS = 100


def interface() -> str:
    """The OpenAPI document, as a service of this version gives it."""
    document = create_app(Settings()).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def settings() -> str:
    """Every setting: its variable, its default, what it is."""
    rows = []
    for name, field in Settings.model_fields.items():
        if field.default_factory is not None or field.default is None:
            default = ""
        elif isinstance(field.default, frozenset | tuple | dict):
            default = f"`{json.dumps(field.default, default=sorted)}`"
        else:
            default = f"`{field.default}`"
        rows.append((f"`PBGEN_{name.upper()}`", default, str(field.description)))
    return markdown.texts(("variable", "default", "what it is"), rows)


def metrics() -> str:
    """Our metrics as they are scraped; histograms by the name that their parts share."""
    rows = []
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (described,) = metric.describe()
            name = described.name + ("_total" if described.type == "counter" else "")
            labels = ", ".join(metric._labelnames)  # the library tells them in samples alone
            rows.append((f"`{name}`", described.type, labels, described.documentation))
    return markdown.texts(("metric", "type", "labels", "what it is"), rows)


def alerts() -> str:
    """Every alert: when it fires, and what its description says to an operator."""
    groups = yaml.safe_load((RULES / "rules" / "alerts.yml").read_text())["groups"]
    return markdown.texts(
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
    return markdown.texts(("status", "what it means"), rows)


def help_text(*command: str) -> str:
    """What `pbgen COMMAND --help` prints, as a block of code."""
    arguments = [*command, "--help"]
    done = subprocess.run(
        [sys.executable, "-m", "pbgen", *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": str(HELP_COLUMNS), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return f"```text\n{done.stdout}```"
