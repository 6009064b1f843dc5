"""What a model of glucose must say of itself to be fitted to a person's day: its unknowns, how it rests, what a meal is to it.

Every family tells glucose in plasma and under the skin in mg/dL, takes insulin in U/min, food in mg/min and the logarithm of a
factor of its sensitivity, and rests where its basal delivery holds it: production by the liver, which nobody measures, follows
from the fasting glucose.
"""

import abc
from collections.abc import Mapping
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, ArrayLike

from physio.body import Body
from physio.priors import AbstractPrior
from physio.schedule import Schedule


class AbstractFamily(eqx.Module):
    """One model, ready to be fitted to days.

    ``label``     in words
    ``unknowns``  addresses that a day can say something about
    ``exercise``  addresses of what exercise does to a person, which days without exercise say nothing about; empty where the
                  model has none. The rest stay at their medians
    ``body``      a person at the medians
    ``plasma``, ``tissue``  addresses of glucose [mg/dL]
    ``fasting``   address of the glucose that basal insulin holds
    ``pool``      state that is plasma glucose times a volume
    ``followed``  unknowns that a few hours of readings can say something about
    """

    label: eqx.AbstractClassVar[str]
    unknowns: eqx.AbstractClassVar[tuple[str, ...]]
    exercise: ClassVar[tuple[str, ...]] = ()
    plasma: eqx.AbstractClassVar[str]
    tissue: eqx.AbstractClassVar[str]
    fasting: eqx.AbstractClassVar[str]
    pool: eqx.AbstractClassVar[str]
    followed: eqx.AbstractClassVar[tuple[str, ...]]
    body: eqx.AbstractVar[Body]

    def prior(self, address: str) -> AbstractPrior:
        """Of one unknown, from published people."""
        return self.body.parameters[address].prior

    @abc.abstractmethod
    def resting(self, values: Mapping[str, Array], weight: Array, basal: Array) -> Body:
        """The person with these values whom the delivery ``basal`` [U/min] holds at fasting glucose; ``weight`` [kg]."""

    @abc.abstractmethod
    def beginning(self, body: Body, glucose: Array) -> Body:
        """The same person, with glucose [mg/dL] elsewhere when the day begins."""

    @abc.abstractmethod
    def eaten(self, at: ArrayLike, grams: ArrayLike, by_mouthful: bool) -> Schedule:
        """A meal of so much carbohydrate, eaten at 5 g/min from ``at`` [min]; a stomach with a memory hears of it at once or
        ``by_mouthful``, minute by minute.
        """

    def exercised(self, at: ArrayLike, minutes: ArrayLike, oxygen: ArrayLike, muscle: ArrayLike) -> Schedule | None:
        """A bout of exercise at ``oxygen`` [%] of maximal uptake with a share ``muscle`` of all muscle; None: not in this model."""
        return None
