"""A run folder: what was asked, where it stands, and the result tables, each safe against crashes and damage.

    run.json         provenance and the planned shards
    config.json      the resolved scenario
    manifest.jsonl   one line a finished shard: key, state, files with sha256 and bytes, attempt, seconds
    events.jsonl     what happened when
    tables/          <study>-<index>-<table>.parquet, with page checksums

A table is written under a temporary name, synced, renamed, and only then recorded in the manifest. What the
manifest does not record did not happen.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from calibration.errors import InputError
from experiments import records, schemas
from experiments.parquet_files import decode, encode, fingerprint
from experiments.scenario import Scenario, from_json
from experiments.study import Shard

REPORT = "report.html"
JOURNALS = ("manifest.jsonl", "events.jsonl")


class DamagedResults(RuntimeError):
    """A result file is not what was written; the message names it and says how to get it back."""


@dataclass(frozen=True)
class Damage:
    """``key`` is the shard to compute again; None for a file of the run itself."""

    file: str
    problem: str
    key: str | None = None


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Store:
    """One run folder, opened for reading and writing."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        if not any((self.folder / name).is_file() for name in ("manifest.jsonl", "run.json", "config.json")):
            raise InputError(
                self.folder, problem="not a run folder", expected="a folder that `run` or `demo` made"
            )

    @classmethod
    def create(cls, out: Path | str, scenario: Scenario, source: Path | str, shards: list[Shard]) -> "Store":
        """A new folder ``<name>-<utc>-<cfg8>`` under ``out``, with the plan written down."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        base = f"{scenario.name.replace(' ', '_')}-{stamp}-{scenario.digest()[:8]}"
        folder = _new_folder(Path(out), base)
        (folder / "tables").mkdir()
        config = json.loads(msgspec.json.encode(scenario))
        records.write_document(folder / "config.json", {"scenario": config, "sha256": scenario.digest()})
        (folder / "manifest.jsonl").touch()
        store = cls(folder)
        store.plan(source, scenario, shards)
        return store

    def plan(self, source: Path | str, scenario: Scenario, shards: list[Shard]) -> None:
        """Write down which shards make the run; what ``run.json`` already says is kept."""
        planned = [{"study": s.study, "index": s.index, "key": s.key, "label": s.label} for s in shards]
        self.note(
            name=scenario.name,
            seed=scenario.seed,
            config_sha256=scenario.digest(),
            scenario=str(Path(source).resolve()),
            shards=planned,
        )

    def note(self, **fields: object) -> None:
        """Set fields of ``run.json``; a damaged one is begun anew."""
        try:
            record = self.provenance()
        except DamagedResults:
            record = {}
        records.write_document(self.folder / "run.json", {**record, **fields})

    def provenance(self) -> dict:
        return self._document("run.json")

    def scenario(self) -> Scenario:
        return from_json(json.dumps(self._document("config.json")["scenario"]).encode())

    def _document(self, name: str) -> dict:
        try:
            return records.read_document(self.folder / name)
        except records.DamagedRecord as problem:
            raise DamagedResults(f"{self.folder}: {problem}; run the scenario again") from None

    def event(self, kind: str, **fields: object) -> None:
        records.append(
            self.folder / "events.jsonl", {"time": utc_now(), "event": kind, **fields}, durable=False
        )

    def write_shard(self, shard: Shard, tables: dict[str, list[dict]], attempt: int, seconds: float) -> None:
        """Write a shard's tables and record them; ValueError when a row does not fit its table."""
        arrow = {name: schemas.to_arrow(name, rows) for name, rows in tables.items()}
        files = []
        for name, table in arrow.items():
            content = encode(table)
            file = f"tables/{shard.study}-{shard.index}-{name}.parquet"
            records.write_bytes(self.folder / file, content)
            files.append({**fingerprint(file, content), "table": name, "rows": table.num_rows})
        self._record(shard, "done", attempt, seconds, files=files)

    def write_failure(self, shard: Shard, reason: str, attempt: int, seconds: float) -> None:
        self._record(shard, "failed", attempt, seconds, files=[], reason=reason)

    def _record(self, shard: Shard, state: str, attempt: int, seconds: float, **fields: object) -> None:
        line = {
            "key": shard.key,
            "study": shard.study,
            "index": shard.index,
            "label": shard.label,
            "state": state,
        }
        line |= {"attempt": attempt, "seconds": round(seconds, 3), "time": utc_now(), **fields}
        records.append(self.folder / "manifest.jsonl", line, durable=True)

    def record_report(self) -> None:
        """Record the report that now lies in the folder, so that ``verify`` covers it."""
        files = [fingerprint(REPORT, (self.folder / REPORT).read_bytes())]
        line = {"key": "", "study": "", "index": 0, "state": "report", "time": utc_now(), "files": files}
        records.append(self.folder / "manifest.jsonl", line, durable=True)

    def lines(self) -> list[dict]:
        """All readable manifest lines, oldest first."""
        return records.read_journal(self.folder / "manifest.jsonl")[0]

    def latest(self) -> dict[str, dict]:
        """Shard key -> its newest manifest line, for the planned shards in planned order; unrun shards are
        absent.
        """
        newest = {line["key"]: line for line in self.lines() if line["state"] != "report"}
        return {
            plan["key"]: newest[plan["key"]] for plan in self.provenance()["shards"] if plan["key"] in newest
        }

    def read(self, table: str) -> pa.Table:
        """One result table over all done shards, in planned order; DamagedResults when a file is not as
        written.
        """
        parts = [schemas.SCHEMAS[table].empty_table()]
        for line in self.latest().values():
            for file in line["files"]:
                if file["table"] == table:
                    content, problem = self._content(file)
                    if problem:
                        name = f"{self.folder / file['file']}: {problem}"
                        raise DamagedResults(f"{name}; `somagrad resume {self.folder}` computes it again")
                    parts.append(decode(content))
        return pa.concat_tables(parts)

    def verify(self) -> list[Damage]:
        """Everything recorded that is missing or not as it was written; empty when all is well."""
        found = []
        for name in ("run.json", "config.json"):
            try:
                records.read_document(self.folder / name)
            except records.DamagedRecord as problem:
                found.append(Damage(name, str(problem).partition(": ")[2]))
        for name in JOURNALS:
            for problem in records.read_journal(self.folder / name)[1]:
                found.append(Damage(name, problem.removeprefix(name).strip()))
        found += self._lost_lines()
        newest = {(line["study"], line["index"]): line for line in self.lines()}
        for line in newest.values():
            for file in line["files"]:
                content, problem = self._content(file)
                if not problem and file["file"].endswith(".parquet"):
                    try:
                        decode(content)
                    except (OSError, pa.ArrowException) as unreadable:
                        problem = f"cannot be read: {unreadable}"
                if problem:
                    found.append(Damage(file["file"], problem, line["key"] or None))
        return found

    def _lost_lines(self) -> list[Damage]:
        """A manifest shorter than it was when the run ended, line by line readable or not."""
        with contextlib.suppress(DamagedResults):
            record = self.provenance()
            known = {line["key"] for line in self.lines()}
            lost = [plan for plan in record["shards"] if plan["key"] not in known]
            if record.get("end") and len(self.lines()) < record["manifest_lines"]:
                problem = f"{len(self.lines())} lines instead of {record['manifest_lines']}"
                return [Damage("manifest.jsonl", problem, plan["key"]) for plan in lost] or [
                    Damage("manifest.jsonl", problem)
                ]
        return []

    def tidy(self) -> None:
        """Remove what a killed run left: half-written files, and journal lines that cannot be read."""
        for partial in [*self.folder.glob("*.part"), *(self.folder / "tables").glob("*.part")]:
            partial.unlink()
        for name in JOURNALS:
            records.drop_damaged_lines(self.folder / name)

    def finish(self, status: int) -> None:
        """Write down that the run ended, when, and with which exit status."""
        self.note(end=utc_now(), exit=status, manifest_lines=len(self.lines()))

    def _content(self, file: dict) -> tuple[bytes, str]:
        """(bytes, problem) of a recorded file; the problem is empty when size and sha256 are as recorded."""
        try:
            content = (self.folder / file["file"]).read_bytes()
        except OSError as problem:
            missing = isinstance(problem, FileNotFoundError)
            return b"", "missing" if missing else f"unreadable: {problem.strerror}"
        if len(content) != file["bytes"]:
            return b"", f"{len(content)} bytes instead of {file['bytes']}"
        return content, "" if hashlib.sha256(content).hexdigest() == file[
            "sha256"
        ] else "its sha256 does not fit"

    @contextlib.contextmanager
    def sole_writer(self):
        """Hold the folder: InputError when another process is computing in it."""
        if os.name != "posix":  # no advisory locks there: the user sees to it
            yield
            return
        import fcntl

        with open(self.folder / ".lock", "w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    self.folder, problem="another process is computing in this run folder"
                ) from None
            yield


def _new_folder(out: Path, base: str) -> Path:
    """Make ``out/base``, or ``out/base-2`` and so on when it is taken."""
    out.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        folder = out / (base if number == 1 else f"{base}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise InputError(out, problem=f"there are already 999 runs called {base}")
