"""One glucose tolerance test: SI and SG with the basal values known, and with the basal values unknown."""

import dataclasses
from pathlib import Path

import numpy as np

from calibration.fit import Fit
from calibration.laplace import exact_curvature, gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.predict import band, paths
from experiments.problems.glucose_test import METHOD, least_squares_problem, posterior_problem
from experiments.problems.keys import keys_of
from experiments.scenario import Fsigt
from experiments.studies.rows import fit_rows, item, plain, series, start_rows
from experiments.study import AbstractStudy, Progress, Shard, shard_key
from experiments.tables import content_hash, locate, read_glucose_test
from physio.bodies.glucose import VERSION
from physio.protocol import Timed

PERSON = "test-1"
DRAWS = 200
QUANTITIES = {"SI": ("glucose.sensitivity", "mL/uU/min"), "SG": ("glucose.effectiveness", "1/min")}


class GlucoseStudy(AbstractStudy):
    """Fits one test three ways from many starts."""

    name = "fsigt"

    def __init__(self, config: Fsigt, seed: int, source: Path):
        self.config, self.seed = config, seed
        path = locate(config.data, source)
        self.test = read_glucose_test(path)
        self.hash = content_hash(path)

    def shards(self) -> list[Shard]:
        key = shard_key(self.name, self.config, self.hash, self.seed, VERSION, "float64")
        return [Shard(self.name, 0, key, "one glucose tolerance test")]

    def run(self, shard: Shard, progress: Progress) -> dict[str, list[dict]]:
        keys = keys_of(self.seed, self.name, [PERSON])
        glucose, insulin = self.test.glucose, self.test.insulin
        measured = np.flatnonzero(glucose.observed & insulin.observed)
        rows = {"items": [], "fits": [], "series": [], "observations": [], "starts": []}
        for at in (measured[0], measured[-1]):
            basal = float(glucose.value[at]), float(insulin.value[at])
            progress(f"least squares with basal values {basal[0]:g} mg/dL and {basal[1]:g} uU/mL", None)
            problem = least_squares_problem(self.test, self.config.start_min, *basal)
            fit, _ = multistart(problem, LevenbergMarquardt(), keys, starts=self.config.starts)
            fit = self._scaled(fit)
            arm = f"basal known ({basal[0]:g} mg/dL, {basal[1]:g} uU/mL)"
            rows["items"] += self._items(arm, fit, "least squares, residual variance, Gauss-Newton")
        progress("posterior with unknown basal values", None)
        problem = posterior_problem(self.test, self.config.start_min)
        fit, starts = multistart(problem, LevenbergMarquardt(), keys, starts=self.config.starts, progress=progress)
        fit = laplace(fit, exact_curvature)
        rows["items"] += self._items("basal unknown", fit, fit.method)
        rows["fits"] = fit_rows(self.name, [PERSON], fit, self.config.level, synthetic=False)
        rows["starts"] = start_rows(self.name, [PERSON], starts)
        self._paths(fit, keys, rows)
        return rows

    def _scaled(self, fit: Fit) -> Fit:
        """Covariance of a unit-weight fit: (J'J)^-1 times the residual variance."""
        fit = laplace(fit, gauss_newton)
        samples = int(fit.problem.readings[0].present.sum())
        variance = 2.0 * fit.cost / (samples - len(fit.problem.names))
        return dataclasses.replace(fit, covariance=fit.covariance * variance)

    def _items(self, arm: str, fit: Fit, method: str) -> list[dict]:
        values = np.asarray(fit.values())
        lo, hi = (np.asarray(x) for x in fit.interval(self.config.level))
        out = []
        for quantity, (name, unit) in QUANTITIES.items():
            i = fit.problem.names.index(name)
            known = {"lo": plain(lo[i, 0]), "hi": plain(hi[i, 0]), "level": self.config.level, "method": method}
            out.append(item(self.name, PERSON, arm, quantity, unit, values[i, 0], **known))
        return out

    def _paths(self, fit: Fit, keys, rows: dict) -> None:
        """Posterior band over time and the predicted interval of every sample."""
        level, times = self.config.level, self.test.times_min
        grid = np.unique(np.concatenate([times, np.linspace(times[0], times[-1], 92)]))
        shown = ("glucose.concentration", "glucose.action", "insulin.concentration")
        drawn = paths(fit, Timed(grid, method=METHOD), shown, keys, DRAWS)
        for path, variable, unit in zip(
            shown, ("glucose", "remote insulin action", "insulin"), ("mg/dL", "1/min", "uU/mL"), strict=True
        ):
            values = np.asarray(drawn.values[path])[..., 0]
            lo, hi = (np.asarray(x) for x in band(values, level))
            known = path == "insulin.concentration"
            more = {} if known else {"lo": lo, "hi": hi, "level": level}
            middle = np.nanmedian(values, axis=0)
            rows["series"].append(series(self.name, PERSON, "fit", variable, unit, "min", grid, middle, **more))
        spread = np.asarray(fit.problem.values(drawn.z[:, :, 0].T))[fit.problem.names.index("assay.spread")]
        noise = np.random.default_rng(self.seed).standard_normal((DRAWS, len(grid))) * spread[:, None]
        glucose = np.asarray(drawn.values["glucose.concentration"])[..., 0]
        lo, hi = (np.asarray(x) for x in band(glucose + noise, level))
        middle = np.nanmedian(glucose, axis=0)
        for k, t in enumerate(times):
            g = int(np.searchsorted(grid, t))
            value = self.test.glucose.value[k]
            if not self.test.glucose.observed[k]:
                continue
            rows["observations"].append(
                {
                    "study": self.name,
                    "patient": PERSON,
                    "quantity": "glucose",
                    "unit": "mg/dL",
                    "time": float(t),
                    "time_unit": "min",
                    "value": float(value),
                    "held_out": bool(t < self.config.start_min),
                    "predicted": float(middle[g]),
                    "lo": float(lo[g]),
                    "hi": float(hi[g]),
                    "level": level,
                    "inside": bool(lo[g] <= value <= hi[g]),
                    "synthetic": False,
                }
            )


def build(config: Fsigt, seed: int, source: Path) -> AbstractStudy:
    """The study of a scenario's [fsigt] table."""
    return GlucoseStudy(config, seed, source)
