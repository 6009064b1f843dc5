"""A study turns its part of a scenario into shards, and a shard into result tables.

To add a study: write ``experiments/studies/NAME.py`` with ``build(config, seed, source) -> AbstractStudy``,
give the scenario a table for it (``scenario_schema.py``, ``scenario.py``), and list it in ``STUDIES``.
"""

import abc
import functools
import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from experiments.guard import ROOT
from experiments.scenario import Scenario

Progress = Callable[[str, float | None], None]

# the longest first: its programs compile while the others run
STUDIES = {
    "virtual_cohort": "experiments.studies.virtual_cohort",
    "theophylline": "experiments.studies.theophylline",
    "fsigt": "experiments.studies.fsigt",
}


@dataclass(frozen=True)
class Shard:
    """A piece of a study that is computed, written and recomputed as one.

    study, index   who it belongs to, and its place there
    key            sha256 (hex) of everything that decides its result (``shard_key``)
    label          for people to read
    payload        what the study needs to know about it: small, plain values
    pooled         computed last, from the rows of the study's other shards (``AbstractStudy.pool``)
    """

    study: str
    index: int
    key: str
    label: str
    payload: Mapping[str, object] = field(default_factory=dict)
    pooled: bool = False


class AbstractStudy(abc.ABC):
    """A named list of shards and the way to compute one.

    Building a study reads and checks its data, so that bad input raises InputError before anything is
    written. ``run`` is called from worker threads, for different shards at the same time, and must give the
    same rows for the same shard whatever ran before it. People whose solve or fit fails are rows with a
    status and a reason; an exception fails the whole shard.
    """

    name: str

    @abc.abstractmethod
    def shards(self) -> list[Shard]:
        """All shards, in order; always the same for the same scenario and data."""

    @abc.abstractmethod
    def run(self, shard: Shard, progress: Progress) -> dict[str, list[dict]]:
        """Result rows by table name (``experiments.schemas``); ``progress(message, fraction or None)`` as it
        goes.
        """


def build_studies(scenario: Scenario, source: Path | str) -> list[AbstractStudy]:
    """The studies that the scenario asks for; ``source`` is its file, from which data paths are relative."""
    studies = []
    for name, module in STUDIES.items():
        config = getattr(scenario, name)
        if config is not None:
            studies.append(importlib.import_module(module).build(config, scenario.seed, Path(source)))
    return studies


def shard_key(
    study: str,
    config: object,
    data_hash: str,
    seed: int,
    model_version: str,
    precision: str,
    **identity: object,
) -> str:
    """sha256 (hex) over all that decides a shard's result.

    config         the study's resolved part of the scenario
    data_hash      content of what it reads (``tables.content_hash``), or ""
    model_version  which models, as text
    precision      "float64" or "float32"
    identity       what tells this shard from its neighbours, such as index and people
    """
    decides = {
        "study": study,
        "config": msgspec.to_builtins(config),
        "data": data_hash,
        "seed": seed,
        "code": code_version(),
        "model": model_version,
        "precision": precision,
        "identity": identity,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


@functools.cache
def code_version() -> str:
    """sha256 (hex) of all source text that results depend on, the runner and the report left out."""
    files = [
        *(ROOT / "physio").rglob("*.py"),
        *(ROOT / "calibration").rglob("*.py"),
        *(ROOT / "experiments" / "studies").rglob("*.py"),
        *(ROOT / "experiments" / "problems").rglob("*.py"),
        *(ROOT / "experiments" / name for name in ("csv_cells.py", "scenario.py", "tables.py")),
    ]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
