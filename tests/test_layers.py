"""The import rules of the three packages, and the code that none of them may contain.

    experiments -> calibration -> physio        never the other way
    organs never import each other, nor the bodies that wire them; physio/solve and physio/fields import neither

The rules are read off the syntax tree, so an import inside a function counts too.
"""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "physio": {"physio"},
    "calibration": {"physio", "calibration"},
    "experiments": {"physio", "calibration", "experiments"},
}
NOT_ORGANS = {"solve", "fields", "bodies", "units"}
NUMERIC = {
    "jax", "jaxlib", "equinox", "diffrax", "optimistix", "lineax", "optax", "jaxtyping", "numpy", "scipy",
}  # fmt: skip
# What an extra brings, or a program to compare with where it is installed: imported only inside the functions that need it.
EXTRAS = {"calibration": {"arviz", "blackjax", "nibabel"}, "experiments": {"pandas", "py_replay_bg", "simglucose"}}
RUNNER = {"pyarrow", "msgspec", "typer", "rich", "matplotlib", "jinja2"}
# What runs code found in a file, or hides where code comes from.
UNSAFE_MODULES = {"pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "__import__"}


def organs() -> set[str]:
    """The folders of physio that hold organs: all but the solver and the wiring."""
    return {path.parent.name for path in (ROOT / "physio").glob("*/*.py")} - NOT_ORGANS


def imports(tree: ast.AST, module: str, is_package: bool) -> list[tuple[int, str]]:
    """(line, absolute dotted name) of everything that a module imports."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")
            base = base[: len(base) - node.level + is_package] if node.level else []
            stem = ".".join(base + ([node.module] if node.module else []))
            # "from physio import heart" imports physio.heart: the names count as well as the stem.
            found += [(node.lineno, stem)] + [(node.lineno, f"{stem}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and called(node) == "import_module":
            found += [(node.lineno, str(arg.value)) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return found


def lines_of_functions(tree: ast.AST) -> set[int]:
    """Lines inside functions: what is imported there is not needed to import the module."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {line for node in functions for line in range(node.lineno, node.end_lineno + 1)}


def called(node: ast.Call) -> str:
    """Last part of the name that is called: "import_module" in importlib.import_module(...)."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def broken_layers(tree: ast.AST, module: str, is_package: bool, organs: set[str]) -> list[str]:
    """One line for each import that goes against the rules of this file."""
    package, _, rest = module.partition(".")
    folder = rest.partition(".")[0] if package == "physio" else ""
    outside = NUMERIC | RUNNER if package == "experiments" else NUMERIC
    deferred = lines_of_functions(tree)
    problems = []
    for line, name in imports(tree, module, is_package):
        top, _, below = name.partition(".")
        target = below.partition(".")[0] if top == "physio" else ""
        if top in MAY_IMPORT and top not in MAY_IMPORT[package]:
            problems.append(f"{line}: {package} imports {name}")
        elif top in EXTRAS.get(package, ()) and line in deferred:
            continue
        elif top not in outside | set(sys.stdlib_module_names) | set(MAY_IMPORT):
            problems.append(f"{line}: {name} is not a dependency of {package}")
        if folder in organs and target in (organs | {"bodies"}) - {folder}:
            problems.append(f"{line}: organ {folder} imports {name}")
        if folder in ("solve", "fields") and target in organs | {"bodies"}:
            problems.append(f"{line}: the solver imports {name}")
    return problems


def unsafe_code(tree: ast.AST) -> list[str]:
    """One line for each bare except, and for each call or import that could run foreign code."""
    problems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            problems.append(f"{node.lineno}: bare except")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in UNSAFE_CALLS:
                problems.append(f"{node.lineno}: {node.func.id}()")
            problems += [
                f"{node.lineno}: allow_pickle"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True)
            ]
    for line, name in imports(tree, "", False):
        if name.partition(".")[0] in UNSAFE_MODULES:
            problems.append(f"{line}: imports {name}")
    return problems


def modules() -> list[Path]:
    """Every Python file of the three packages."""
    return sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parse(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_imports_go_one_way():
    known = organs()
    problems = [
        f"{path.relative_to(ROOT)}:{problem}"
        for path in modules()
        for problem in broken_layers(parse(path), dotted(path), path.stem == "__init__", known)
    ]
    assert not problems, "\n".join(problems)


def test_no_unsafe_code():
    files = modules() + sorted((ROOT / "tests").rglob("*.py"))
    problems = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in unsafe_code(parse(path))]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "module, source",
    [
        ("physio.body", "import calibration"),
        ("physio.body", "def f():\n    from experiments import cli"),
        ("calibration.fit", "from experiments.run import main"),
        ("calibration.fit", "import pyarrow"),
        ("calibration.fit", "import arviz"),
        ("physio.body", "def f():\n    import arviz"),
        ("experiments.cli", "import pandas"),
        ("physio.heart.chamber", "from physio.vessels import bed"),
        ("physio.heart.chamber", "from physio import vessels"),
        ("physio.heart.chamber", "from ..vessels.bed import Bed"),
        ("physio.heart.chamber", "import physio.bodies.circulation"),
        ("physio.heart", "from importlib import import_module\nimport_module('physio.vessels')"),
        ("physio.solve.cohort", "import physio.heart"),
        ("physio.solve.cohort", "from physio.bodies import circulation"),
        ("physio.fields.grid", "from physio.heart import chamber"),
    ],
)
def test_a_forbidden_import_is_found(module, source):
    assert broken_layers(ast.parse(source), module, module == "physio.heart", {"heart", "vessels"})


@pytest.mark.parametrize(
    "module, source",
    [
        ("experiments.cli", "import physio.heart, calibration, pyarrow, jax"),
        ("calibration.fit", "from physio.priors import LogNormal"),
        ("calibration.diagnostics.export", "def f():\n    import arviz"),
        ("physio.heart.chamber", "from physio.component import AbstractStore\nfrom .valve import Valve"),
        ("physio.heart.chamber", "from physio.fields import Grid"),
        ("physio.bodies.circulation", "import physio.heart, physio.vessels"),
    ],
)
def test_an_allowed_import_is_not(module, source):
    assert not broken_layers(ast.parse(source), module, False, {"heart", "vessels"})


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import pickle",
        "from pickle import loads",
        "import numpy\nnumpy.load('x', allow_pickle=True)",
        "try:\n    pass\nexcept:\n    pass",
    ],
)
def test_unsafe_code_is_found(source):
    assert unsafe_code(ast.parse(source))
