"""Run a scenario's shards, write each as it ends, and finish with the report.

Worker threads compute (``experiments.pool``); the main thread alone writes, so that the folder has one
writer. A shard that raises becomes a failed line in the manifest and the others go on.
"""

import contextlib
import dataclasses
import importlib
import itertools
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

from calibration.errors import InputError
from experiments import study
from experiments.jax_setup import keep_compiled_programs
from experiments.pool import News, compute, in_background, one_line
from experiments.scenario import load
from experiments.store import REPORT, DamagedResults, Store, utc_now
from experiments.study import AbstractStudy, Shard

OK, STOPPED, FAILED, INTERRUPTED = 0, 1, 3, 130
MOST_LINES = 5


def start(path: Path, out: Path, overrides: tuple[str, ...] = (), dry_run: bool = False) -> int:
    """Run a scenario into a new folder under ``out``; the exit status. Bad input raises before that."""
    scenario = load(path, overrides)
    workers = worker_count()
    _keep_programs()
    studies = study.build_studies(scenario, path)
    shards = _in_turn(studies)
    if dry_run:
        for shard in shards:
            print(f"{shard.study} {shard.label}  {shard.key[:12]}")
        print(
            f"{len(shards)} shards of {len(studies)} studies on {workers} threads; nothing was run or written"
        )
        return OK
    store = Store.create(out, scenario, path, shards)
    with store.sole_writer():
        return _execute(store, studies, shards, workers)


def resume(folder: Path) -> int:
    """Compute what is missing or damaged in a run folder, and write the report again; the exit status."""
    _keep_programs()
    store, workers = Store(folder), worker_count()
    with store.sole_writer():
        scenario, source = store.scenario(), Path(_source(store))
        studies = study.build_studies(scenario, source)
        shards = _in_turn(studies)
        damaged = {damage.key for damage in store.verify()}
        store.tidy()
        store.plan(source, scenario, shards)
        done = {key for key, line in store.latest().items() if line["state"] == "done"} - damaged
        again = {shard.study for shard in shards if shard.key not in done}
        pending = [shard for shard in shards if shard.key not in done or (shard.pooled and shard.study in again)]
        print(
            f"{len(shards) - len(pending)} of {len(shards)} shards are done and sound, {len(pending)} to "
            f"compute"
        )
        return _execute(store, studies, pending, workers)


def write_report(store: Store) -> None:
    """Write the report of a run folder from its results, and record it."""
    importlib.import_module("experiments.report").write(store.folder)
    if (store.folder / REPORT).is_file():
        store.record_report()


def worker_count() -> int:
    """How many shards are computed at once: SOMAGRAD_WORKERS, else 2, at most the number of cores."""
    text = os.environ.get("SOMAGRAD_WORKERS", "")
    if not text:
        return min(2, os.cpu_count() or 1)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1024:
        raise InputError(
            "SOMAGRAD_WORKERS", problem=f"found {text!r}", expected="a whole number from 1 to 1024"
        )
    return int(text)


def failures(store: Store) -> list[str]:
    """One line for each failed shard and each person with a fit or an item that is not ok."""
    lines = [
        f"shard {line['study']} {line['label']}: {line['reason']}"
        for line in store.latest().values()
        if line["state"] == "failed"
    ]
    people: dict[tuple[str, str], str] = {}
    columns = ["study", "patient", "status", "reason"]
    for row in [row for table in ("fits", "items") for row in store.read(table).select(columns).to_pylist()]:
        if row["status"] != "ok":
            people.setdefault(
                (row["study"], row["patient"]), f"{row['status']}: {row['reason'] or 'no reason given'}"
            )
    return lines + [f"person {patient} of {name}: {why}" for (name, patient), why in people.items()]


def _in_turn(studies: list[AbstractStudy]) -> list[Shard]:
    """All shards, one of each study in turn, so that different programs are compiled side by side."""
    rounds = itertools.zip_longest(*(one.shards() for one in studies))
    return [shard for turn in rounds for shard in turn if shard is not None]


def _keep_programs() -> None:
    if warning := keep_compiled_programs():
        print(f"warning: {warning}", file=sys.stderr)


