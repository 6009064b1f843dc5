"""A marker of men under adaptive doses: a tumour of two kinds of cells fitted to each, its last cycle forecast, two policies.

The last cycle is hidden from where the drug comes back. Bands are draws of every man's posterior, normal about the best fit,
with the error of a reading; those of hidden readings are stretched by what was off in other men's last cycles. Policies are
given to twins that are fitted to all readings.
"""

from collections.abc import Callable

import numpy as np

from calibration.fit import Fit, FitStatus
from calibration.tumours.psa import ERROR, MarkerRecord
from calibration.tumours.stretched_bands import ASSUMED as ASSUMED_STRETCH, FEWEST
from experiments.problems.psa_twins import LEAST, LEVEL, LastCycles, fit_men, last_cycle, last_cycles, policies, rmse
from experiments.report.wording import count, number, percent
from experiments.tumour.policies import policies_section
from experiments.tumour.score import mean_of_people
from experiments.tumour.told import ENDS, Forecasts, Told, Words, stated

STARTS, DRAWS, POLICY_DRAWS = 16, 1000, 50
WORDS = Words(
    "man", "men", "marker", "", hidden="readings of the last cycle",
    source="from the earlier ones by a model that is fitted to each man alone", share=True, pictures=24,
    short=f"no cycle that begins after {LEAST} readings",
)  # fmt: skip
ASSUMED = (
    ("Assumed", "The drug kills cells that divide, resistant ones survive it and grow more slowly; the marker follows both"),
    ("Assumed", "The drug is given from a reading marked 1 to the next, at one dose; forecasts know when it was given"),
    ("Assumed", f"An error of reading is {percent(ERROR)} of the man's highest known reading; priors of his numbers are wide"),
    ("Assumed", "A cycle begins where the drug comes back"),
)


def of_men(men: list[MarkerRecord], say: Callable[[str], None]) -> Forecasts:
    """Of every man with six readings or more; those without a last cycle to hide are fitted and not forecast."""
    asked = [m for m in men if len(m.day) >= LEAST]
    say(f"fitting {count(len(asked), WORDS.one, WORDS.many)} without their last cycle")
    hidden = last_cycles(asked, STARTS, DRAWS)
    ends = np.quantile(hidden.draws, ENDS, axis=0)
    told = [_told(man, ends[:, : len(man.day), i], k) for i, (man, k) in enumerate(zip(asked, hidden.known, strict=True))]
    say("fitting all readings")
    fit, predicted = fit_men(asked, STARTS)
    errors = np.asarray([rmse(predicted[: len(m.day), i] / m.level.max(), m.relative) for i, m in enumerate(asked)])
    say("giving twins the drug by two policies")
    more = policies_section(policies(fit, asked, POLICY_DRAWS), [m.person for m in asked], 100.0 * errors)
    short = [m.person for m in men if m not in asked or last_cycle(m) is None]
    return Forecasts(WORDS, told, short, [*ASSUMED, ("Bands", _bands(hidden))], _shared(fit, 100.0 * errors), (more,))


def _told(man: MarkerRecord, size: np.ndarray, known: int) -> Told:
    """The band begins at the first reading."""
    doses, last = man.doses(), man.day[-1]
    spans = zip(np.asarray(doses.time), np.asarray(doses.time + doses.duration), strict=True)
    given = tuple((float(start), float(min(end, last))) for start, end in spans if start < last)
    return Told(man.sizes(), man.day, size, np.full(3, np.nan), np.nan, len(man.day) - known, given)


def _bands(hidden: LastCycles) -> str:
    """By how much bands of last cycles are stretched, and from what that is known."""
    stretch = [q for _, q in hidden.judged]
    said = "draws of what the model leaves open, those of hidden readings stretched about their median"
    if len(stretch) <= FEWEST:
        return f"{said} {number(ASSUMED_STRETCH)} times, as 16 published men asked for: fewer than {FEWEST} others are here"
    often = f"{number(min(stretch))} to {number(max(stretch))} times"
    return (
        f"{said} {often}, so that {percent(LEVEL)} of the hidden readings of the other men would have been inside, each man "
        "counted once; none of a man's own hidden readings is used for him"
    )


def _shared(fit: Fit, errors: np.ndarray) -> list[tuple[str, str]]:
    """``errors`` (men,) of fits to all readings [% of the highest]."""
    converged = np.asarray(fit.status) == FitStatus.CONVERGED
    (mean,) = mean_of_people(errors[np.isfinite(errors), None])
    others = "" if converged.all() else "; the others are the best points that were found"
    return [
        ("Error of the fit to all readings", stated(mean, "% of the highest reading (root mean square, mean over men)")),
        ("Fits to all readings", f"{converged.sum()} of {count(len(converged), WORDS.one, WORDS.many)} converged{others}"),
    ]
