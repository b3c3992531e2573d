"""python -m pbgen: the command `pbgen`."""

from __future__ import annotations

import sys

from pbgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