def _source(store: Store) -> str:
    try:
        return store.provenance()["scenario"]
    except DamagedResults:
        return str(store.folder / "config.json")  # packaged data needs no place to start from


def _execute(store: Store, studies: list[AbstractStudy], pending: list[Shard], workers: int) -> int:
    began = time.monotonic()
    try:
        store.note(start=utc_now(), end=None, exit=None, **in_background(_provenance))
        store.event("start", pending=len(pending))
        named = {one.name: one for one in studies}
        _compute(store, named, [shard for shard in pending if not shard.pooled], workers)
        for shard in (shard for shard in pending if shard.pooled):
            _pool(store, named[shard.study], shard)
        status = _tell_failures(store)
        try:
            in_background(lambda: write_report(store))
        except Exception as problem:
            store.event("report failed", reason=one_line(problem), traceback=traceback.format_exc())
            print(f"the report failed: {one_line(problem)}; the results are complete", file=sys.stderr)
            status = status or STOPPED
        store.finish(status)
        store.event("end", exit=status, seconds=round(time.monotonic() - began, 3))
    except KeyboardInterrupt:
        _leave(store, "interrupted", INTERRUPTED)
    except OSError as problem:
        _leave(store, f"cannot write results: {problem.strerror or problem}", STOPPED)
    print(f"results  {store.folder}")
    if (store.folder / REPORT).is_file():
        print(f"report   {store.folder / REPORT}")
    print(f"finished in {time.monotonic() - began:.1f} s")
    return status


def _provenance() -> dict:
    from experiments.provenance import gather

    return gather()


def _leave(store: Store, why: str, status: int) -> NoReturn:
    """End the process now: worker threads may be deep inside a compilation that nothing else can stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        store.event("stopped", reason=why)
    print(f"\n{why}; finish it with: python -m experiments resume {store.folder}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _compute(store: Store, studies: dict[str, AbstractStudy], pending: list[Shard], workers: int) -> None:
    from experiments.progress import make_progress

    before = [line["key"] for line in store.lines()]
    progress = make_progress(len(pending))
    try:
        for news in compute(pending, lambda shard, step: studies[shard.study].run(shard, step), workers):
            shard = news.shard
            if news.kind == "started":
                progress.started(shard)
                store.event("shard started", study=shard.study, label=shard.label)
            elif news.kind == "moved":
                progress.moved(shard, news.message, news.fraction)
            else:
                state = _record(store, news, before.count(shard.key) + 1)
                progress.ended_with(shard, state, news.seconds)
    finally:
        progress.close()


def _pool(store: Store, study: AbstractStudy, shard: Shard) -> None:
    """Compute and write a pooled shard from what its study's other shards have written."""
    began = time.monotonic()

    def rows(table: str) -> list[dict]:
        return [row for row in store.read(table).to_pylist() if row["study"] == shard.study]

    try:
        news = News("done", shard, tables=study.pool(rows))
    except Exception as problem:
        news = News("failed", shard, reason=one_line(problem), trace=traceback.format_exc())
    attempt = [line["key"] for line in store.lines()].count(shard.key) + 1
    _record(store, dataclasses.replace(news, seconds=time.monotonic() - began), attempt)


def _record(store: Store, news: News, attempt: int) -> str:
    """Write a shard's tables or its failure; the state it ended in."""
    shard, reason, trace = news.shard, news.reason, news.trace
    if news.kind == "done":
        try:
            store.write_shard(shard, news.tables, attempt, news.seconds)
            store.event("shard done", study=shard.study, label=shard.label, seconds=round(news.seconds, 3))
            return "done"
        except (ValueError, TypeError, AttributeError) as problem:  # rows that do not fit their table
            reason, trace = one_line(problem), traceback.format_exc()
    store.write_failure(shard, reason, attempt, news.seconds)
    store.event("shard failed", study=shard.study, label=shard.label, reason=reason, traceback=trace)
    return "failed"


def _tell_failures(store: Store) -> int:
    lines = failures(store)
    for line in lines[:MOST_LINES]:
        print(f"failed   {line}", file=sys.stderr)
    if len(lines) > MOST_LINES:
        rest = len(lines) - MOST_LINES
        print(f"failed   and {rest} more: `python -m experiments status {store.folder}`", file=sys.stderr)
    return FAILED if lines else OK
