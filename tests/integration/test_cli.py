"""The command `pbgen`, as a process."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.serving import ROOT, environment


def pbgen(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pbgen", *map(str, arguments)],
        cwd=ROOT,
        env=environment(store=store),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_file_is_the_same_from_here_and_from_a_service(
    http: httpx.Client, random_store: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / "here.npy", tmp_path / "there.npy"
    common = ("generate", "--seed", 7, "--count", 40, "--out")
    assert pbgen(*common, here, store=random_store).returncode == 0
    assert pbgen(*common, there, "--url", http.base_url, store=random_store).returncode == 0
    images = np.load(here)
    assert images.shape == (40, 16, 16, 3)
    np.testing.assert_array_equal(images, np.load(there))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["here.npy", "there.npy"]


def test_a_tar_holds_a_png_a_face(random_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.tar"
    assert pbgen("generate", "--count", 3, "--out", out, store=random_store).returncode == 0
    with tarfile.open(out) as tar:
        assert tar.getnames() == [f"{i:08}.png" for i in range(3)]
        with Image.open(tar.extractfile("00000002.png")) as picture:
            assert picture.size == (16, 16)


def test_compare_tells_a_ratio_below_one_in_its_own_digits(random_store: Path) -> None:
    def ratios(*variants: str) -> list[float]:
        done = pbgen("compare", "--count=1", "--variants", *variants, store=random_store)
        *_, ratio = done.stdout.splitlines()
        return [float(number) for number in re.findall(r"([\d.]+) ×", ratio)]

    (_, more), (_, less) = ratios("float", "partial"), ratios("partial", "float")
    assert less * more == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("served", [False, True])
def test_compare_prints_a_row_a_variant(
    http: httpx.Client, random_store: Path, tmp_path: Path, served: bool
) -> None:
    out = tmp_path / "compared.png"
    place = ("--url", http.base_url) if served else ()
    done = pbgen("compare", "--seed", 1, "--out", out, *place, store=random_store)
    assert done.returncode == 0
    head, *rows, ratio = done.stdout.splitlines()
    assert " ".join(head.split()) == "VARIANT MS AN IMAGE BYTES HELD BYTES STORED SWD"
    assert [row.split()[0] for row in rows] == ["float", "partial"]
    held = [int(row.split()[2].replace(",", "")) for row in rows]
    assert f"{held[0] / held[1]:.1f} × the memory" in ratio
    with Image.open(out) as picture:
        whole = np.asarray(picture)
    assert whole.shape[0] == 2 * (22 + 16)
    for top in (0, 22 + 16):
        label, faces = whole[top : top + 22], whole[top + 22 : top + 22 + 16, : 8 * 16]
        assert (label.min(), label.max()) == (0, 255)  # black words on white
        assert faces.std(axis=1).min() > 0
    assert done.stderr == f"wrote {out}: seeds 1 … 8\n"


def test_compare_takes_files_too(random_store: Path, tmp_path: Path) -> None:
    mine = shutil.copy(random_store / "full" / "1.safetensors", tmp_path / "mine.safetensors")
    done = pbgen("compare", "--variants", mine, "float", "--seed", 1, store=random_store)
    assert done.returncode == 0
    _, ours, theirs, _ = done.stdout.splitlines()
    assert (ours.split()[0], theirs.split()[0]) == (str(mine), "float")
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("generate", "--count", "0"), 2, "must be 1"),
        (("generate", "--variant", "nobody"), 1, "nobody"),
        (("generate", "--out", "face.gif"), 2, ".png, .npy, .tar"),
        (("generate", "--count", "65"), 2, "at most 64"),
        (("generate", "--seed", str(2**64 - 1), "--count", "2"), 2, f"{2**64 - 1}, not {2**64}"),
        (("generate", "--url", "http://127.0.0.1:9", "--out", "no.npy"), 1, "127.0.0.1:9"),
        (("generate", "--out", "nowhere/face.png"), 2, "no folder nowhere"),
        (("generate", "--out", "/proc/a.png"), 2, "cannot write /proc/a.png: "),
        (("generate", "--url", "nonsense"), 2, "http:// or https://, not 'nonsense'"),
        (("compare", "--variants", "full"), 2, "two or three"),
        (("compare", "--variants", "full", "nobody"), 1, "nobody"),
        (("compare", "--variants", "full", "nobody.safetensors"), 1, "nobody.safetensors"),
        (("compare", "--out", "nowhere/faces.png"), 2, "no folder nowhere"),
        (("bench", "--batches", "0"), 2, "must be 1 … 4294967295, not '0'"),
        (("bench", "--batches", str(10**11)), 2, f"not '{10**11}'"),
        (("bench", "--seconds", "-1"), 2, "must be a number above 0, not '-1'"),
        (("bench", "--seconds", "abc"), 2, "must be a number above 0, not 'abc'"),
        (("bench", "--widths", "100000"), 2, "c_out must be 1 … 65536, not 800000"),
        (("bench", "--json", "nowhere/rows.json"), 2, "cannot write nowhere/rows.json: "),
        (("serve", "--port", "many"), 2, "PBGEN_PORT must be an integer, not many"),
        (("store", "show", "nobody"), 1, "nobody"),
        ((), 2, "usage"),
    ],
)
def test_errors_are_lines(
    random_store: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = pbgen(*arguments, store=random_store)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not re.search(r"^seed", done.stderr, re.MULTILINE)  # what is not drawn has none


@pytest.mark.parametrize("command", ["generate", "compare", "store list"])
def test_a_store_that_is_nowhere_is_not_called_empty(tmp_path: Path, command: str) -> None:
    done = pbgen(*command.split(), store=tmp_path / "nowhere")
    assert done.returncode == 1
    assert "the store is no folder that is there; --store or PBGEN_STORE must" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["generate", "compare"])
def test_a_drawn_seed_is_told(random_store: Path, tmp_path: Path, command: str) -> None:
    def draw(*seed: object) -> tuple[bytes, str]:
        done = pbgen(command, "--count", 2, "--out", out, *seed, store=random_store)
        return out.read_bytes(), re.search(r"seeds (\d+) … \d+", done.stderr)[1]

    out = tmp_path / "faces.png"
    first, seed = draw()
    second, other = draw()
    assert seed != other
    if command == "generate":  # a comparison's picture tells times
        assert draw("--seed", seed) == (first, seed)
        assert first != second


def test_the_version_is_told(random_store: Path) -> None:
    done = pbgen("--version", store=random_store)
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert done.stdout == f"pbgen {tomllib.load(file)['project']['version']}\n"


def test_help_teaches_and_needs_no_heavy_library() -> None:
    code = (
        "import sys; from pbgen.cli import _parser; text = _parser().format_help();"
        "assert 'pbgen generate --seed 50' in text;"
        "assert all(name in text for name in ('bench', 'store', 'serve'));"
        "sys.exit(', '.join({'numpy', 'httpx', 'fastapi', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_a_reader_that_leaves_ends_it_without_a_word(random_store: Path) -> None:
    command = [sys.executable, "-m", "pbgen", "compare", "--count=1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(store=random_store), stdout=pipe, stderr=pipe
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141  # as after SIGPIPE
