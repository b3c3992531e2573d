"""The image's build, by the Dockerfile's own commands in a clean folder: no Docker is needed."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.serving import ROOT, START_S, environment, free_port

DOCKERFILE = (ROOT / "Dockerfile").read_text()
ENVIRONMENT = "/opt/pbgen"  # where the first stage installs


def instructions(stage: int) -> list[tuple[str, str]]:
    """A stage's instructions as (word, rest), comments away and continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    every = [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]
    starts = [i for i, (word, _) in enumerate(every) if word == "FROM"] + [len(every)]
    return [(word, rest.strip()) for word, rest in every[starts[stage] : starts[stage + 1]]]


def in_context(path: Path) -> bool:
    """Whether .dockerignore lets a file of the checkout into the build."""
    name, kept = path.relative_to(ROOT).as_posix(), True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        forms = (pattern, f"{pattern}/*", pattern.removeprefix("**/"))
        if any(fnmatch.fnmatch(part, form) for part in (name, path.name) for form in forms):
            kept = line.startswith("!")
    return kept


def copy(source: Path, target: Path) -> None:
    """COPY, of what the build's context holds."""
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    for path in files:
        if path.is_file() and in_context(path) and "__pycache__" not in path.parts:
            place = target / path.relative_to(source) if source.is_dir() else target / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the first stage leaves for the second."""
    if shutil.which("cc") is None:
        pytest.skip("the image's build needs a C compiler")
    root = tmp_path_factory.mktemp("image")
    source, environment = root / "src", root / "opt"
    source.mkdir()
    for word, rest in instructions(0):
        if word == "COPY":
            *names, target = rest.split()
            for name in names:
                copy(ROOT / name, source / target)
        elif word == "RUN" and "apt-get" not in rest:  # the compiler is here
            command = rest.replace(ENVIRONMENT, str(environment))
            command = command.replace("python3 -m ", f"{sys.executable} -m ")
            command = command.replace("--no-cache-dir ", "")  # kind to the registry
            done = subprocess.run(command, shell=True, cwd=source, capture_output=True, text=True)
            assert done.returncode == 0, f"{rest}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    shutil.rmtree(source)  # what runs must not need it
    return environment


def run(image: Path, code: str) -> str:
    python = str(image / "bin" / "python")
    return subprocess.run(
        [python, "-c", code], cwd=image, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_image_holds_what_serves_and_no_torch(image: Path) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    found = run(image, code.replace("sys.argv[1:]", "('service', 'kernels', 'torch', 'pytest')"))
    assert found == "['service', 'kernels']"


def test_the_image_is_small(image: Path) -> None:
    size = sum(p.stat().st_size for p in image.rglob("*") if p.is_file() and not p.is_symlink())
    assert size < 200 * 2**20, f"{size / 2**20:.0f} MB"


def test_the_image_serves(image: Path, random_store: Path) -> None:
    port = free_port()
    command = [str(image / "bin" / "python"), "-m", "service"]
    settings = environment(store=random_store, port=port, data=image / "data", drain_s=0)
    process = subprocess.Popen(command, cwd=image, env=settings, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert b"PBGen serves" in process.stdout.readline()
        face = httpx.post(f"http://127.0.0.1:{port}/generate?seed=7", timeout=30)
        assert face.headers["content-type"] == "image/png"
        page = httpx.get(f"http://127.0.0.1:{port}/").text
        script = re.findall(r'src="(web/[^"]+/main\.js)"', page)[0]
        assert httpx.get(f"http://127.0.0.1:{port}/{script}").status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=START_S)


def test_the_second_stage_is_locked_down() -> None:
    stage = instructions(1)
    words = [word for word, _ in stage]
    assert dict(stage)["USER"] == "10001:10001"
    assert words.index("USER") < words.index("CMD")
    assert "HEALTHCHECK" in words
    assert ("COPY", f"--from=build {ENVIRONMENT} {ENVIRONMENT}") in stage
    assert all(":latest" not in rest and ":" in rest for word, rest in stage if word == "FROM")


def test_nothing_but_sources_enters_the_context() -> None:
    assert not in_context(ROOT / ".git" / "config")
    assert not in_context(ROOT / "docs" / "arithmetic.md")
    assert not in_context(ROOT / "kernels" / "libpbgen-kernels.so")
    assert in_context(ROOT / "kernels" / "c" / "run.c")
    assert in_context(ROOT / "pyproject.toml")
