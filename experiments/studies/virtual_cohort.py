"""Virtual people with known truth: fitted from noisy readings, then treated; how often the intervals hold the truth.

People "s001", "s002", ... are made by the circulation that fits them, "o001", ... by another. A person's numbers depend on
the seed and the name alone, so shards may be cut anywhere.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numpy as np

from calibration.diagnostics.coverage import coverage
from calibration.errors import InputError
from calibration.fit import FitStatus
from experiments.problems.circulation import DERIVED, FREE
from experiments.problems.virtual_cohort import BASELINE, MAKERS, Batch, run_batch
from experiments.scenario import VirtualCohort
from experiments.studies.rows import NOT_QUANTIFIED, fit_rows, item, plain, series
from experiments.study import AbstractStudy, Progress, Shard, shard_key
from physio.bodies import regazzoni, shi_hose

LETTER = {"same": "s", "other": "o"}
GROUP = {"same": "all-same", "other": "all-other"}
MODELS = f"{regazzoni.VERSION}, {shi_hose.VERSION}"
SHOWN_LOOPS = 3
CHANGE = "change in "
BAND = "nominal +- 3 SE, people as clusters"
DELTA = "Levenberg-Marquardt, Laplace (gauss newton), first derivatives"


class CohortStudy(AbstractStudy):
    """Shards of equal size share their compiled programs; the last shard pools them."""

    name = "virtual-cohort"

    def __init__(self, config: VirtualCohort, seed: int, source: Path):
        self.config, self.seed = config, seed
        body = regazzoni.regazzoni_at_any_rate()
        for number, arm in enumerate(config.arms):
            for place, effect in enumerate(arm.effects):
                if effect.parameter not in body.parameters:
                    near = ", ".join(FREE)
                    field = f"virtual_cohort.arm.{number}.effect.{place}.parameter"
                    raise InputError(source, None, field, f"no parameter {effect.parameter!r}", f"one of {near}")
        self.arms = {arm.name: {e.parameter: (e.times, e.cv) for e in arm.effects} for arm in config.arms}

    def shards(self) -> list[Shard]:
        cut = {"same": [], "other": []}
        for maker, count in (("same", self.config.people), ("other", self.config.people_of_other_model)):
            people = [f"{LETTER[maker]}{number:03d}" for number in range(1, count + 1)]
            for at in range(0, len(people), self.config.shard):
                chunk = people[at : at + self.config.shard]
                key = shard_key(
                    self.name, self._deciding(), "", self.seed, MODELS, "float64", maker=maker, people=chunk
                )
                label = f"{chunk[0]} to {chunk[-1]}, made by the {maker} circulation"
                cut[maker].append((key, label, {"maker": maker, "people": chunk}))
        # the other circulation comes second: it compiles its own program while the first shard compiles the fit
        order = [*cut["same"][:1], *cut["other"], *cut["same"][1:]]
        found = [Shard(self.name, index, *shard) for index, shard in enumerate(order)]
        members = [shard.key for shard in found]
        key = shard_key(self.name, self._deciding(), "", self.seed, MODELS, "float64", pooled=members)
        return [*found, Shard(self.name, len(found), key, "coverage over all people", pooled=True)]

    def _deciding(self) -> dict:
        """What decides one shard's rows, without how many other people there are."""
        return {"level": self.config.level, "shard": self.config.shard, "arms": self.arms}

    def run(self, shard: Shard, progress: Progress) -> dict[str, list[dict]]:
        people, maker = list(shard.payload["people"]), str(shard.payload["maker"])
        # the last shard is filled up with people nobody keeps, so that it runs the program of the others
        spare = [f"spare {number}" for number in range(self.config.shard - len(people))]
        batch = run_batch([*people, *spare], maker, self.arms, self.seed, progress)
        fits = fit_rows(
            self.name, people, batch.fit, self.config.level, synthetic=True, truth=batch.truth
        )
        for lane, person in enumerate(people):
            if not batch.made[lane]:
                for row in (row for row in fits if row["patient"] == person):
                    row.update(status="failed", reason="the true person could not be solved", lo=None, hi=None, truth=None)
                    row["method"] = NOT_QUANTIFIED
        items, loops = [], []
        for arm in batch.arms:
            for lane, person in enumerate(people):
                items += self._items(batch, arm, lane, person)
                if lane < SHOWN_LOOPS and batch.arms[arm].solved[lane]:
                    loops += self._loops(batch, arm, lane, person)
        return {"fits": fits, "items": items, "series": loops}

    def _items(self, batch: Batch, arm: str, lane: int, person: str) -> list[dict]:
        result, out = batch.arms[arm], []
        fitted = int(batch.fit.status[lane]) != FitStatus.SOLVE_FAILED and batch.made[lane]
        estimates = [("", result.derived)] if arm == BASELINE else [("", result.derived), (CHANGE, result.change)]
        for prefix, estimate in estimates:
            for k, (quantity, unit) in enumerate(DERIVED.items()):
                row = partial(item, self.name, person, arm, prefix + quantity, unit, synthetic=True)
                lo, hi = self._bounds(estimate.value[k, lane], estimate.sd[k, lane])
                if result.made[lane]:
                    out.append(row(estimate.truth[k, lane], method="truth"))
                if result.solved[lane] and fitted and lo is not None:
                    bounds = {"lo": lo, "hi": hi, "level": self.config.level}
                    out.append(row(estimate.value[k, lane], **bounds, method=DELTA))
                else:
                    why = "the beat of the true or of the fitted person did not close in this arm"
                    out.append(row(math.nan, status="failed", reason=why))
        return out

    def _bounds(self, value, sd):
        """The interval, or (None, None) where it is not finite."""
        reach = NormalDist().inv_cdf(0.5 + 0.5 * self.config.level) * sd
        return (None, None) if plain(reach) is None else (plain(value - reach), plain(value + reach))

    def _loops(self, batch: Batch, arm: str, lane: int, person: str) -> list[dict]:
        result, out = batch.arms[arm], []
        phase = np.linspace(0.0, 1.0, result.volume.value.shape[0])
        for name, unit, path in (("lv volume", "mL", result.volume), ("lv pressure", "mmHg", result.pressure)):
            row = partial(series, self.name, person, synthetic=True)
            reach = NormalDist().inv_cdf(0.5 + 0.5 * self.config.level) * path.sd[:, lane]
            value = path.value[:, lane]
            bounds = {"lo": value - reach, "hi": value + reach, "level": self.config.level}
            out.append(row(arm, name, unit, "1", phase, value, **bounds))
            if arm == BASELINE:
                out.append(row("truth", name, unit, "1", phase, path.truth[:, lane]))
        return out

    def pool(self, rows: Callable[[str], list[dict]]) -> dict[str, list[dict]]:
        """Coverage of unknowns (same circulation) and of derived quantities (both), and the share not identified.

        A person who could not be fitted, or treated, is in every denominator, and never covered.
        """
        fits, items = rows("fits"), rows("items")
        out = []
        for maker in MAKERS:
            mine = [row for row in fits if row["patient"].startswith(LETTER[maker])]
            if not mine:
                continue
            group = GROUP[maker]
            unidentified = np.mean([not row["identifiable"] for row in mine])
            how = {"method": "counted: posterior SD above half the prior SD", "synthetic": True}
            out.append(item(self.name, group, "coverage", "share not identified", "1", unidentified, **how))
            known = [row for row in mine if row["truth"] is not None]
            counted = [r for r in known if r["identifiable"] or r["lo"] is None]
            for name, here in (("pooled", counted), *((n, [r for r in known if r["parameter"] == n]) for n in FREE)):
                out += self._coverage(group, name, [(r["patient"], _holds(r, r["truth"])) for r in here])
            out += self._derived(group, LETTER[maker], items)
        return {"items": out}

    def _derived(self, group: str, letter: str, items: list[dict]) -> list[dict]:
        """Coverage of derived quantities at rest, and pooled over them and over their changes in every arm."""
        mine = [row for row in items if row["patient"].startswith(letter)]
        truth = {(r["patient"], r["arm"], r["quantity"]): r["value"] for r in mine if r["method"] == "truth"}
        held: dict[tuple[str, str], list] = {}
        for row in mine:
            true = truth.get((row["patient"], row["arm"], row["quantity"]))
            if row["method"] == "truth" or true is None:
                continue
            inside = (row["patient"], _holds(row, true))
            changed = row["quantity"].startswith(CHANGE)
            held.setdefault((row["arm"], "changes" if changed else "derived quantities"), []).append(inside)
            if row["arm"] == BASELINE:
                held.setdefault((row["arm"], row["quantity"]), []).append(inside)
        out = []
        for (arm, quantity), marks in held.items():
            name = f"{quantity}, {arm}" if quantity in ("derived quantities", "changes") else quantity
            out += self._coverage(group, name, marks)
        return out

    def _coverage(self, group: str, quantity: str, marks: list[tuple[str, bool]]) -> list[dict]:
        """One coverage row from (person, truth inside) marks; nothing was counted without marks."""
        if not marks:
            return []
        found = coverage(marks)
        low, high = found.band(self.config.level)
        bounds = {"lo": low, "hi": high, "level": self.config.level}
        return [item(self.name, group, "coverage", quantity, "1", found.share, **bounds, method=BAND, synthetic=True)]


def _holds(row: dict, truth: float) -> bool:
    """Whether the row's interval holds it; a row without an interval holds nothing."""
    return row["lo"] is not None and row["lo"] <= truth <= row["hi"]


def build(config: VirtualCohort, seed: int, source: Path) -> AbstractStudy:
    """The study of a scenario's [virtual_cohort] table."""
    return CohortStudy(config, seed, source)
