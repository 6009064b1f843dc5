"""What every method says of every person: an estimate, how sure it is, and how it ended.

Point fits with their approximations (``calibration.fit.Fit``) and draws (``calibration.posterior.draws.Draws``) are read alike:
by diagnostics, reports and benchmarks, whatever gave them. What a population shares has no lanes; that answer is
``calibration.population.PopulationFit``.
"""

import abc

import equinox as eqx
from jaxtyping import Array


class AbstractFit(eqx.Module):
    """Arrays are (unknowns, lanes), lanes last; a lane is a person.

    ``names``   of the unknowns
    ``status``  (lanes,), an ``IntEnum`` of the class whose 0 says that all went well
    ``method``  what gave the answer, in words
    """

    names: eqx.AbstractVar[tuple[str, ...]]
    status: eqx.AbstractVar[Array]
    method: eqx.AbstractVar[str]

    @abc.abstractmethod
    def values(self) -> Array:
        """Estimates in their own units."""

    @abc.abstractmethod
    def posterior_sd(self) -> Array:
        """Standard deviation on the scale where the prior's is 1; not finite where it is not known."""

    @abc.abstractmethod
    def interval(self, level: float) -> tuple[Array, Array]:
        """Equal-tailed interval of every unknown in its own unit: (lo, hi); nan in lanes that are not ``quantified``."""

    @abc.abstractmethod
    def quantified(self) -> Array:
        """(lanes,): there is an interval."""
