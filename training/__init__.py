"""GAN training in PyTorch: float, fully and partially binarized DCGANs on 64×64 faces."""

import sys
from importlib.util import find_spec

# `python -m training` is being found. Other parts of the project import what here needs no extra.
if sys.argv[:1] == ["-m"]:
    lacking = [name for name in ("matplotlib", "scipy", "skimage", "torch") if not find_spec(name)]
    if lacking:
        sys.exit(f"error: training needs {', '.join(lacking)}: pip install --editable '.[train]'")
