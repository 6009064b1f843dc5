"""The demonstration from start to end, as a newcomer runs it: a new process with an empty cache, then again.

Quick runs a sixteenth of the virtual people, once, and leaves the two figures that were asked for unmeasured.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiments.benchmarks.contract import Baseline, Figure, Result, Target

FIRST_S, AGAIN_S, HELP_S = 90.0, 45.0, 0.6
COMPLETE = (0, 3)  # 3: complete, with people whose fit failed and who are named


def run(data: Path | None, quick: bool) -> Result:
    """Seconds of ``--help``, of the first demo and of the second."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"SOMAGRAD_CACHE": f"{folder}/cache"}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        helping = min(_seconds(["--help"], environment)[0] for _ in range(3))
        demo = ["demo", "--out", f"{folder}/runs"] + (["--people", "16"] if quick else [])
        first, status = _seconds(demo, environment)
        again = None if quick else _seconds(demo, environment)[0]
    if status not in COMPLETE:
        raise RuntimeError(f"the demo ended with status {status}")
    figures = [Figure("--help", helping, "s"), Figure("exit status of the demo", status, "1")]
    targets = [Target.at_most("--help", helping, HELP_S, "s")]
    if quick:
        figures.append(Figure("demo with 16 virtual people, first time", first, "s"))
        reason = "a quick run has fewer people"
        targets += [
            Target.not_run("demo, first time", f"<= {FIRST_S:g} s", reason),
            Target.not_run("demo, second time", f"<= {AGAIN_S:g} s", reason),
        ]
    else:
        figures += [Figure("demo, first time", first, "s"), Figure("demo, second time", again, "s")]
        targets += [
            Target.at_most("demo, first time", first, FIRST_S, "s"),
            Target.at_most("demo, second time", again, AGAIN_S, "s"),
        ]
    return Result(
        "demo",
        figures,
        targets,
        "float64",
        0.0 if again is None else first - again,
        None,
        "",
        [Baseline("cores", os.cpu_count() or 1, "1")],
    )


def _seconds(arguments: list[str], environment: dict) -> tuple[float, int]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "experiments", *arguments], env=environment, capture_output=True, check=False
    )
    return time.perf_counter() - began, done.returncode
