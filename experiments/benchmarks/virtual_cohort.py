"""Coverage of intervals on virtual people, made by the fitted circulation and by another.

Unknowns are judged where the posterior SD is at most half the prior SD, pooled with people as clusters; the band is the
nominal level +- 3 standard errors. Intervals of a person who could not be fitted count as misses. Quick: 64 people of each
circulation instead of 256 and 64.
"""

import time
from pathlib import Path

import numpy as np

from calibration.diagnostics.coverage import Coverage, coverage, marks_of
from calibration.fit import FitStatus
from calibration.identifiability import IDENTIFIED_BELOW
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.virtual_cohort import BASELINE, Batch, run_batch

LEVEL, BATCH, SEED = 0.9, 64, 20261123
ARMS = {
    "vasodilator": {"systemic_bed.resistance": (0.78, 0.081)},
    "beta-blocker": {"pacemaker.rate": (0.90, 0.103), "lv.active_elastance": (0.925, 0.075)},
}


def run(data: Path | None, quick: bool) -> Result:
    """Make, fit and treat everybody; the time of a batch once compiled."""
    batches, seconds = {"same": [], "other": []}, []
    for maker, count in (("same", 64 if quick else 256), ("other", 64)):
        for first in range(1, count + 1, BATCH):
            people = [f"{maker[0]}{number:03d}" for number in range(first, first + BATCH)]
            began = time.perf_counter()
            batches[maker].append(run_batch(people, maker, ARMS, SEED))
            seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    run_batch([f"t{number:03d}" for number in range(BATCH)], "same", ARMS, SEED)
    warm = time.perf_counter() - began
    unknowns, share = _unknowns(batches["same"])
    low, high = unknowns.band(LEVEL)
    figures = [
        Figure("coverage of 90 % intervals, identifiable unknowns", unknowns.share, "1"),
        Figure("standard error, people as clusters", unknowns.standard_error, "1"),
        Figure("intervals counted", unknowns.counted, "1"),
        Figure("share of unknowns not identified", share, "1"),
        Figure("seconds for 64 people: make, fit, three arms", warm, "s"),
        Figure("fits not certified as converged", _unconverged(batches["same"]), "1"),
        Figure("fits not certified as converged, other circulation", _unconverged(batches["other"]), "1"),
    ]
    for maker, made in batches.items():
        for arm in (BASELINE, *ARMS):
            found = _derived(made, arm)
            figures.append(Figure(f"coverage of derived quantities, {arm}, {maker} circulation", found.share, "1"))
    lost = _derived(batches["same"], BASELINE).share - _derived(batches["other"], BASELINE).share
    figures.append(Figure("coverage lost at rest with people of the other circulation", lost, "1"))
    targets = [
        Target.between("coverage of 90 % intervals, identifiable unknowns", unknowns.share, low, high, "1")
    ]
    return Result(
        "virtual-cohort",
        figures,
        targets,
        "float64",
        max(0.0, seconds[0] - warm),
        1e-6,
        "relative tolerance of the solver",
        [Baseline("nominal coverage", LEVEL, "1")],
    )


def _unknowns(batches: list[Batch]) -> tuple[Coverage, float]:
    """Pooled coverage of identifiable unknowns, and the share that is not identifiable."""
    inside, counted, unidentified = [], [], []
    for batch in batches:
        lo, hi = (np.asarray(x) for x in batch.fit.interval(LEVEL))
        failed = np.asarray(batch.fit.status) == FitStatus.SOLVE_FAILED
        identified = np.asarray(batch.fit.posterior_sd()) <= IDENTIFIED_BELOW
        inside.append((lo <= batch.truth) & (batch.truth <= hi) & ~failed)
        counted.append((identified | failed) & batch.made)
        unidentified.append((~identified | failed)[:, batch.made])
    share = float(np.concatenate(unidentified, axis=1).mean())
    return coverage(marks_of(np.concatenate(inside, axis=1), np.concatenate(counted, axis=1))), share


def _derived(batches: list[Batch], arm: str) -> Coverage:
    results = [batch.arms[arm] for batch in batches]
    inside = np.concatenate([r.derived.inside(LEVEL) & r.solved for r in results], axis=1)
    counted = np.concatenate([np.broadcast_to(r.made, r.derived.value.shape) for r in results], axis=1)
    return coverage(marks_of(inside, counted))


def _unconverged(batches: list[Batch]) -> int:
    return int(sum((np.asarray(batch.fit.status) != FitStatus.CONVERGED).sum() for batch in batches))
