import json
import subprocess
import sys
import time

import pytest

HEAVY = ("jax", "numpy", "pyarrow", "matplotlib", "msgspec", "rich.progress")


def test_help_is_fast(somagrad):
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        ended = somagrad("--help")
        seconds.append(time.perf_counter() - began)
        assert ended.returncode == 0
        assert "Research software, not a medical device." in ended.stdout
    assert min(seconds) <= 0.6
    for verb in ("demo", "run", "resume", "status", "verify", "report", "bench", "calibrate", "doctor", "schema"):
        assert f" {verb} " in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["bench", "--list"], ["run", "--help"], ["calibrate", "t1d", "--help"], ["calibrate", "tumour", "--help"]],
)
def test_nothing_heavy_is_imported(environment, arguments):
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print([name for name in {HEAVY!r} if name in sys.modules], "
        f"file=sys.stderr))\n"
        f"from experiments.cli import main\nmain({arguments!r})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0
    assert ended.stderr.strip() == "[]"


def test_schema_is_json_schema(somagrad):
    schema = json.loads(somagrad("schema").stdout)
    assert schema["title"] == "somagrad scenario"
    assert schema["$defs"]["TheophyllineTable"]["additionalProperties"] is False
    assert schema["$defs"]["TheophyllineTable"]["properties"]["level"]["exclusiveMaximum"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runn"], "error: No such command 'runn'. Did you mean 'run'? See --help."),
        (["run"], "error: Missing argument 'SCENARIO.toml'. See --help."),
        (["run", "none.toml"], "error: none.toml: no such file; expected a scenario in TOML"),
        (["resume", "none"], "error: none: not a run folder; expected a folder that `run` or `demo` made"),
        (["verify", "none"], "error: none: not a run folder; expected a folder that `run` or `demo` made"),
        (["bench"], "error: bench: one of NAME, --list and --all is needed"),
        (
            ["bench", "fsgt"],
            "error: bench: fsgt: no such benchmark (did you mean `fsigt`?); expected "
            "circulation-reference, fsigt, glucose-reference, pk-closed-forms, virtual-cohort, "
            "solver-nonstiff, solver-stiff, solver-isolation, solver-gradient, solver-compile, solver-order, "
            "solver-periodic, solver-gpu, nlme-wang, nlme-classic, nlme-scale, assimilation, identifiability, sampling, coverage, multistart, "
            "t1d-whatif, t1d-mismatch, t1d-real, t1d-speed, tumour-closed-forms, tumour-mice, tumour-nsclc, tumour-psa, "
            "tumour-3d, tumour-plan, tumour-scans, demo",
        ),
        (
            ["calibrate", "tumour", "--data", "none"],
            "error: none: no such file or folder; expected a CSV with the columns mouse, day, volume_mm3 or pid, arm, "
            "t_weeks, diam_mm, vol_mm3 or patient, day, psa_ng_ml, abiraterone_on",
        ),
        (
            ["bench", "fsigt", "--data", "none"],
            "error: none: no such file or folder; expected the benchmark's data",
        ),
    ],
)
def test_mistakes_are_one_line(somagrad, arguments, message):
    ended = somagrad(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines() == [message]
    assert not list(somagrad.place.iterdir())


def test_no_arguments_show_the_help(somagrad):
    ended = somagrad()
    assert ended.returncode == 2 and "Usage" in ended.stdout and not ended.stderr


def test_doctor_names_versions_and_folders(somagrad):
    ended = somagrad("doctor")
    assert ended.returncode == 0, ended.stdout
    lines = ended.stdout.splitlines()
    assert all(line[:4] in ("ok  ", "warn", "fail") for line in lines)
    for what in (
        "python",
        "jax",
        "jaxlib",
        "packages",
        "devices",
        "float64",
        "compiled programs",
        "disk",
        "writing",
    ):
        assert any(line[5:].startswith(f"{what}:") for line in lines), what
    assert not list(somagrad.place.iterdir())


def test_doctor_reports_an_unwritable_cache(environment, tmp_path):
    (tmp_path / "file").touch()
    environment |= {"SOMAGRAD_CACHE": str(tmp_path / "file" / "below"), "JAX_COMPILATION_CACHE_DIR": ""}
    command = [sys.executable, "-m", "experiments", "doctor"]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "warn compiled programs" in ended.stdout and "set SOMAGRAD_CACHE" in ended.stdout
