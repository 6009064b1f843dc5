"""The command line. ``--help`` loads nothing but the standard library and typer; each verb imports what it
needs.

Exit status: 0 done, 2 bad input and nothing written, 3 done but some people or shards failed, 4 damaged
results, 130 interrupted; 1 when a machine fails (disk full, no permission) or the report could not be
written.
"""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from calibration.errors import InputError
from experiments.jax_setup import loops_on_the_device

ABOUT = """The body as a differentiable program: fit organ models to people, compare what-if arms, report.

Research software, not a medical device.

Exit status: 0 done, 2 bad input (nothing is written), 3 done but some people or shards failed,
4 damaged results, 130 interrupted."""

app = typer.Typer(
    name="somagrad", help=ABOUT, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

INTERRUPTED = 130
DEMO = Path(__file__).resolve().parent / "scenarios" / "demo.toml"

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the run's folder is made.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)]

records = typer.Typer(no_args_is_help=True, help="Fit records of people, and write a page about each.")
app.add_typer(records, name="calibrate")


@app.command()
def demo(
    out: Out = Path("runs"),
    people: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="How many virtual people, and a quarter as many of the other model."
        ),
    ] = None,
) -> int:
    """Run the demonstration: real people fitted, doses compared, virtual people with known truth."""
    from experiments import run

    sizes = ()
    if people is not None:
        sizes = (f"virtual_cohort.people={people}", f"virtual_cohort.people_of_other_model={-(-people // 4)}")
    return run.start(DEMO, out, sizes)


@app.command("run")
def run_scenario(
    scenario: Annotated[
        Path, typer.Argument(metavar="SCENARIO.toml", help="What to run.", show_default=False)
    ],
    out: Out = Path("runs"),
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value, such as fsigt.starts=8."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the shards; run and write nothing.")
    ] = False,
) -> int:
    """Run a scenario."""
    from experiments import run

    return run.start(scenario, out, tuple(set_ or ()), dry_run)


@app.command()
def resume(folder: Run) -> int:
    """Compute what is missing, failed or damaged in a run, and write its report again."""
    from experiments import run

    return run.resume(folder)


@app.command()
def status(folder: Run) -> None:
    """Say which shards are done, failed or still to come, and which people failed."""
    from experiments.run import failures
    from experiments.store import Store

    store = Store(folder)
    record, latest = store.provenance(), store.latest()
    for plan in record["shards"]:
        line = latest.get(plan["key"], {"state": "to come"})
        took = f", {line['seconds']} s, attempt {line['attempt']}" if "seconds" in line else ""
        print(f"{line['state']:7} {plan['study']} {plan['label']}{took}")
    done = sum(line["state"] == "done" for line in latest.values())
    print(f"{done} of {len(record['shards'])} shards done; exit status {record.get('exit')}")
    for line in failures(store):
        print(f"failed  {line}")


@app.command()
def verify(folder: Run) -> int:
    """Read every result and compare it with what was written; exit 4 and name what is damaged."""
    from experiments.store import Store

    damages = Store(folder).verify()
    for damage in damages:
        print(f"damaged  {folder / damage.file}: {damage.problem}", file=sys.stderr)
    if damages:
        print(f"compute it again with: python -m experiments resume {folder}", file=sys.stderr)
        return 4
    print(f"everything recorded in {folder} is as it was written")
    return 0


@app.command()
def report(folder: Run) -> None:
    """Write a run's report again from its results."""
    from experiments.run import write_report
    from experiments.store import REPORT, Store

    write_report(Store(folder))
    print(folder / REPORT)


@app.command()
def bench(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which benchmark.", show_default=False)
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name them all, one line each.")] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="Run them all; one table of targets met and missed.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Data of the same layout as the benchmark's own.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the JSON line only.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller version, for tests.")] = False,
) -> int:
    """Run a benchmark; the last line printed is one JSON object."""
    from experiments.benchmarks import show

    if [bool(name), list_, all_].count(True) != 1:
        raise InputError("bench", problem="one of NAME, --list and --all is needed")
    if list_:
        show.list_all()
    elif all_:
        return 0 if show.run_all(quick, json_) else 1
    else:
        show.run_one(name, data, quick, json_)
    return 0


@records.command()
def t1d(
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Exports of sensor, pump and diary.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where pages and table are written.")] = Path("twins"),
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="This person only.", show_default=False)
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="This day only.", show_default=False
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many days a person, the latest.")] = 3,
) -> int:
    """Type 1 diabetes: fit days by two families of models, ask three what-ifs, write a page a person."""
    from experiments.t1d.calibrate import calibrate

    return calibrate(data, out, person, day and day.date(), days)


@records.command()
def tumour(
    data: Annotated[
        Path,
        typer.Option(metavar="FOLDER_OR_CSV", help="Sizes of tumours or a marker, a reading a row.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page and table are written.")] = Path("tumours"),
) -> int:
    """Tumours: forecast the last readings of each, sizes or a marker, from the earlier ones; write one page."""
    from experiments.tumour.calibrate import calibrate

    return calibrate(data, out)


@records.command()
def scans(
    scans: Annotated[
        Path, typer.Option(metavar="CSV", help="day,file,labels: a NIfTI segmentation a row.", show_default=False)
    ],
    tissue: Annotated[
        Path, typer.Option(metavar="NIFTI", help="0 outside, 1 CSF, 2 grey, 3 white matter.", show_default=False)
    ],
    doses: Annotated[
        Path | None, typer.Option(metavar="CSV", help="day,channel,amount_gy: a dose a row.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page, table and map are written.")] = Path("scans"),
    outline: Annotated[float, typer.Option(metavar="MM", help="How far outlines of segmentations err, as an SD.")] = 1.0,
) -> int:
    """Segmentations of a brain tumour: fit its spread and growth, forecast the last scan; write one page."""
    from experiments.scans.calibrate import calibrate

    return calibrate(scans, tissue, doses, out, outline)


@app.command()
def doctor(out: Out = Path("runs")) -> int:
    """Check this machine: versions, devices, folders, disk; exit 1 when something fails."""
    from experiments.doctor import examine

    findings = examine(out)
    for finding in findings:
        print(finding)
    return int(any(finding.state == "fail" for finding in findings))


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario."""
    import json

    from experiments.scenario_schema import json_schema

    print(json.dumps(json_schema(), indent=2))


def _stop(message: str, status: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; a user's mistake is one line on standard error."""
    loops_on_the_device()
    try:
        status = app(arguments, standalone_mode=False)
    except InputError as problem:
        _stop(str(problem), 2)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Exception as problem:
        _explain(problem)
    if status == INTERRUPTED:  # typer may turn Ctrl-C into this status
        print("\ninterrupted before any result was written", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # threads that compute are not waited for
    sys.exit(status if isinstance(status, int) else 0)


def _explain(problem: Exception) -> NoReturn:
    """Exit with one line for what can go wrong on a sound program; a bug keeps its traceback."""
    if hasattr(problem, "show") and hasattr(problem, "exit_code"):  # typer's own usage errors
        message = " ".join(problem.format_message().split())
        if message:
            _stop(f"{message} See --help.", problem.exit_code)
        sys.exit(problem.exit_code)  # no arguments: the help has been shown
    if isinstance(problem, OSError):
        _stop(f"{problem.filename or 'system'}: {problem.strerror or problem}", 1)
    if "experiments.store" in sys.modules and isinstance(
        problem, sys.modules["experiments.store"].DamagedResults
    ):
        _stop(str(problem), 4)
    raise problem
