"""The latency objective's numbers, from where they are decided (the alerts), and their colours."""

from __future__ import annotations

import re

from deploy.queries import Threshold
from deploy.stack import RULES

_LIMITS = re.findall(
    r"pbgen:slow_faces:\w+ > ([\d.]+) \* ([\d.]+)", (RULES / "rules" / "alerts.yml").read_text()
)
(BUDGET,) = {float(budget) for _, budget in _LIMITS}  # the share of faces that may be slow
TICKET_BURN, PAGE_BURN = sorted({float(burn) for burn, _ in _LIMITS})  # × the budget's own pace

OF_SHARES = (
    Threshold(None, "red"),
    Threshold(1 - 2 * BUDGET, "orange"),
    Threshold(1 - BUDGET, "green"),
)
OF_BURN_RATES = (
    Threshold(None, "transparent"),
    Threshold(TICKET_BURN, "orange"),
    Threshold(PAGE_BURN, "red"),
)
