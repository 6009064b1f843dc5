"""A tumour that pushes: its cells strain the brain, and the stress slows their wandering.

    dN/dt = div(D exp(-gamma sigma_vm) grad N) + ...        the rest as in ``physio.tumours.reaction_diffusion``
    div sigma = 0,      sigma = lambda tr(eps) I + 2 mu eps - (3 lambda + 2 mu) s N / K I,      w = 0 at the skull

    w         displacement [mm]                        s      growth strain, of length, where cells fill the tissue [1]
    sigma_vm  von Mises stress [kPa]                   gamma  damping [1/kPa]
    moduli    ``physio.tumours.stiffness``

Tissue comes to rest much faster than a tumour grows, so the stress is that of the cells of the moment. It is renewed at the
first step and then every ``every`` days, or at the next step after; in between D is held, an error of order ``every``. For a
tumour that doubled in 9 d, with gamma 2, a cadence of 8 d moved the burden by 0.15 %, one of 1 d by 0.02 %.

The force of Hormuth's model, -c grad N, is this one where E / (1 - 2 nu) = 3 lambda + 2 mu is the same everywhere: then
c = s E / ((1 - 2 nu) K). One image tells neither s nor gamma. How far tissue has moved tells s; gamma and D part only where
stress differs along the front. Cells are not carried with the tissue that moves: N stands where it was before the tumour.
Sources: D. A. Hormuth et al., J. R. Soc. Interface 14:20161010 (2017); J. A. Weis et al., Phys. Med. Biol. 58:5851-5866 (2013),
the same in breasts. Growth strain s: D. Abler, P. Buechler, R. C. Rockne, Lect. Notes Comput. Sci. 11826:75-86 (2019).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import Scalar, parameter
from physio.fields import AbstractFieldModel, FieldError, Still, TissueDiffusion, centred, displaced
from physio.fields.grid import ahead, behind
from physio.priors import LogNormal
from physio.tumours.reaction_diffusion import Cells, ReactionDiffusion
from physio.tumours.stiffness import EXAMPLE, Head, Stiffness

# of the cadence, for sums of steps that rounding leaves just short of it
_SLACK = 1e-6


class Pushing(eqx.Module):
    """State: the tumour's own, von Mises stress in cells [kPa], and the time since it was renewed [d]."""

    tumour: Cells
    stress: Array
    age: Array


class Deformation(eqx.Module):
    """Displacement (axes, ...) [mm], pressure and von Mises stress [kPa], each in the cells of the grid."""

    displacement: Array
    pressure: Array
    von_mises: Array


class MechanicallyCoupled(AbstractFieldModel):
    """``tumour`` in ``head``. Channels: those of the tumour."""

    tumour: ReactionDiffusion
    head: Head
    stiffness: Stiffness = eqx.field(default_factory=Stiffness)
    strain: Scalar = parameter("1", LogNormal(0.1, cv=0.6), source=f"s, {EXAMPLE}")
    damping: Scalar = parameter("1/kPa", LogNormal(1.0, cv=1.0), source="gamma, assumed: a third less at 0.4 kPa")
    every: float = eqx.field(static=True, default=1.0)
    tolerance: float = eqx.field(static=True, default=1e-8)

    def __check_init__(self):
        if not isinstance(self.tumour.operator, TissueDiffusion):
            found = type(self.tumour.operator).__name__
            raise FieldError(f"the tumour diffuses by {found}; stress differs from place to place: give a TissueDiffusion")
        here, there = self.tumour.operator.domain.grid, self.head.domain.grid
        if here != there:
            raise FieldError(f"the tumour lives on {here} and the head on {there}: make both from one map of labels")
        if not 0.0 < self.every:
            raise FieldError(f"every must be positive [d], got {self.every}")

    @property
    def channels(self) -> tuple[str, ...]:
        return self.tumour.channels

    def start(self, cells: Array) -> Pushing:
        """These cells and no drug; the first step finds the stress."""
        return Pushing(self.tumour.start(cells), jnp.zeros_like(cells), jnp.asarray(self.every, jnp.float64))

    def diffusion(self):
        return Pushing(self.tumour.diffusion(), Still(), Still())

    def rates(self, t, state):
        return Pushing(self.tumour.rates(t, state.tumour), jnp.zeros_like(state.stress), jnp.ones_like(state.age))

    def reacted(self, t, dt, state):
        return Pushing(self.tumour.reacted(t, dt, state.tumour), state.stress, state.age + dt)

    def settled(self, t, state):
        due = state.age >= self.every * (1.0 - _SLACK)
        stress = jax.lax.cond(due, lambda s: self.deformation(s.tumour.cells).von_mises, lambda s: s.stress, state)
        settled = eqx.tree_at(lambda m: m.tumour.operator, self, self._damped(stress))
        return settled, Pushing(state.tumour, stress, jnp.where(due, 0.0, state.age))

    def jump(self, t, amounts, state):
        return Pushing(self.tumour.jump(t, amounts, state.tumour), state.stress, state.age)

    def deformation(self, cells: Array) -> Deformation:
        """Of the head by these cells."""
        share = cells / self.tumour.capacity.astype(cells.dtype)
        body, growth = self.stiffness.body(self.head, share), self.strain.astype(cells.dtype) * share
        w = displaced(body, growth, tolerance=self.tolerance)
        stress = body.stress(w, growth)
        return Deformation(jnp.stack(centred(w)), stress.pressure(), self.head.domain.kept(stress.von_mises()))

    def _damped(self, stress: Array) -> TissueDiffusion:
        """D on faces, damped by the mean stress of both cells."""
        operator, gamma = self.tumour.operator, self.damping.astype(stress.dtype)
        mean = [0.5 * (stress[ahead(a)] + stress[behind(a)]) for a in operator.domain.grid.axes]
        faces = tuple(d * jnp.exp(-gamma * s) for d, s in zip(operator.faces, mean, strict=True))
        return TissueDiffusion(operator.domain, faces, operator.order)
