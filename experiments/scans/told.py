"""What a person's scans tell: numbers with intervals, volumes, the last scan forecast from the others, a plan's voxels."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from calibration.fit import Fit
from calibration.tumours.one_scan import ratios
from calibration.tumours.outline_error import OutlineError
from calibration.tumours.scan_fit import cells_of, dice, edge_speed, fitted, hiding, volumes
from calibration.tumours.scanned_field import Dose, ScannedField, scanned_field
from calibration.tumours.scans import Scan, Tissue
from physio.fields import Domain, Grid
from physio.tumours.infiltration import GREY
from physio.tumours.target_volume import equal_volume_target, margin_target
from physio.tumours.treated_field import RADIATION

LEVEL, LEAST, DRAWS, SEED = 0.9, 3, 64, 5    # LEAST: scans of which the last is forecast
PLAN_MARGIN = 15.0    # mm
ENDS = (0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
WORDS = {
    "white": "D, diffusivity in white matter",
    "grey_ratio": "D in grey over D in white matter",
    "growth": "rho, growth rate",
    "radiosensitivity": "radiosensitivity",
}


class Number(NamedTuple):
    """``value`` with its interval, nan where it has none; ``assumed``: the scans hardly narrow what was assumed."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    assumed: bool = False


class Ahead(NamedTuple):
    """The last scan from the others: ``volume`` (3,) [mm3] median and interval, what was ``read`` and ``carried`` forward;
    masks on the box, ``forecast``, ``seen`` and the one ``before``.
    """

    volume: np.ndarray
    read: float
    carried: float
    forecast: np.ndarray
    seen: np.ndarray
    before: np.ndarray
    cells: np.ndarray

    @property
    def dice(self) -> tuple[float, float]:
        """Of the forecast, and of the mask before it carried forward."""
        return dice(self.forecast, self.seen), dice(self.before, self.seen)


class Told(NamedTuple):
    """``days`` from the first scan and ``volume`` (scans,) [mm3] in tissue; ``band`` (3, scans) of the fit, which knows the
    last scan only where ``ahead`` is None; ``cells`` (scans, ...) on the box; ``plan`` (margin, equal volume) on the grid.
    """

    scans: Sequence[Scan]
    tissue: Tissue
    doses: Sequence[Dose]
    field: ScannedField
    error: OutlineError
    fit: Fit
    numbers: list[Number]
    days: np.ndarray
    volume: np.ndarray
    band: np.ndarray
    cells: np.ndarray
    ahead: Ahead | None
    plan: tuple[np.ndarray, np.ndarray] | None

    @property
    def density(self) -> np.ndarray:
        """At the last scan, on the whole grid."""
        return whole(self.cells[-1], self.field.box, self.tissue.labels.shape)


def whole(part: np.ndarray, box: tuple[slice, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Zeros outside the box."""
    full = np.zeros(shape, part.dtype)
    full[box] = part
    return full


def told(
    scans: Sequence[Scan], tissue: Tissue, doses: Sequence[Dose], error: OutlineError, say: Callable[[str], None]
) -> Told:
    """Everything the page says; InputError where the files do not belong together."""
    field = scanned_field(scans, tissue, doses, error)
    problem = field.problem
    say(f"fitting {len(problem.names)} unknowns on {problem.brain.domain.grid.shape} voxels")
    fit = fitted(problem)
    inside = np.asarray(problem.brain.domain.inside)
    masks = np.stack([scan.mask[field.box] & inside for scan in scans])
    volume = masks.sum((1, 2, 3)) * problem.brain.domain.grid.cell
    known = fit
    if len(scans) >= LEAST:
        say("fitting without the last scan")
        known = fitted(hiding(problem))
    drawn = _drawn(fit)
    band = _band(drawn if known is fit else _drawn(known), error)
    ahead = None
    if len(scans) >= LEAST:
        cells = cells_of(known)[-1]
        forecast = (cells > float(problem.sight.threshold)) & inside
        ahead = Ahead(band[:, -1], float(volume[-1]), float(volume[-2]), forecast, masks[-1], masks[-2], cells)
    cells = cells_of(fit)
    density = whole(cells[-1], field.box, tissue.labels.shape)
    planned = any(dose.channel == RADIATION for dose in field.planned)
    return Told(
        scans, tissue, doses, field, error, fit, _numbers(fit, drawn), np.asarray(problem.course.scans), volume, band, cells,
        ahead, _plan(scans[-1], tissue, density) if planned else None,
    )  # fmt: skip


def _drawn(fit: Fit) -> np.ndarray:
    """Volumes (draws, scans), nan where the fit has no intervals."""
    if not fit.quantified()[0]:
        return np.full((DRAWS, len(fit.problem.course.scans)), np.nan)
    return volumes(fit, jax.random.key(SEED), DRAWS)


def _band(drawn: np.ndarray, error: OutlineError) -> np.ndarray:
    """Median and interval (3, scans) of new segmentations: draws, and the error of an outline."""
    if np.isnan(drawn).all():
        return drawn[:3]
    noise = np.random.default_rng(SEED).normal(size=drawn.shape)
    drawn = drawn + noise * np.asarray([error.volume_sd(v) for v in np.nanmedian(drawn, axis=0)])
    return np.maximum(np.nanquantile(drawn, ENDS, axis=0), 0.0)


def _numbers(fit: Fit, drawn: np.ndarray) -> list[Number]:
    """One scan: ratios. More: the model's own numbers, and how fast the visible edge moves."""
    if len(fit.problem.course.scans) == 1:
        units = {"D / rho": "mm2", "rho T": "1"}
        return [Number(name, units[name], *ratio) for name, ratio in ratios(fit, LEVEL).items()]
    table, names = fit.problem.info_table(), [name for name in fit.names if not name.startswith("seed.")]
    value, low, high = (np.asarray(x)[:, 0] for x in (fit.values(), *fit.interval(LEVEL)))
    sd = np.asarray(fit.posterior_sd())[:, 0]
    found = [
        Number(WORDS.get(name, name.replace(".", ", ")), table[name].unit, value[i], low[i], high[i], bool(sd[i] > 0.5))
        for i, name in enumerate(fit.names)
        if name in names
    ]
    speed = edge_speed(drawn, np.asarray(fit.problem.course.scans))
    three = np.nanquantile(speed, ENDS) if np.isfinite(speed).any() else np.full(3, np.nan)
    return [*found, Number("speed of the visible edge, first to last scan", "mm/d", *three)]


def _plan(last: Scan, tissue: Tissue, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    domain = Domain(Grid(tissue.labels.shape, tissue.spacing), tissue.labels >= GREY)
    margin = margin_target(domain, last.mask, PLAN_MARGIN)
    return margin, equal_volume_target(domain, density, int(margin.sum()))
