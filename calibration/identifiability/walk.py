"""Profile likelihood: how far each unknown can be moved while all others are free to make up for it.

    profile(c) = min over z with z_k = c of cost(z),          cost = half the sum of squared residuals
    interval   = { c : profile(c) - cost(best) <= chi2_1(level) / 2 }

All unknowns of all people, both ways, are lanes of one batch. Each lane walks outward from the best point, every fit started
from the one before along the line through the last two, until the profile has risen enough; then it closes in on the crossing
by false position in the square root of the rise, which is linear where the profile is a parabola. An end that is not reached
within
``limit`` of z = 0 is open and has no number. Where the profile seems to jump, a fit on the far side may have missed its
minimum: it is forgotten and the lane walks on in shorter steps, a few times.

With ``informed=False`` in the problem these are profiles of the likelihood, the data alone; with priors, of the posterior.
Without priors a search may have run along a direction that the data do not see, to where an unknown has no effect left: there
all others would look determined. So the unknowns are first called back by a leash, residuals of 10^-2 z, whose own cost is not
counted.

Sources: A. Raue et al., Bioinformatics 25:1923-1929 (2009); D. M. Bates, D. G. Watts, Nonlinear Regression Analysis (1988), ch.
6.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from calibration.calibrator import AbstractCalibrator, calibrate
from calibration.fit import Fit, FitStatus
from calibration.identifiability.held import Held
from calibration.identifiability.profiles import End, Profiles
from calibration.laplace import gauss_newton
from calibration.least_squares import LevenbergMarquardt

_ROUNDS = 100
_LONGEST_STEP = 1.0
_SECOND_LOOKS = 3
_ALMOST = 1e-5
_NARROW = 1e-6
_LEASH = 1e-2
# a profile that falls by more than this share of the asked rise has found a better fit
_BETTER = 0.05


def profile(
    fit: Fit,
    level: float = 0.95,
    *,
    limit: float = 6.0,
    inner: AbstractCalibrator = LevenbergMarquardt(iterations=60, ftol=1e-8),
    progress: Callable[[str, float | None], None] | None = None,
) -> Profiles:
    """Profiles of all unknowns about a fit; ``limit`` is how far from z = 0 (the prior's median) they are followed.

    ``inner`` fits the other unknowns; it must minimise half the sum of squared residuals.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    unknowns, lanes = fit.z.shape
    sides = 2 * unknowns
    wide = fit.problem.tiled(sides)
    which = np.tile(np.repeat(np.arange(unknowns), 2), lanes)
    way = np.tile(np.asarray([-1.0, 1.0]), unknowns * lanes)
    every = np.arange(which.size)
    mask = jnp.asarray(np.arange(unknowns)[:, None] == which)
    asked = chi2.ppf(level, 1) / 2.0

    leash = 0.0 if fit.problem.informed else _LEASH
    fit = _called_back(fit, inner, leash)
    best, base = (np.repeat(np.asarray(x), sides, axis=-1) for x in (fit.z, fit.cost))
    usable = np.repeat(np.asarray(fit.status), sides) != FitStatus.SOLVE_FAILED
    base = np.where(usable, base, 0.0)
    tangent, spread = _straight(fit, sides, which, every)
    centre = best[which, every]
    end_of_walk = np.maximum(limit - way * centre, 0.0)

    # distances from the best point; the nearest known to be outside, and the farthest known to be inside
    inside, tau_in, z_in = np.zeros(which.size), np.zeros(which.size), best.copy()
    outside, tau_out = np.full(which.size, np.inf), np.full(which.size, np.inf)
    code = np.where(usable, -1, End.NO_FIT)
    end, lowest, low_cost = np.full(which.size, np.nan), best.copy(), base.copy()
    looks, longest = np.zeros(which.size, int), np.full(which.size, _LONGEST_STEP)
    trial = np.minimum(np.minimum(np.sqrt(2.0 * asked) * spread, _LONGEST_STEP), end_of_walk)
    slope = tangent * way
    visited_at, visited_rise = [], []
    for round_ in range(_ROUNDS):
        active = code < 0
        if not active.any():
            break
        if progress is not None:
            progress(f"profiles: {int((~active).sum())} of {active.size} ends found", float((~active).mean()))
        distance = np.where(active, trial, inside)
        start = z_in + slope * (distance - inside)
        at = np.where(np.asarray(mask), centre + way * distance, start)
        held = Held(wide, mask, jnp.asarray(at), leash)
        found = calibrate(held, inner, jnp.asarray(at))
        status, z = np.asarray(found.status), np.asarray(found.z)
        cost = np.asarray(found.cost - held.pull(found.z))
        fine = (status != FitStatus.SOLVE_FAILED) & (cost < np.inf)
        rise = np.where(fine, cost - base, np.inf)
        visited_at.append(np.where(active & fine, at[which, every], np.nan))
        visited_rise.append(np.where(active & fine, rise, np.nan))
        lower = active & fine & (cost < low_cost)
        lowest, low_cost = np.where(lower, z, lowest), np.where(lower, cost, low_cost)

        tau = np.sqrt(np.maximum(rise, 0.0))
        beyond = rise > asked
        close = active & fine & (np.abs(rise - asked) <= _ALMOST * asked)
        step_in, step_out = active & ~beyond, active & beyond
        gained = distance - inside
        slope = np.where(step_in & (gained > 0.0), (z - z_in) / np.where(gained > 0.0, gained, 1.0), slope)
        z_in = np.where(step_in, z, z_in)
        inside, tau_in = np.where(step_in, distance, inside), np.where(step_in, tau, tau_in)
        outside, tau_out = np.where(step_out, distance, outside), np.where(step_out, tau, tau_out)

        gap = outside - inside
        jump = active & ~close & np.isfinite(tau_out) & (gap <= 1e-3) & (tau_in < 0.95 * np.sqrt(asked)) & (looks < _SECOND_LOOKS)
        outside, tau_out = np.where(jump, np.inf, outside), np.where(jump, np.inf, tau_out)
        looks, longest = looks + jump, np.where(jump, 0.25 * longest, longest)
        narrow = active & (outside - inside <= _NARROW * np.maximum(1.0, outside)) & (outside < np.inf)
        cliff = active & np.isinf(tau_out) & (outside - inside <= 1e-3) & (outside < np.inf)
        reached = close | (narrow & (tau_out < np.inf))
        # a jump across the threshold is no crossing
        sure = np.where(close & (status == FitStatus.CONVERGED), End.CLOSED, End.UNSURE)
        end = np.where(reached, centre + way * distance, end)
        code = np.where(reached, sure, code)
        code = np.where(cliff & ~reached, End.UNSOLVED, code)
        code = np.where(active & (code < 0) & (inside >= end_of_walk) & np.isinf(outside), End.OPEN, code)
        code = np.where(active & (rise < -_BETTER * asked), End.BETTER_FOUND, code)
        trial = _next(inside, tau_in, outside, tau_out, np.sqrt(asked), end_of_walk, longest, round_)
    code = np.where(code < 0, End.UNSURE, code)

    def by_axes(x):
        return np.moveaxis(np.asarray(x).reshape(*np.shape(x)[:-1], lanes, unknowns, 2), -3, -1)

    points = len(visited_at)
    nothing = np.full((0, which.size), np.nan)
    # the lowest point among all lanes of a person
    pick = np.argmin(low_cost.reshape(lanes, sides), axis=1) + sides * np.arange(lanes)
    return Profiles(
        fit,
        level,
        limit,
        by_axes(np.stack(visited_at) if points else nothing),
        by_axes(np.stack(visited_rise) if points else nothing),
        by_axes(np.where(np.isin(code, (End.CLOSED, End.UNSURE)), end, np.nan)),
        by_axes(code),
        lowest[:, pick],
    )


def _called_back(fit: Fit, inner: AbstractCalibrator, leash: float) -> Fit:
    """The fit that profiles are measured from: half its sum of squares as cost, without the leash."""
    start = jnp.where(fit.status == FitStatus.SOLVE_FAILED, jnp.nan, fit.z)
    held = Held(fit.problem, jnp.zeros(fit.z.shape, bool), jnp.zeros_like(fit.z), leash)
    found = calibrate(held, inner, start)
    failed = found.status == FitStatus.SOLVE_FAILED
    status = jnp.where(failed, found.status, fit.status)
    z = jnp.where(failed, fit.z, found.z)
    return Fit(
        fit.problem, z, found.cost - held.pull(z), status, fit.iterations, found.information, fit.covariance, fit.method
    )


def _straight(fit: Fit, sides: int, which: np.ndarray, every: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How the others follow an unknown that is moved, (unknowns, lanes), and its SD, both from J'J at the fit."""
    matrix = np.moveaxis(np.asarray(gauss_newton(fit)), -1, 0)
    matrix = np.where(np.isfinite(matrix).all((1, 2))[:, None, None], matrix, np.eye(matrix.shape[-1]))
    # small, so that directions nobody sees stay finite
    size = np.trace(matrix, axis1=1, axis2=2)[:, None, None] + 1.0
    inverse = np.linalg.inv(matrix + 1e-9 * size * np.eye(matrix.shape[-1]))
    covariance = np.repeat(np.moveaxis(inverse, 0, -1), sides, axis=-1)
    own = covariance[which, which, every]
    follow = covariance[:, which, every] / own
    return np.clip(follow, -10.0, 10.0), np.sqrt(own)


def _next(inside, tau_in, outside, tau_out, wanted, end_of_walk, longest, round_):
    """The next distance: farther out as the parabola through the last point says, or between the two that enclose the end."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parabola = np.where(tau_in > 0.0, 1.02 * inside * wanted / tau_in, np.inf)
        outward = np.clip(parabola, np.minimum(1.1 * inside, inside + longest), inside + longest)
        outward = np.minimum(np.where(inside > 0.0, outward, longest), end_of_walk)
        share = (wanted - tau_in) / (tau_out - tau_in)
    # every third time a plain halving, so that a bent profile cannot hold one side for long
    usual = np.isfinite(tau_out) & np.isfinite(share) & (round_ % 3 != 2)
    between = inside + np.where(usual, np.clip(share, 0.02, 0.98), 0.5) * np.where(np.isinf(outside), 0.0, outside - inside)
    return np.where(np.isinf(outside), outward, between)
