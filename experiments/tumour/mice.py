"""Volumes of untreated animals: Gompertz's law from 1 mm3 at day 0, whose two numbers scatter together in a population.

Up to twenty times some animals are left out and a population is fitted to the others. With fewer animals than eight the
population is not fitted: that of 20 mice with Lewis lung carcinoma is assumed. Intervals of what a population shares are those
of the jackknife over what was left out.

Source of the assumed population: S. Benzekry et al., PLoS Comput. Biol. 10:e1003800 (2014).
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from calibration.population.forecast import Forecast, forecast
from calibration.tumours.mice import mouse_population
from calibration.tumours.records import TumourRecord
from experiments.problems.mice_left_out import left_out
from experiments.report.wording import count, number, percent
from experiments.tumour.told import ENDS, HIDDEN, LEVEL, Forecasts, Told, Words

LEAST, FEWEST, MOST = 4, 8, 20    # readings of an animal, animals of a fit, fits
WORDS = Words("animal", "animals", "volume", "change of the diameter at the last reading", zeros=False)
START = (
    "The tumour of every animal is 1 mm3 at day 0, the day of injection, grows by Gompertz's law and is not treated",
    "A diameter is that of a sphere of the volume read",
    "Where a reading is 0 nothing was felt: it is left out of fit and score, for the caliper's limit is not recorded",
)


def of_mice(records: list[TumourRecord], say: Callable[[str], None]) -> Forecasts:
    """Of every animal with four readings or more; ``say`` is told what is being done."""
    mice = [dataclasses.replace(r, size=np.where(r.seen, r.size, np.nan)) for r in records if r.seen.any()]
    asked = [i for i, m in enumerate(mice) if len(m.time) >= LEAST]
    short = [r.person for r in records if len(r.time) < LEAST or not r.seen.any()]
    known = [len(m.time) - HIDDEN if len(m.time) >= LEAST else len(m.time) for m in mice]
    told, shared = {}, []
    if len(mice) < FEWEST:
        say(f"forecasting {count(len(asked), WORDS.one, WORDS.many)} by a published population")
        population = mouse_population(mice, known)
        told = _each(mice, range(len(mice)), forecast(population, population.start()))
        how = f"that of 20 mice with Lewis lung carcinoma, for a record of fewer than {FEWEST} {WORDS.many}"
    else:
        groups = [range(i, len(mice), min(MOST, len(mice))) for i in range(min(MOST, len(mice)))]
        say(f"fitting {len(groups)} populations of other {WORDS.many}")
        x = []
        for group, (fit, found) in zip(groups, left_out(mice, groups, known), strict=True):
            told |= _each(mice, group, found)
            x.append(fit.x[:2])
        shared = _shared(np.stack(x))
        how = f"fitted {len(groups)} times, each time to all readings of those whose forecast it is not used for"
    assumed = [*(("Assumed", said) for said in START), ("Population", how)]
    return Forecasts(WORDS, [told[i] for i in asked], short, assumed, shared)


def _each(mice: list[TumourRecord], group: range, found: Forecast) -> dict[int, Told]:
    """By place among the mice; bands hold new readings, error of the caliper included."""
    ends = np.stack([found.quantile(level) for level in ENDS])
    return {i: _told(mice[i], ends[:, : len(mice[i].time), place]) for place, i in enumerate(group)}


def _told(mouse: TumourRecord, size: np.ndarray) -> Told:
    size = np.maximum(size, 0.0)
    before = mouse.size[:-HIDDEN][np.isfinite(mouse.size[:-HIDDEN])]
    first = before[0] if len(before) else np.nan
    change = 100.0 * (np.cbrt(np.append(size[:, -1], mouse.size[-1]) / first) - 1.0)
    seen = dataclasses.replace(mouse, size=np.nan_to_num(mouse.size))
    return Told(seen, mouse.time, size, change[:3], float(change[3]))


def _shared(x: np.ndarray) -> list[tuple[str, str]]:
    """From logarithms (fits, 2)."""
    fits = len(x)
    reach = float(ndtri(0.5 + 0.5 * LEVEL)) * np.sqrt((fits - 1.0) / fits * ((x - x.mean(axis=0)) ** 2).sum(axis=0))
    names = ("Typical growth rate at 1 mm3", "Typical slowing of growth")
    three = np.exp([x.mean(axis=0), x.mean(axis=0) - reach, x.mean(axis=0) + reach]).T
    return [
        (name, f"{number(v)} 1/d; {number(low)} to {number(high)} ({percent(LEVEL)}, jackknife)")
        for name, (v, low, high) in zip(names, three.tolist(), strict=True)
    ]
