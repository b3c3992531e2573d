"""The last step of every generator: a table from a fixed-point argument to grey levels."""

from __future__ import annotations

import numpy as np

LEVELS = 4096
ONE = 512  # steps of the table to a unit of tanh's argument
CENTER = (LEVELS - 1) / 2

# u8 [4096]: TANH[t] = rint(127.5 · (1 + tanh((t − 2047.5) / 512))), in float64. No entry lies so
# near a rounding boundary that another libm could round it differently (tested).
TANH = np.rint(127.5 * (1 + np.tanh((np.arange(LEVELS) - CENTER) / ONE))).astype(np.uint8)
TANH.flags.writeable = False
