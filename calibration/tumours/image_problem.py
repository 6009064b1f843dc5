"""Scans of one person to residuals: few scalars, forward mode.

    r = (shown(N + a e) - measured) / sd           at each scan and voxel of white and grey matter
    z ~ Normal(0, 1) under the priors              each unknown one residual more; a ~ Normal(1, 1/2)

``shown`` is what a scan shows of the cells: their density, or an outline.

e is what is known of the error of the grid (see ``grid_error``), zero without it; its size a is fitted, so that what the grid
does wrong is not laid on the tumour. One lane is one person; a cohort is a loop over problems of one shape, compiled once.
Unknowns: ``white``, ``grey_ratio``, ``growth``, ``capacity``, ``radiosensitivity``, ``alpha_beta``, ``<drug>.kill``,
``<drug>.decay``, and those of the start.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.problem import AbstractProblem, Evaluation
from calibration.tumours.sight import AbstractSight, Density
from calibration.tumours.start import AbstractStart
from physio.component import ParameterInfo, as_float
from physio.fields import Forward, solve_field
from physio.fields.adjoint import AbstractFieldAdjoint
from physio.fields.stepper import AbstractStepper
from physio.priors import Normal
from physio.schedule import Schedule, bolus, nothing
from physio.solve.status import Status
from physio.tumours.infiltration import Brain, Infiltration
from physio.tumours.reaction_diffusion import ReactionDiffusion
from physio.tumours.treated_field import Drug

DISCREPANCY = "grid_error"


class Course(NamedTuple):
    """Known times: hashable, since they decide the steps.

    ``scans``  days of the scans [d];  ``begin``  the day on which the field starts
    ``doses``  (channel, day, amount) of each fraction [Gy] and each dose
    """

    begin: float
    scans: tuple[float, ...]
    doses: tuple[tuple[str, float, float], ...] = ()

    @property
    def drugs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c for c, _, _ in self.doses if c != "radiation"))

    @property
    def at(self) -> tuple[float, ...]:
        """Times of the solve: its start, and the scans after it."""
        return (self.begin, *(day for day in self.scans if day > self.begin))

    def schedule(self, begin: float = -math.inf, end: float = math.inf) -> Schedule:
        """Doses from the start, or ``begin``, to the last scan, or ``end``: later ones show nowhere."""
        begin, end = max(begin, self.begin), min(end, self.scans[-1])
        with jax.ensure_compile_time_eval():
            given = nothing()
            for channel in dict.fromkeys(c for c, _, _ in self.doses):
                rows = [(day, a) for c, day, a in self.doses if c == channel and begin <= day < end]
                if rows:
                    given = given + bolus(channel, [day for day, _ in rows], [a for _, a in rows])
            return given


class ImageProblem(AbstractProblem):
    """One person, one lane.

    ``measured``    (scans, ...) what is shown at the scans after the start;  ``sd`` of its noise [1]
    ``grid_error``  (scans, ...) an estimate of what the grid does wrong, or None
    """

    brain: Brain
    start: AbstractStart
    measured: Array
    sd: Array = eqx.field(converter=as_float)
    grid_error: Array | None
    course: Course = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    step: float = eqx.field(static=True)
    method: AbstractStepper
    sight: AbstractSight = Density()
    adjoint: AbstractFieldAdjoint = Forward()
    lanes: int = eqx.field(static=True, default=1)
    informed: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        unknown = [name for name in self.names if name not in self.info_table()]
        if unknown:
            known = ", ".join(self.info_table())
            raise ValueError(f"free: '{unknown[0]}' is not an unknown of this problem; expected one of {known}")
        wanted = (len(self.course.at) - 1, *self.brain.domain.grid.shape)
        if self.measured.shape != wanted:
            raise ValueError(
                f"measured has shape {self.measured.shape}; expected {wanted}, a map for each scan after the start"
            )

    def info_table(self) -> dict[str, ParameterInfo]:
        """Unit, prior and source of everything that could be estimated."""
        table = _declared(Infiltration) | _declared(ReactionDiffusion)
        for drug in self.course.drugs:
            table |= {f"{drug}.{name}": info for name, info in _declared(Drug).items()}
        if self.grid_error is not None:
            table[DISCREPANCY] = ParameterInfo("1", Normal(1.0, 0.5), "an estimate of the grid's error that may be half wrong")
        return table | self.start.info()

    def values(self, z):
        table = self.info_table()
        return jnp.stack([table[name].prior.from_z(z[i]) for i, name in enumerate(self.names)])

    def unknowns(self, values: Array) -> Array:
        """z (unknowns, 1) of values in their own units."""
        table = self.info_table()
        return jnp.stack([table[name].prior.to_z(values[i]) for i, name in enumerate(self.names)])[:, None]

    def model(self, value: dict[str, Array], brain: Brain, order: int = 2) -> ReactionDiffusion:
        """The equations on a brain, with these values and medians for the rest."""

        def given(cls, prefix=""):
            return {n: value[prefix + n] for n in _declared(cls) if prefix + n in value}

        drugs = {drug: Drug(**given(Drug, f"{drug}.")) for drug in self.course.drugs}
        operator = Infiltration(**given(Infiltration)).operator(brain, order)
        return ReactionDiffusion(operator, drugs, **given(ReactionDiffusion))

    def predict(self, z: Array) -> tuple[Array, Array]:
        """Cells at the scans after the start (scans, ...), and the status of the solve."""
        value = dict(zip(self.names, self.values(z[:, 0]), strict=True))
        cells = self.brain.domain.kept(self.start.cells(self.brain.domain.grid, value))
        age, at = self.start.age(value), self.course.at
        if age is None:
            seen, status = self._solved(value, cells, at)
        else:
            first, before = self._solved(_paced(value, age / (at[1] - at[0])), cells, at[:2])
            seen, after = self._solved(value, first[0], at[1:])
            # one of them is 0 where all is well
            seen, status = jnp.concatenate([first, seen]), jnp.maximum(before, after)
        if self.grid_error is not None and DISCREPANCY in value:
            seen = seen + value[DISCREPANCY] * self.grid_error
        return seen, status

    def _solved(self, value: dict[str, Array], cells: Array, at: tuple[float, ...]) -> tuple[Array, Array]:
        """Cells at the times after the first (times - 1, ...), and the status."""
        if len(at) == 1:
            return jnp.zeros((0, *cells.shape), cells.dtype), jnp.asarray(Status.OK, jnp.int32)
        model = self.model(value, self.brain)
        schedule = self.course.schedule(at[0], at[-1])
        path = solve_field(
            model, model.start(cells), schedule, at=at, step=self.step, method=self.method, adjoint=self.adjoint
        )
        return path.seen.cells[1:], path.status

    def evaluate(self, z: Array, memory: Any = None) -> Evaluation:
        seen, status = self.predict(z)
        errors = jnp.where(self.brain.domain.inside, (self.sight.shown(seen) - self.measured) / self.sd, 0.0).reshape(-1, 1)
        residuals = jnp.concatenate([errors, z]) if self.informed else errors
        return Evaluation(residuals, -0.5 * (residuals**2).sum(0), status[None], None)

    def tiled(self, times: int) -> "ImageProblem":
        raise ValueError("an image problem holds one person: start each of its searches by itself")


def parameter_info(name: str) -> ParameterInfo:
    """Unit, prior and source of a parameter of the tumour or, as ``<drug>.kill``, of a drug."""
    table = _declared(Infiltration) | _declared(ReactionDiffusion)
    return table[name] if name in table else _declared(Drug)[name.rpartition(".")[2]]


def _paced(value: dict[str, Array], factor: Array) -> dict[str, Array]:
    """The same with D and rho so many times as large."""
    return value | {n: factor * value.get(n, parameter_info(n).prior.median) for n in ("white", "growth")}


def _declared(cls: type) -> dict[str, ParameterInfo]:
    return {
        f.name: ParameterInfo(f.metadata["unit"], f.metadata["prior"], f.metadata["source"])
        for f in dataclasses.fields(cls)
        if f.metadata.get("kind") == "parameter"
    }
