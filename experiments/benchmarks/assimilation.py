"""Filters: against the Kalman filter where it is exact, against refits of all readings, and seconds for ten thousand people.

Accuracy: 64 people of Bergman's minimal model, drawn from the priors, constant parameters, normal error of 5 mg/dL, read
every 5 min 50 times; each reading is predicted from those before it, by a filter and by a fit to all of them (mode by least
squares, Laplace covariance), and scored by the continuous ranked probability score. No process noise: where there is any, or
parameters drift, a refit is wrong, which a second cohort shows. Quick: 16 people, 12
readings, 500 people to update; no rate of members, and what was asked of more people is not judged.
"""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from calibration.assimilation import (
    AbstractFilter,
    Ensemble,
    EnsembleKalman,
    Extended,
    Gaussian,
    Particle,
    RandomWalk,
    Unscented,
    advance,
    drawn,
    follow,
    smoothed,
    update,
)
from calibration.scores import crps_normal
from experiments.benchmarks.contract import Baseline, Figure, Result, Target
from experiments.problems import glucose_lives, islet_lives, linear_filter
from experiments.problems.keys import keys_of
from physio.observe import Readings
from physio.schedule import switch
from physio.solve import Tsit5

SEED, MEMBERS = 20261125, 512
FILTERS: dict[str, tuple[AbstractFilter, int]] = {
    "extended": (Extended(), 0),
    "extended, 3 iterations": (Extended(iterations=3), 0),
    "unscented": (Unscented(), 0),
    f"ensemble, {MEMBERS} members": (EnsembleKalman(), MEMBERS),
    f"particle, {MEMBERS} members": (Particle(), MEMBERS),
}
LEVELS = (0.5, 0.8, 0.95)
# insulin sensitivity of the cohort that drifts: sd of z after an hour
DRIFT = 0.5


def run(data: str | None, quick: bool) -> Result:
    began = time.perf_counter()
    parts = [_linear(quick), _speed(quick), _accuracy(quick), _drifting(quick), _stiff(quick)]
    warm = sum(part[3] for part in parts)
    return Result(
        "assimilation",
        figures=[figure for part in parts for figure in part[0]],
        targets=[target for part in parts for target in part[1]],
        precision="float64",
        compile_s=max(0.0, time.perf_counter() - began - warm),
        achieved_error=parts[0][0][0].value,
        error_meaning="largest difference from the Kalman filter on a linear model, in standard deviations",
        baselines=[baseline for part in parts for baseline in part[2]],
    )


def _begun(filter: AbstractFilter, belief: Gaussian, members: int) -> Gaussian | Ensemble:
    if not members:
        return belief
    return drawn(belief, keys_of(SEED, "members", [str(i) for i in range(belief.mean.shape[1])]), members)


def _all(values: np.ndarray) -> Readings:
    value = jnp.asarray(values)[:, None]
    return Readings(value, jnp.ones(value.shape, bool), jnp.zeros(value.shape, bool))


def _linear(quick: bool):
    """Equality with the exact filter and smoother; the rate at which members come to them."""
    people, count = 16, 12
    times, read = linear_filter.simulated(people, count, SEED)
    exact = [linear_filter.exact(read[:, i]) for i in range(people)]
    model, start = linear_filter.compartments(people, count)
    figures, targets = [], []
    for name, filter in (("extended", Extended()), ("unscented", Unscented())):
        # the smoother ends with the filter's last belief, on which every reading has left its mark
        past = smoothed(filter, model, start, jnp.asarray(times), _all(read))
        mean, covariance = np.asarray(past.mean), np.asarray(past.covariance)
        apart = np.asarray(
            [
                [
                    _apart(mean[k, :, i], covariance[k, ..., i], e.smooth_mean[k], e.smooth_covariance[k])
                    for i, e in enumerate(exact)
                ]
                for k in range(count)
            ]
        )
        for what, worst in (("filter", apart[-1].max()), ("smoother", apart.max())):
            figure = f"linear model, {name} {what}, distance from exact in sd"
            figures.append(Figure(figure, float(worst), "1"))
            targets.append(Target.at_most(figure, float(worst), 1e-8, ""))
    if quick:
        return figures, targets, [], 0.0
    # noise at two nodes of each interval differs from the integral by less than members can tell
    model, start = linear_filter.compartments(people, count, nodes=2, method=Tsit5(first_step=0.5))
    sizes = (128, 512, 2048)
    for name, filter in (("ensemble", EnsembleKalman()), ("particle", Particle())):
        errors = []
        for size in sizes:
            mean, _ = follow(filter, model, _begun(filter, start, size), jnp.asarray(times), _all(read)).belief.moments()
            away = [(np.asarray(mean[:, i]) - e.mean[-1]) / np.sqrt(np.diag(e.covariance[-1])) for i, e in enumerate(exact)]
            errors.append(float(np.sqrt(np.mean(np.square(away)))))
            figures.append(Figure(f"linear model, {name}, {size} members, rms distance of means in sd", errors[-1], "1"))
        rate = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
        figures.append(Figure(f"linear model, {name}, power of members in the error (-0.5 is Monte Carlo)", float(rate), "1"))
    return figures, targets, [], 0.0


