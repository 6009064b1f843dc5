"""The rows of a run, sorted by study, and who in it is ok."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from experiments.schemas import SCHEMAS
from experiments.store import Store

TRUTH = "truth"
# Rows under these names speak of a whole group, not of a person.
GROUPS = ("all", "all-same", "all-other")


@dataclass
class Study:
    """One study's rows, table by table; numbers that are not finite read as None."""

    name: str
    tables: dict[str, list[dict]] = field(default_factory=lambda: {table: [] for table in SCHEMAS})

    def rows(self, table: str, **equal: object) -> list[dict]:
        """The rows whose columns equal the given values."""
        return [row for row in self.tables[table] if all(row[key] == value for key, value in equal.items())]

    def people(self) -> list[str]:
        """Everybody in the study, once, in the order of their rows."""
        named = (
            row["patient"]
            for table in ("fits", "items", "observations", "series")
            for row in self.tables[table]
        )
        return [patient for patient in dict.fromkeys(named) if patient not in GROUPS]

    def synthetic(self, patient: str) -> bool:
        """Whether a person is made up; a group is when anybody in the study is."""
        tables = ("fits", "items", "observations", "series")
        return any(
            row["synthetic"]
            for table in tables
            for row in self.tables[table]
            if row["patient"] == patient or patient in GROUPS
        )

    def failures(self) -> list[dict]:
        """Each (person, status, reason) that is not ok once, with what it touches."""
        found: dict[tuple, dict] = {}
        for table, what in (("fits", "parameter"), ("items", "quantity")):
            for row in self.tables[table]:
                if row["status"] != "ok":
                    key = (row["patient"], row["status"], row["reason"] or "no reason given")
                    entry = found.setdefault(
                        key, {"study": self.name, "synthetic": row["synthetic"], "touches": []}
                    )
                    arm = f" ({row['arm']})" if row.get("arm") else ""
                    entry["touches"].append(row[what] + arm)
        named = ("patient", "status", "reason")
        return [dict(zip(named, key, strict=True)) | entry for key, entry in found.items()]

    def failed(self) -> set[str]:
        """People with at least one row that is not ok."""
        rows = self.tables["fits"] + self.tables["items"]
        return {row["patient"] for row in rows if row["status"] != "ok"} - set(GROUPS)


@dataclass
class Results:
    """All of a run that the report shows."""

    provenance: dict
    studies: dict[str, Study]
    shards: list[dict]

    def failures(self) -> list[dict]:
        """Failed shards first, then people."""
        lost = [
            {
                "study": _name(plan),
                "patient": f"everybody in {plan['label']}",
                "synthetic": None,
                "touches": [],
            }
            | {"status": f"shard {plan['state']}", "reason": plan["reason"]}
            for plan in self.shards
            if plan["state"] != "done"
        ]
        return lost + [row for study in self.studies.values() for row in study.failures()]


def load(run_folder: Path | str) -> Results:
    """Read a run folder; DamagedResults when a recorded file is not as it was written."""
    store = Store(run_folder)
    studies: dict[str, Study] = {}
    for table in SCHEMAS:
        for row in store.read(table).to_pylist():
            name = _name(row)
            studies.setdefault(name, Study(name)).tables[table].append(_finite(row))
    provenance = store.provenance()
    latest = store.latest()
    unrun = {"state": "not run", "reason": "the run stopped before it; `somagrad resume` computes it"}
    shards = [
        {**plan, "reason": "", **latest.get(plan["key"], unrun)} for plan in provenance.get("shards", [])
    ]
    return Results(provenance, studies, shards)


def _name(row: dict) -> str:
    """One name for a study, whether its key in the scenario or its name in the tables."""
    return row["study"].replace("_", "-")


def _finite(row: dict) -> dict:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def by(rows: list[dict], *columns: str) -> dict:
    """Rows grouped by one column's value, or by a tuple of several."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)].append(row)
    return dict(groups)


def known(row: dict, *columns: str) -> bool:
    """Whether all of these numbers are there."""
    return all(row[column] is not None for column in columns)


def spread(rows: list, most: int) -> list:
    """At most ``most`` of them, evenly spaced, first and last included."""
    if len(rows) <= most:
        return rows
    return [rows[round(index * (len(rows) - 1) / (most - 1))] for index in range(most)]
