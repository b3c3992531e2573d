"""Damaged artifacts, led by the loader's coverage: python -m tests.fuzz.loader [libFuzzer options].

The input's first byte picks a property of tests/property/test_artifact_damage.py, the rest is what
Hypothesis draws from; or all of it is a file.
"""

from __future__ import annotations

import sys

import atheris

# An editable install's finder would take the imports from Atheris's hook.
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
with atheris.instrument_imports(["kernels.spec", "model_store"]):
    from tests.property import test_artifact_damage as damage

PROPERTIES = (
    damage.test_truncations,
    damage.test_byte_flips_anywhere,
    damage.test_bytes_of_the_header,
    damage.test_splices,
    damage.test_noise,
    damage.test_any_value_of_the_header,
    damage.test_any_value_of_the_manifest,
)


def one_input(data: bytes) -> None:
    choice = data[0] if data else len(PROPERTIES)
    if choice < len(PROPERTIES):
        PROPERTIES[choice].hypothesis.fuzz_one_input(data[1:])
    else:
        damage.check_read(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
