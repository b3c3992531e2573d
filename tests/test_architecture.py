"""The rules of the tree: who may import whom, no circles, no pickle, files of one noun.

Imports run one way: service and training → model_store and kernels; model_store → the spec of
kernels; kernels → NumPy; pbgen → what serves, but its client → nothing of ours; loadtest and deploy
→ nothing of ours; benchmarks → what they measure; docs → anything, and nothing → docs. torch is
training's alone (benchmarks time it as a peer), so that serving starts fast and stays small.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = (
    *("benchmarks", "deploy", "docs", "kernels", "loadtest"),
    *("model_store", "pbgen", "service", "training"),
)
MAY_IMPORT = {  # of our own, besides itself
    "benchmarks": ("deploy.running", "kernels", "model_store", "service", "training"),
    "deploy": (),
    "docs": PARTS,
    "kernels": (),
    "loadtest": (),
    "model_store": ("kernels.spec",),
    "pbgen": ("kernels", "model_store", "service"),
    "service": ("kernels", "model_store"),
    "training": ("kernels", "model_store"),
}
UNSAFE = ("cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve")  # a load runs code
LARGEST_FILE = 300  # lines
TORCH_USERS = ("benchmarks", "training")
SOURCES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every absolute module or name that a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(), path.name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_run_one_way(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0]
    allowed = (part, *MAY_IMPORT[part])
    wrong = [
        name for name in imports(path) if is_within(name, PARTS) and not is_within(name, allowed)
    ]
    assert not wrong, f"{part} may import only {allowed} of ours"


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.is_relative_to(ROOT / "kernels")], ids=relative
)
def test_kernels_need_numpy_alone(path: Path) -> None:
    allowed = (*sys.stdlib_module_names, "numpy", "kernels")
    assert [name for name in imports(path) if not is_within(name, allowed)] == []


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.relative_to(ROOT).parts[0] not in TORCH_USERS],
    ids=relative,
)
def test_torch_stays_in_training(path: Path) -> None:
    assert [name for name in imports(path) if is_within(name, ("torch", "torchvision"))] == []


@pytest.mark.parametrize("path", sorted((ROOT / "service/routes").glob("[!_]*.py")), ids=relative)
def test_no_route_imports_a_route(path: Path) -> None:
    assert [name for name in imports(path) if is_within(name, ("service.routes",))] == []


@pytest.mark.parametrize("name", ["calls", "client", "errors", "tarstream"])
def test_the_client_needs_nothing_of_ours(name: str) -> None:
    others = tuple(part for part in PARTS if part != "pbgen")
    assert [each for each in imports(ROOT / f"pbgen/{name}.py") if is_within(each, others)] == []


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=relative)
def test_nothing_unpickles(path: Path) -> None:
    assert [name for name in imports(path) if is_within(name, UNSAFE)] == []


@pytest.mark.parametrize(
    "path",
    [
        p
        for part in (*PARTS, "tests")
        for ext in ("py", "c", "h", "js", "css")
        for p in (ROOT / part).rglob(f"*.{ext}")
    ],
    ids=relative,
)
def test_a_file_holds_one_noun(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LARGEST_FILE, "what second noun could move out?"


def test_no_import_comes_back_to_where_it_began() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in SOURCES}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        imported = (name if name in modules else name.rpartition(".")[0] for name in imports(path))
        graph[module] = {name for name in imported if name in modules}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize("part", ["benchmarks", "docs", "service"])
def test_a_large_part_says_where_everything_is(part: str) -> None:
    folder = ROOT / part
    parts = {path.stem for path in folder.glob("*.py")}
    parts |= {f"{path.name}/" for path in folder.iterdir() if path.is_dir()}
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert told
    named = re.findall(r"(?<=[ \n`])(\w+/?)(?=[, `\n])", told)
    untold = parts - {"__init__", "__main__", "__pycache__/"} - set(named)
    assert not untold, f"{part}/__init__.py names every module and folder"


def test_the_rules_see_imports_of_every_form(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("import a.b as c\ndef f():\n    from d import e, f\n")
    assert list(imports(source)) == ["a.b", "d.e", "d.f"]
    assert is_within("kernels.spec.Precision", ("kernels.spec",))
    assert not is_within("kernels.special", ("kernels.spec",))
    assert not is_within("torchlike", ("torch",))
