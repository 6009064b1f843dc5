import json
import math
import sys
import types

import pytest

from experiments.benchmarks import BENCHMARKS, contract, show
from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure

KEYS = {
    "name",
    "figures",
    "baselines",
    "targets",
    "versions",
    "device",
    "precision",
    "compile_s",
    "achieved_error",
    "error_meaning",
}


def _result(data=None, quick=False):
    import numpy as np

    return Result(
        name="fsigt",
        figures=[Figure("SI", np.float64(8.07e-4), "mL/uU/min"), Figure("lost", math.nan, "1")],
        baselines=[Baseline("scipy", 2.0, "s")],
        targets=[
            Target.within("SI", 8.07e-4, 8.0706e-4, 1e-3, "mL/uU/min"),
            Target.at_most("drift", math.nan, 1e-10, "1"),
            Target.not_run("GPU time", "<= 1 s", "no GPU here"),
        ],
        precision="float64",
        compile_s=0.5,
        achieved_error=1e-9,
        error_meaning="relative to the published minimum",
    )


@pytest.fixture
def fake_benchmark(monkeypatch):
    module = types.ModuleType("experiments.benchmarks.fsigt")
    module.run = _result
    monkeypatch.setitem(sys.modules, "experiments.benchmarks.fsigt", module)


def test_the_registry_names_what_was_asked_for():
    assert list(BENCHMARKS) == [
        "circulation-reference",
        "fsigt",
        "glucose-reference",
        "pk-closed-forms",
        "virtual-cohort",
        "solver-nonstiff",
        "solver-stiff",
        "solver-isolation",
        "solver-gradient",
        "solver-compile",
        "solver-order",
        "solver-periodic",
        "solver-gpu",
        "nlme-wang",
        "nlme-classic",
        "nlme-scale",
        "assimilation",
        "identifiability",
        "sampling",
        "coverage",
        "multistart",
        "t1d-whatif",
        "t1d-mismatch",
        "t1d-real",
        "t1d-speed",
        "tumour-closed-forms",
        "tumour-mice",
        "tumour-nsclc",
        "tumour-psa",
        "tumour-3d",
        "tumour-plan",
        "tumour-scans",
        "demo",
    ]


def test_record():
    record = json.loads(_result().line())
    assert set(record) == KEYS
    assert record["figures"] == [
        {"figure": "SI", "value": 8.07e-4, "unit": "mL/uU/min"},
        {"figure": "lost", "value": None, "unit": "1"},
    ]
    assert record["targets"] == [
        {"figure": "SI", "asked": "0.00080706 mL/uU/min within 0.1 %", "value": 8.07e-4, "met": True},
        {"figure": "drift", "asked": "<= 1e-10 1", "value": None, "met": False},
        {"figure": "GPU time", "asked": "<= 1 s", "value": None, "met": None, "reason": "no GPU here"},
    ]
    assert record["versions"]["jax"] and record["device"].startswith("cpu")


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target.at_most("x", 1.0, 1.0, "s"), True),
        (Target.at_most("x", 1.1, 1.0, "s"), False),
        (Target.at_least("x", 0.9, 1.0, "s"), False),
        (Target.within("x", -1.001, -1.0, 1e-2, "mV"), True),
        (Target.between("x", 0.5, 0.86, 0.94, "1"), False),
        (Target.between("x", math.nan, 0.86, 0.94, "1"), False),
    ],
)
def test_targets(target, met):
    assert target.met is met


def test_the_last_line_is_the_record(fake_benchmark, capsys):
    show.run_one("fsigt", None, quick=True, only_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert set(json.loads(lines[-1])) == KEYS
    assert "fsigt      SI        0.00080706 mL/uU/min within 0.1 %  0.000807  met" in lines
    assert lines[-2].endswith("not run: no GPU here")


def test_json_is_the_only_line(fake_benchmark, capsys):
    show.run_one("fsigt", None, quick=True, only_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["name"] == "fsigt"


def test_all_prints_one_table_and_goes_on_after_a_failure(monkeypatch, capsys):
    def ended(command, **options):
        name = command[4]
        return types.SimpleNamespace(
            returncode=int(name == "demo"), stdout="compiling\n" + _result().line() + "\n"
        )

    monkeypatch.setattr(show.subprocess, "run", ended)
    assert show.run_all(quick=True, only_json=False) is False
    output = capsys.readouterr()
    assert output.err == "demo did not run (exit 1)\n"
    assert output.out.splitlines()[-1] == "targets: 32 met, 32 missed, 32 not run; did not run: demo"


def test_measure_keeps_compilation_apart():
    import jax.numpy as jnp

    timing = measure(lambda x: jnp.sum(x * x), jnp.arange(4.0), repeats=3)
    assert float(timing.result) == 14.0
    assert timing.compile_s > timing.run_s > 0


def test_the_contract_needs_no_runner_packages():
    source = open(contract.__file__).read() + open(show.__file__).read()
    assert not any(
        f"import {name}" in source for name in ("pyarrow", "msgspec", "typer", "rich", "matplotlib")
    )
