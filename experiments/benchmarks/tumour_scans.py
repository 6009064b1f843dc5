"""Segmentations of virtual people whose outlines err: do intervals of ``scanned_field`` hold, are forecasts better?

Coverage of 90 % intervals with its standard error, of D, rho, their ratio, 2 sqrt(D rho), the speed of the visible edge
and the hidden last volume; and how far off forecasts are beside the mask before carried forward. People
are those of ``outlined_people``; without the atlas a ball of shells is used. The quick run makes and scans two, and fits none:
a person's fits take minutes where nothing is compiled.

Units: 1, s.
"""

from pathlib import Path

import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems.brain_labels import brain_labels
from experiments.problems.outlined_people import ALONE, SPACING, TOLD, Outlined, outlined_people, segmented_people

SEED, COUNT = 7, 50
ASKED = "coverage of 90 % intervals of the visible edge's speed"


def run(data: Path | None, quick: bool) -> Result:
    labels, atlas = brain_labels(data)
    if quick:
        scanned = segmented_people(_sampled(labels), 2, SEED)
        grown = [scans[-1].volume / scans[0].volume for scans in scanned]
        seen = [Figure("virtual people", len(scanned), "1"), Figure("last volume over first, least", min(grown), "1")]
        return Result("tumour-scans", seen, [Target.not_run(ASKED, "0.85 to 0.95", "nobody is fitted")], "float64", 0.0, None)
    people = outlined_people(_sampled(labels), COUNT, SEED)
    good = [p for p in people if p.converged]
    inside, alone = (_inside(np.stack(rows)) for rows in ([p.told for p in good], [p.alone for p in good]))
    edge, volume = _inside(np.stack([p.edge for p in good])), np.stack([p.volume for p in good])
    held = (volume[:, 2] <= volume[:, 0]) & (volume[:, 0] <= volume[:, 3])
    carried = np.asarray([p.carried for p in good])
    figures = [
        Figure("brain is the atlas", atlas, "1"),
        Figure("virtual people", len(people), "1"),
        Figure("all three fits converged", len(good), "1"),
        Figure("warned of a coarse grid", float(np.mean([p.warned for p in people])), "1"),
        Figure("three fits and the forecast of a person, median", float(np.median([p.seconds for p in people])), "s"),
        *(figure for k, name in enumerate(TOLD) for figure in _covered(name, inside[:, k])),
        *(Figure(f"told by scans, {name}", float(np.mean([p.sure[k] for p in good])), "1") for k, name in enumerate(TOLD)),
        *(figure for k, name in enumerate(ALONE) for figure in _covered(f"{name} of the first scan alone", alone[:, k])),
        *_covered("speed of the visible edge", edge),
        *_covered("the last volume, hidden", held),
        Figure("last volume off by, median", _off(volume[:, 1], volume[:, 0]), "1"),
        Figure("Dice of the forecast, mean", _dice(good, 0), "1"),
    ]
    baselines = [
        Baseline("last volume off by, median, mask before carried forward", _off(carried, volume[:, 0]), "1"),
        Baseline("Dice of the mask before carried forward, mean", _dice(good, 1), "1"),
    ]
    share = float(edge.mean())
    target = Target.between(ASKED, share, 0.85, 0.95, "")
    return Result("tumour-scans", figures, [target], "float64", 0.0, None, baselines=baselines)


def _sampled(labels: np.ndarray) -> np.ndarray:
    """From 1 mm to ``SPACING``: the label of the nearest voxel."""
    nearest = [((np.arange(int(n / SPACING)) + 0.5) * SPACING).astype(int) for n in labels.shape]
    return labels[np.ix_(*nearest)]


def _inside(rows: np.ndarray) -> np.ndarray:
    """(people, numbers) from (people, numbers, 3): truth, low and high."""
    return (rows[..., 1] <= rows[..., 0]) & (rows[..., 0] <= rows[..., 2])


def _covered(name: str, inside: np.ndarray) -> list[Figure]:
    """People are the only thing that is drawn: one interval each."""
    share = float(inside.mean())
    error = float(np.sqrt(share * (1.0 - share) / len(inside)))
    return [Figure(f"coverage of 90 % intervals, {name}", share, "1"), Figure(f"its standard error, {name}", error, "1")]


def _off(said: np.ndarray, read: np.ndarray) -> float:
    return float(np.median(np.abs(said / read - 1.0)))


def _dice(people: list[Outlined], which: int) -> float:
    return float(np.mean([p.dice[which] for p in people]))
