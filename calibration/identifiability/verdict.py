"""What the data support, as an answer: a number with its interval, or the reason why there is none.

With priors, an answer is supported when the posterior SD of what was asked is at most half its prior SD, both along the
same straight line through the estimate, and the readings do not contradict the prior (``calibration.contradiction``). Without
priors, when both ends of its profile are closed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array

from calibration.contradiction import checked
from calibration.fit import Fit, FitStatus
from calibration.identifiability.contraction import IDENTIFIED_BELOW
from calibration.identifiability.profiles import End, Profiles
from calibration.predict import delta
from calibration.problem import Problem


@dataclass(frozen=True)
class Answer:
    """What is known of one unknown or quantity of one person (``lane``).

    ``value``, ``low`` and ``high`` are None unless ``supported``; ``remaining`` is the posterior SD as a share of the prior SD,
    None where it was not asked.
    """

    name: str
    unit: str
    lane: int
    supported: bool
    value: float | None
    low: float | None
    high: float | None
    level: float
    remaining: float | None
    method: str
    reason: str

    def __str__(self) -> str:
        if not self.supported:
            return f"{self.name}: the data do not support this. {self.reason}"
        numbers = f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"
        return f"{self.name}: {numbers} {self.unit}".rstrip() + f", {100 * self.level:g} %"


def unknowns_supported(fit: Fit, level: float = 0.95) -> list[Answer]:
    """One answer for every unknown of every lane, from the fit's covariance (``calibration.laplace``)."""
    fit = _judged(fit)
    low, high = (np.asarray(x) for x in fit.interval(level))
    units = [_unit(fit, name) for name in fit.problem.names]
    return _answers(fit, fit.problem.names, units, np.asarray(fit.values()), low, high, np.asarray(fit.posterior_sd()), level)


def quantities_supported(
    fit: Fit,
    quantities: Callable[[Array], Array],
    names: Sequence[str],
    units: Sequence[str],
    level: float = 0.95,
) -> list[Answer]:
    """Answers about functions of z: (unknowns, lanes) -> (quantities, lanes). Intervals by first derivatives.

    A product may well be supported where its factors are not.
    """
    fit = _judged(fit)
    value, after = delta(quantities, fit.z, fit.covariance)
    identity = jnp.broadcast_to(jnp.eye(fit.z.shape[0])[..., None], fit.covariance.shape)
    before = delta(quantities, fit.z, identity)[1]
    if value.shape[0] != len(names) or len(names) != len(units):
        raise ValueError(f"{value.shape[0]} quantities need as many names and units, got {len(names)} and {len(units)}")
    reach = ndtri(0.5 + 0.5 * level) * after
    remaining = jnp.where(before > 0.0, after / jnp.where(before > 0.0, before, 1.0), jnp.nan)
    numbers = (np.asarray(x) for x in (value, value - reach, value + reach, remaining))
    return _answers(fit, names, units, *numbers, level)


def profiles_supported(profiles: Profiles) -> list[Answer]:
    """Answers from profiles of the likelihood: an unknown with an end that is open or not known is not supported."""
    fit = profiles.fit
    if fit.problem.informed:
        raise ValueError("a prior closes every profile: take profiles of the same problem with informed=False, or unknowns_supported")
    low, high = profiles.interval()
    values = np.asarray(fit.values())
    out = []
    for i, name in enumerate(fit.problem.names):
        for lane in range(fit.problem.lanes):
            codes = [End(int(c)) for c in profiles.code[i, :, lane]]
            supported = codes == [End.CLOSED, End.CLOSED]
            if codes[0] == codes[1]:
                reason = f"Both ends: {codes[0].reason}."
            else:
                reason = f"Lower end: {codes[0].reason}. Upper end: {codes[1].reason}."
            numbers = (float(x[i, lane]) if supported else None for x in (values, low, high))
            how = f"profile, followed to z = +- {profiles.limit:g}"
            out.append(Answer(name, _unit(fit, name), lane, supported, *numbers, profiles.level, None, how, reason))
    return out


def _answers(fit, names, units, values, low, high, remaining, level) -> list[Answer]:
    status = np.asarray(fit.status)
    out = []
    for i, (name, unit) in enumerate(zip(names, units, strict=True)):
        for lane in range(fit.problem.lanes):
            left, code = float(remaining[i, lane]), FitStatus(int(status[lane]))
            finite = bool(np.isfinite([values[i, lane], low[i, lane], high[i, lane], left]).all())
            if code != FitStatus.CONVERGED:
                reason = f"{code.reason[0].upper()}{code.reason[1:]}."
            elif not finite:
                reason = "The posterior has no finite spread at the estimate."
            elif left > IDENTIFIED_BELOW:
                reason = f"{100 * left:.0f} % of the prior SD remains after the data; at most {100 * IDENTIFIED_BELOW:.0f} % was asked."
            else:
                reason = f"{100 * left:.2g} % of the prior SD remains after the data."
            supported = code == FitStatus.CONVERGED and finite and left <= IDENTIFIED_BELOW
            numbers = (float(x[i, lane]) if supported else None for x in (values, low, high))
            out.append(Answer(name, unit, lane, supported, *numbers, level, left if finite else None, fit.method, reason))
    return out


def _judged(fit: Fit) -> Fit:
    if not fit.problem.informed:
        raise ValueError("support is judged against the prior, which this problem leaves out (informed=False): use profiles_supported")
    return checked(fit) if isinstance(fit.problem, Problem) else fit


def _unit(fit: Fit, name: str) -> str:
    return fit.problem.info(name).unit if isinstance(fit.problem, Problem) else ""