def _apart(mean, covariance, exact_mean, exact_covariance) -> float:
    """Largest difference of moments in units of the exact standard deviations."""
    sd = np.sqrt(np.diag(exact_covariance))
    return float(
        max(
            np.abs((np.asarray(mean) - exact_mean) / sd).max(),
            np.abs((np.asarray(covariance) - exact_covariance) / np.outer(sd, sd)).max(),
        )
    )


def _seconds(one: Callable, repeats: int = 5) -> float:
    """Median seconds after a call that compiles."""
    jax.block_until_ready(jax.tree.leaves(one()))
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(jax.tree.leaves(one()))
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[repeats // 2]


def _speed(quick: bool):
    """One update of everybody, 5 min after the last reading: advance and update."""
    people = 500 if quick else 10_000
    made = glucose_lives.lives(people, 4, SEED + 1)
    model, filter = glucose_lives.people_of(people), Extended(iterations=3)
    readings = glucose_lives.as_readings(made.read)
    known = jax.tree.map(lambda x: x[:3], readings)
    belief = follow(filter, model, model.start(), jnp.asarray(made.times[:3]), known).belief
    # what happens in these five minutes; the past is in the belief
    now = model.with_schedule(switch("insulin", [15.0, 15.0], [20.0, 20.0], [9.0, 25.0]))
    last = jax.tree.map(lambda x: x[3], readings)
    on_gpu = jax.default_backend() == "gpu"
    figures, targets, total = [], [], 0.0
    for name, (filter, members) in FILTERS.items():
        start = _begun(filter, belief, members)
        took = _seconds(lambda f=filter, b=start: update(f, now, advance(f, now, b, jnp.asarray(20.0)), last))
        total += 5 * took
        figure = f"Bergman, {people} people, one reading after 5 min, {name}"
        figures.append(Figure(figure, took, "s"))
        if quick:
            targets.append(Target.not_run(figure, "<= 10 s for 10000", "quick: 500 people"))
        elif on_gpu:
            targets += [Target.at_most(f"{figure}, GPU", took, 1.0, "s"), Target.not_run(figure, "<= 10 s", "on a GPU")]
        else:
            targets += [Target.at_most(figure, took, 10.0, "s"), Target.not_run(f"{figure}, GPU", "<= 1 s", "no GPU")]
    return figures, targets, [], total


def _accuracy(quick: bool):
    """Scores of filters and refits on people whose parameters are constant."""
    people, count = (16, 12) if quick else (64, 50)
    made = glucose_lives.lives(people, count, SEED)
    began = time.perf_counter()
    mean, sd = glucose_lives.refits(made)
    took = time.perf_counter() - began
    refit = float(crps_normal(mean, sd, made.read).mean())
    ideal = float(crps_normal(made.clean, glucose_lives.SD, made.read).mean())
    baselines = [
        Baseline("Bergman, mean CRPS of a full refit at every reading", refit, "mg/dL"),
        Baseline("Bergman, mean CRPS had the truth been known", ideal, "mg/dL"),
        Baseline(f"Bergman, {people} people refitted {count} times", took, "s"),
    ]
    baselines += [
        Baseline(f"Bergman, coverage of {100 * level:g} % intervals, full refit", value, "1")
        for level, value in _coverage(lambda p: mean + norm.ppf(p) * sd, made.read)
    ]
    figures, targets = [], []
    model = glucose_lives.people_of(people)
    for name, (filter, members) in FILTERS.items():
        score, shares, failed = _followed(filter, model, members, made)
        figure = f"Bergman, CRPS over {count} readings against a full refit, {name}"
        figures += [Figure(figure, score / refit, "1"), Figure(f"Bergman, lanes flagged, {name}", failed, "1")]
        figures += [Figure(f"Bergman, coverage of {100 * p:g} % intervals, {name}", share, "1") for p, share in shares]
        if quick:
            targets.append(Target.not_run(figure, "<= 1.02 over 50 readings", "quick: 16 people, 12 readings"))
        else:
            targets.append(Target.at_most(figure, score / refit, 1.02, ""))
    return figures, targets, baselines, 0.0


def _followed(filter: AbstractFilter, model, members: int, made: glucose_lives.Lives):
    """``(mean score, coverage, flagged)`` of one-step predictions."""
    start = _begun(filter, model.start(), members)
    found = follow(filter, model, start, jnp.asarray(made.times), glucose_lives.as_readings(made.read))
    score = jax.vmap(lambda forecast, read: forecast.crps(read[None]))(found.forecasts, jnp.asarray(made.read)).mean()

    def quantile(level):
        return np.asarray(jax.vmap(lambda forecast: forecast.quantile(level))(found.forecasts))[:, 0]

    return float(score), _coverage(quantile, made.read), int((np.asarray(found.status) != 0).sum())


def _coverage(quantile: Callable, read: np.ndarray) -> list[tuple[float, float]]:
    """Share of readings within the central interval of each level."""
    found = []
    for level in LEVELS:
        low, high = quantile(0.5 - 0.5 * level), quantile(0.5 + 0.5 * level)
        found.append((level, float(((low <= read) & (read <= high)).mean())))
    return found


def _drifting(quick: bool):
    """The same people with a drifting insulin sensitivity: filters that know of it against refits that do not."""
    people, count = (16, 12) if quick else (64, 50)
    drift = {"glucose.sensitivity": RandomWalk(DRIFT / 60.0**0.5)}
    model = glucose_lives.people_of(people, drift=drift)
    made = glucose_lives.drifting_lives(model, count, SEED + 2)
    mean, sd = glucose_lives.refits(made)
    refit = float(crps_normal(mean, sd, made.read).mean())
    baselines = [Baseline("Bergman, drifting sensitivity, mean CRPS of a full refit of constants", refit, "mg/dL")]
    figures = []
    for name in ("unscented",) if quick else ("extended, 3 iterations", "unscented"):
        score, shares, _ = _followed(FILTERS[name][0], model, 0, made)
        figure = f"Bergman, drifting sensitivity, CRPS against a full refit of constants, {name}"
        figures.append(Figure(figure, score / refit, "1"))
        figures += [
            Figure(f"Bergman, drifting sensitivity, coverage of {100 * p:g} % intervals, {name}", share, "1")
            for p, share in shares
        ]
    return figures, [], baselines, 0.0


def _stiff(quick: bool):
    """A drifting parameter of a stiff body found by weekly samples, filtered and smoothed; seconds for many people."""
    people, weeks, many = (16, 6, 0) if quick else (64, 26, 10_000)
    times, truth, readings = islet_lives.lives(people, weeks, SEED + 3)
    model = islet_lives.people_of(people)
    figures = []
    past = smoothed(Unscented(), model, model.start(), jnp.asarray(times), readings)
    mean, sd = past.mean[:, 3], jnp.sqrt(past.covariance[:, 3, 3])
    for what, mean, sd, true in (("at the end", mean[-1], sd[-1], truth[-1]), ("smoothed, all weeks", mean, sd, truth)):
        away = np.abs((np.asarray(mean) - true) / np.asarray(sd))
        figures.append(Figure(f"Topp, drifting sensitivity in 90 % interval, {what}", float((away < 1.645).mean()), "1"))
        figures.append(Figure(f"Topp, sd of the sensitivity's z, {what}", float(np.asarray(sd).mean()), "1"))
    if quick:
        return figures, [], [], 0.0
    wide = islet_lives.people_of(many)
    belief = wide.start()
    repeat = jnp.arange(many) % people
    last = jax.tree.map(lambda x: x[0][:, repeat], readings)
    took = 0.0
    for name in ("extended", "unscented"):
        filter = FILTERS[name][0]
        seconds = _seconds(lambda f=filter: update(f, wide, advance(f, wide, belief, jnp.asarray(islet_lives.DAYS)), last), 3)
        figures.append(Figure(f"Topp, {many} people, one week's samples, {name}", seconds, "s"))
        took += 3 * seconds
    return figures, [], [], took
