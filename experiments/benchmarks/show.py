"""Run benchmarks and print what they found. Standard library only, and the contract."""

import difflib
import importlib
import json
import subprocess
import sys
from pathlib import Path

from calibration.errors import InputError
from experiments.benchmarks import BENCHMARKS
from experiments.benchmarks.contract import Result

_VERDICT = {True: "met", False: "MISSED", None: "not run"}


def list_all() -> None:
    width = max(map(len, BENCHMARKS))
    for name, (_, about) in BENCHMARKS.items():
        print(f"{name:{width}}  {about}")


def run_one(name: str, data: Path | None, quick: bool, only_json: bool) -> None:
    """Run one benchmark; its last line is one JSON object. InputError for a name that is none."""
    if name not in BENCHMARKS:
        near = difflib.get_close_matches(name, BENCHMARKS, n=1)
        hint = f" (did you mean `{near[0]}`?)" if near else ""
        raise InputError(
            "bench", field=name, problem=f"no such benchmark{hint}", expected=", ".join(BENCHMARKS)
        )
    if data is not None and not data.exists():
        raise InputError(data, problem="no such file or folder", expected="the benchmark's data")
    result: Result = importlib.import_module(BENCHMARKS[name][0]).run(data, quick)
    record = result.record()
    if not only_json:
        for row in record["figures"] + record["baselines"]:
            print(f"{row.get('figure') or row.get('baseline')}: {_text(row['value'])} {row['unit']}")
        print_targets([(name, record["targets"])])
    print(json.dumps(record, allow_nan=False), flush=True)


def run_all(quick: bool, only_json: bool) -> bool:
    """Run each benchmark in a process of its own, then print one table of targets; whether all ran."""
    rows, broken = [], []
    for name in BENCHMARKS:
        command = [
            sys.executable,
            "-m",
            "experiments",
            "bench",
            name,
            "--json",
            *(["--quick"] if quick else []),
        ]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        last = ended.stdout.strip().rpartition("\n")[2]
        if ended.returncode:
            broken.append(name)
            print(f"{name} did not run (exit {ended.returncode})", file=sys.stderr)
            continue
        if only_json:
            print(last, flush=True)
        rows.append((name, json.loads(last)["targets"]))
    if not only_json:
        print_targets(rows)
        verdicts = [target["met"] for _, targets in rows for target in targets]
        counts = ", ".join(f"{verdicts.count(met)} {word.lower()}" for met, word in _VERDICT.items())
        print(f"targets: {counts}" + (f"; did not run: {', '.join(broken)}" if broken else ""))
    return not broken


def print_targets(rows: list[tuple[str, list[dict]]]) -> None:
    """One table: benchmark, figure, asked, value, verdict and reason."""
    table = [("benchmark", "figure", "asked", "value", "target")]
    for name, targets in rows:
        for target in targets:
            verdict = _VERDICT[target["met"]] + (f": {target['reason']}" if target.get("reason") else "")
            table.append((name, target["figure"], target["asked"], _text(target["value"]), verdict))
    if len(table) == 1:
        return
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        cells = [f"{cell:{width}}" for cell, width in zip(row[:4], widths, strict=True)]
        print("  ".join([*cells, row[4]]).rstrip())


def _text(value: object) -> str:
    return "-" if value is None else f"{value:.8g}" if isinstance(value, float) else str(value)
