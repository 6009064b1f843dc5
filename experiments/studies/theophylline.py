"""Twelve people after one oral dose: fit without the last samples, predict those, compare dosing regimens."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from calibration.fit import Fit
from calibration.laplace import exact_curvature, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.predict import Paths, band, paths
from experiments.problems.keys import keys_of
from experiments.problems.oral_courses import METHOD, held_out, oral_problem, padded
from experiments.scenario import Theophylline
from experiments.studies.rows import fit_rows, item, plain, series, start_rows
from experiments.study import AbstractStudy, Progress, Shard, shard_key
from experiments.tables import content_hash, locate, read_oral_courses
from physio.bodies.theophylline import VERSION
from physio.protocol import Timed
from physio.schedule import Schedule, bolus, ragged

CONCENTRATION = "central.concentration"
GRID_H = 0.25
FAILED_SHARE = 0.05


class OralStudy(AbstractStudy):
    """All people of the table are one shard."""

    name = "theophylline"

    def __init__(self, config: Theophylline, seed: int, source: Path):
        self.config, self.seed = config, seed
        path = locate(config.data, source)
        self.courses = read_oral_courses(path)
        self.people = [course.person for course in self.courses]
        self.hash = content_hash(path)

    def shards(self) -> list[Shard]:
        key = shard_key(self.name, self.config, self.hash, self.seed, VERSION, "float64")
        return [Shard(self.name, 0, key, f"{len(self.people)} people after one oral dose")]

    def run(self, shard: Shard, progress: Progress) -> dict[str, list[dict]]:
        problem = oral_problem(self.courses, self.config.hold_out_last)
        progress("fitting without the last samples", None)
        fit, starts = multistart(
            problem,
            LevenbergMarquardt(),
            keys_of(self.seed, "starts", self.people),
            starts=self.config.starts,
            progress=progress,
        )
        fit = laplace(fit, exact_curvature)
        rows = {
            "fits": fit_rows(self.name, self.people, fit, self.config.level, synthetic=False),
            "starts": start_rows(self.name, self.people, starts),
            "items": [],
            "series": [],
            "observations": [],
        }
        progress("predicting the held-out samples", None)
        self._predict(fit, rows)
        for number, schedule in enumerate(self._regimens()):
            progress(f"regimen: {self.config.regimens[number].name}", number / len(self.config.regimens))
            self._compare(fit, number, schedule, rows)
        return rows

    def _predict(self, fit: Fit, rows: dict) -> None:
        """Band over the whole course, and an interval of every sample with the assay's error in it."""
        level = self.config.level
        times = padded([c.times_h for c in self.courses], True)
        grid = np.linspace(0.0, times[-1], 61)
        at = np.sort(np.concatenate([grid, times]), axis=0)
        keys = keys_of(self.seed, "posterior", self.people)
        drawn = paths(fit, Timed(at, fit.problem.protocol.schedule, METHOD), [CONCENTRATION], keys, self.config.draws)
        values = np.asarray(drawn.values[CONCENTRATION])
        lo, hi = (np.asarray(x) for x in band(values, level))
        noisy = values + self._assay_error(fit, drawn, values)
        sample_lo, sample_hi = (np.asarray(x) for x in band(noisy, level))
        middle = np.nanmedian(values, axis=0)
        hits = tried = 0
        for lane, course in enumerate(self.courses):
            rows["series"].append(
                series(
                    self.name,
                    course.person,
                    "fit",
                    "concentration",
                    "mg/L",
                    "h",
                    at[:, lane],
                    middle[:, lane],
                    lo=lo[:, lane],
                    hi=hi[:, lane],
                    level=level,
                )
            )
            out = held_out(course, self.config.hold_out_last)
            for k, t in enumerate(course.times_h):
                if not course.concentration.observed[k]:
                    continue
                row = int(np.searchsorted(at[:, lane], t))
                value = float(course.concentration.value[k])
                inside = bool(sample_lo[row, lane] <= value <= sample_hi[row, lane])
                hits, tried = hits + (inside and out[k]), tried + bool(out[k])
                rows["observations"].append(
                    {
                        "study": self.name,
                        "patient": course.person,
                        "quantity": "concentration",
                        "unit": "mg/L",
                        "time": float(t),
                        "time_unit": "h",
                        "value": value,
                        "held_out": bool(out[k]),
                        "predicted": float(middle[row, lane]),
                        "lo": float(sample_lo[row, lane]),
                        "hi": float(sample_hi[row, lane]),
                        "level": level,
                        "inside": inside,
                        "synthetic": False,
                    }
                )
        if tried:
            counted = {"method": "counted", "level": level}
            add = rows["items"].append
            add(item(self.name, "all", "held-out", "samples inside their interval", "1", hits, **counted))
            add(item(self.name, "all", "held-out", "samples held out", "1", tried, **counted))

    def _assay_error(self, fit: Fit, drawn: Paths, values: np.ndarray) -> np.ndarray:
        """Errors of new samples, drawn with each draw's own spread: (draws, times, people)."""
        keys = keys_of(self.seed, "assay", self.people)
        noise = np.moveaxis(np.asarray(jax.vmap(lambda k: jax.random.normal(k, values.shape[:2]))(keys)), 0, -1)
        draws, unknowns, people = drawn.z.shape
        wide = fit.problem.tiled(draws)
        z = jnp.moveaxis(drawn.z, 0, -1).reshape(unknowns, people * draws)
        predicted = jnp.moveaxis(jnp.asarray(values), 0, -1).reshape(values.shape[1], people * draws)
        sd = np.asarray(wide.instruments(z)[0].noise.sd(predicted))
        return noise * np.moveaxis(sd.reshape(values.shape[1], people, draws), -1, 0)

    def _regimens(self) -> list[Schedule]:
        """The regimens, padded to one number of slots so that they share one compiled program."""
        one = [bolus("depot.drug", np.array(r.times_h), np.array(r.doses_mg)) for r in self.config.regimens]
        wide = ragged(one)
        return [
            Schedule(wide.time[:, k], wide.amount[:, k], wide.duration[:, k], wide.channel[:, k], None, wide.channels)
            for k in range(len(one))
        ]

    def _compare(self, fit: Fit, number: int, schedule: Schedule, rows: dict) -> None:
        """Share of the horizon with a concentration inside the window, and the concentration itself."""
        config = self.config
        grid = np.linspace(0.0, config.horizon_h, 1 + int(np.ceil(config.horizon_h / GRID_H)))
        keys = keys_of(self.seed, "regimen", self.people)
        drawn = paths(fit, Timed(grid, schedule, METHOD), [CONCENTRATION], keys, config.draws)
        values = np.asarray(drawn.values[CONCENTRATION])
        solved = np.asarray(drawn.solved)
        low, high = config.window_mg_per_l
        inside = 100.0 * ((values >= low) & (values <= high))
        share = np.where(solved, (0.5 * (inside[:, 1:] + inside[:, :-1])).mean(1), np.nan)
        lo, hi = (np.asarray(x) for x in band(share, config.level))
        c_lo, c_hi = (np.asarray(x) for x in band(values, config.level))
        name = config.regimens[number].name
        step = max(1, len(grid) // 97)
        for lane, person in enumerate(self.people):
            failed = 1.0 - solved[:, lane].mean()
            known = {
                "lo": plain(lo[lane]),
                "hi": plain(hi[lane]),
                "level": config.level,
                "method": f"{fit.method}, {config.draws} draws",
            }
            if failed > FAILED_SHARE:
                known |= {"status": "failed", "reason": f"{100 * failed:.0f} % of the draws could not be solved"}
            quantity = f"time in {low:g}-{high:g} mg/L"
            rows["items"].append(
                item(self.name, person, name, quantity, "%", np.nanmedian(share[:, lane]), **known)
            )
            rows["series"].append(
                series(
                    self.name,
                    person,
                    name,
                    "concentration",
                    "mg/L",
                    "h",
                    grid[::step],
                    np.nanmedian(values[:, ::step, lane], axis=0),
                    lo=c_lo[::step, lane],
                    hi=c_hi[::step, lane],
                    level=config.level,
                )
            )


def build(config: Theophylline, seed: int, source: Path) -> AbstractStudy:
    """The study of a scenario's [theophylline] table."""
    return OralStudy(config, seed, source)
