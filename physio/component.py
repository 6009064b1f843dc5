"""Parts: what an organ model is made of.

A part is an Equinox module whose fields are plain arrays, so the instance *is* the parameter tree and
``grad``, ``vmap`` and ``tree_at`` need no ceremony. Unit, prior and source of each number are metadata of its
field. Equations are written for one person and one compartment; batching is the solver's business.

Roles, each with exactly the methods it must give:

========================  ==================================  ==================================================
role                      carries                             methods
========================  ==================================  ==================================================
``AbstractStore``         conserved amounts, one port each    ``rest outputs rates``
``AbstractDosedStore``    the same, and takes doses           ``rest outputs rates receive``
``AbstractBoundary``      what has left the body              ``rest outputs rates``
``AbstractLink``          nothing                             ``flow``
``AbstractInertialLink``  its own flow or momentum            ``rest flow rates``
``AbstractPlainPart``     any state, no ports                 ``rest outputs rates``
``AbstractTriggeredPart``  the same, and jumps by itself      ``rest outputs rates crossing jump``
``AbstractEventPart``     the same, and jumps on a schedule   ``rest outputs rates jump``
``AbstractImplicitPart``  state and implied variables         ``rest guess outputs rates residual``
``AbstractController``    nothing: a signal or a law          ``outputs``
========================  ==================================  ==================================================
"""

import abc
import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from physio.priors import AbstractPrior

Scalar = Float[Array, ""]


def as_float(value: Any) -> Array:
    """An array with an explicit floating dtype: float64 unless the value already is a floating array."""
    if isinstance(value, (jax.Array, np.ndarray)) and jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(value)
    return jnp.asarray(value, dtype=jnp.float64)


def parameter(unit: str, prior: AbstractPrior, *, source: str) -> Any:
    """A number that one person differs in: its unit, its spread among adults, and where both come from."""
    return eqx.field(
        converter=as_float,
        default=prior.median,
        metadata={"kind": "parameter", "unit": unit, "prior": prior, "source": source, "ndim": 0},
    )


def measured(unit: str, *, ndim: int = 1) -> Any:
    """Numbers that are known, not estimated: samples that drive a part. ``ndim`` axes for one person."""
    return eqx.field(converter=as_float, metadata={"kind": "measured", "unit": unit, "ndim": ndim})


def state(unit: str, *, gate: bool = False) -> Any:
    """A quantity that is carried through time.

    A ``gate`` obeys dx/dt = a - b x where neither a nor b depends on any gate of the body: ``RushLarsen`` steps it exactly.
    """
    return eqx.field(metadata={"kind": "state", "unit": unit, "gate": gate})


def port(unit: str, *, fills: str | None = None) -> Any:
    """A value that crosses the border of a part; a flow port names the state that it ``fills``."""
    return eqx.field(metadata={"kind": "port", "unit": unit, "fills": fills})


class Nothing(eqx.Module):
    """No fields: the ports of a part that has none."""


class AbstractPart(eqx.Module):
    """Anything that can be named in a body. ``time_unit`` is the unit of its own ``t`` and rates."""

    time_unit: ClassVar[str] = "s"
    State: ClassVar[type] = Nothing
    Sensed: ClassVar[type] = Nothing
    Flows: ClassVar[type] = Nothing
    Outputs: ClassVar[type] = Nothing


class AbstractStore(AbstractPart):
    """Holds conserved amounts; each port of ``Flows`` fills one state."""

    @abc.abstractmethod
    def rest(self):
        """State from which a body starts; may depend on parameters."""

    @abc.abstractmethod
    def outputs(self, t, state, sensed):
        """What others may read."""

    @abc.abstractmethod
    def rates(self, t, state, sensed, net, out):
        """d(state)/dt per ``time_unit``; ``net`` holds the sum of flows into each port, ``out`` the own outputs."""


class AbstractBoundary(AbstractStore):
    """The account of what has left the body: it only fills, so it takes no part in a steady state."""


class AbstractDosedStore(AbstractStore):
    """A store that decides how much of a dose arrives, and when."""

    @abc.abstractmethod
    def receive(self, amount):
        """``(amount that arrives, delay in time_unit)`` of a dose given to this store."""


class AbstractLink(AbstractPart):
    """Turns the outputs of two stores into a flow from ``up`` to ``down``; ``carries`` is the flow's unit."""

    carries: ClassVar[str]
    Up: ClassVar[type] = Nothing
    Down: ClassVar[type] = Nothing

    @abc.abstractmethod
    def flow(self, t, up, down):
        """Flow from up to down, in ``carries``."""


class AbstractInertialLink(AbstractPart):
    """A link with a state of its own, such as the momentum of the blood in a vessel."""

    carries: ClassVar[str]
    Up: ClassVar[type] = Nothing
    Down: ClassVar[type] = Nothing

    @abc.abstractmethod
    def rest(self):
        """State from which a body starts."""

    @abc.abstractmethod
    def flow(self, t, state, up, down):
        """Flow from up to down, in ``carries``."""

    @abc.abstractmethod
    def rates(self, t, state, up, down):
        """d(state)/dt per ``time_unit``."""


class AbstractPlainPart(AbstractPart):
    """A model that lives as one piece: state, what it senses and what it shows, without ports for flows."""

    @abc.abstractmethod
    def rest(self):
        """State from which a body starts."""

    @abc.abstractmethod
    def outputs(self, t, state, sensed):
        """What others may read."""

    @abc.abstractmethod
    def rates(self, t, state, sensed, out):
        """d(state)/dt per ``time_unit``."""


class AbstractTriggeredPart(AbstractPlainPart):
    """A plain part whose state jumps when it crosses a threshold; ``crosses`` is the unit of ``crossing``.

    The jump comes at the instant at which ``crossing`` passes from below zero to zero or above.
    """

    crosses: ClassVar[str] = "1"

    @abc.abstractmethod
    def crossing(self, t, state, sensed):
        """Negative before the jump; a smooth function of what it depends on."""

    @abc.abstractmethod
    def jump(self, t, state, sensed):
        """State just after the jump."""


class AbstractEventPart(AbstractPlainPart):
    """A plain part whose state jumps when a schedule says so: the start of a meal, a fraction of radiation.

    Each field of ``Events`` is a channel ``part.field`` of a schedule; a bolus into it is an event of that amount, and
    nothing is added to any state but by ``jump``.
    """

    Events: ClassVar[type] = Nothing

    @abc.abstractmethod
    def jump(self, t, event, state, sensed):
        """State just after the events of this instant; the amount is 0 in ``event`` for those that did not happen."""


class AbstractImplicitPart(AbstractPart):
    """A model in which some variables follow from equations without a derivative.

        ds/dt = rates(t, s, z),        0 = residual(t, s, z)

    ``Implied`` are the variables z and ``Balance`` the equations, as many; d(residual)/dz must not be singular. A solve
    makes z consistent at its start and after every dose.
    """

    Implied: ClassVar[type] = Nothing
    Balance: ClassVar[type] = Nothing

    @abc.abstractmethod
    def rest(self):
        """State from which a body starts."""

    @abc.abstractmethod
    def guess(self):
        """Implied variables near those that belong to ``rest()``: which solution is meant, where there are several."""

    @abc.abstractmethod
    def outputs(self, t, state, implied, sensed):
        """What others may read."""

    @abc.abstractmethod
    def rates(self, t, state, implied, sensed, out):
        """d(state)/dt per ``time_unit``."""

    @abc.abstractmethod
    def residual(self, t, state, implied, sensed, out):
        """``Balance``: all zero where the implied variables are right."""


class AbstractController(AbstractPart):
    """A memoryless law: a pacemaker, a drug's effect, a signal known from samples."""

    @abc.abstractmethod
    def outputs(self, t, sensed):
        """What others may read."""


LINKS = (AbstractLink, AbstractInertialLink)
STATEFUL = (AbstractStore, AbstractInertialLink, AbstractPlainPart, AbstractImplicitPart)


def carried_by(cls: type) -> list[dataclasses.Field]:
    """The fields of a part that are rows of a solve: its states, then its implied variables."""
    if not issubclass(cls, STATEFUL):
        return []
    return fields_of(cls.State) + (fields_of(cls.Implied) if issubclass(cls, AbstractImplicitPart) else [])


@dataclasses.dataclass(frozen=True)
class ParameterInfo:
    """Unit, prior and origin of one parameter of a body."""

    unit: str
    prior: AbstractPrior
    source: str


@dataclasses.dataclass(frozen=True)
class Placed:
    """A part together with what is known of its parameters at its place in the body."""

    part: AbstractPart
    info: tuple[tuple[str, ParameterInfo], ...]


def placed(part_class: type, *, source: str, **priors: AbstractPrior) -> Placed:
    """The part with each named parameter at the median of the prior that holds for this place."""
    known = {f.name: f.metadata["unit"] for f in fields_of(part_class) if f.metadata["kind"] == "parameter"}
    for name in priors:
        if name not in known:
            raise ValueError(f"{part_class.__name__} has no parameter '{name}'; it has {', '.join(sorted(known))}")
    part = part_class(**{name: prior.median for name, prior in priors.items()})
    return Placed(part, tuple((name, ParameterInfo(known[name], prior, source)) for name, prior in priors.items()))


def fields_of(cls: type) -> list[dataclasses.Field]:
    """The fields of a part, state or ports class, in order of declaration."""
    return list(dataclasses.fields(cls))


def units_of(cls: type) -> dict[str, str]:
    """Field name -> unit text."""
    return {f.name: f.metadata["unit"] for f in dataclasses.fields(cls)}


def parameters_of(part: AbstractPart) -> dict[str, ParameterInfo]:
    """Parameter name -> unit, prior and source as the part's class declares them."""
    return {
        f.name: ParameterInfo(f.metadata["unit"], f.metadata["prior"], f.metadata["source"])
        for f in dataclasses.fields(part)
        if f.metadata.get("kind") == "parameter"
    }


def cast(tree: Any, dtype: Any) -> Any:
    """The same tree with every floating array in another precision."""
    return jax.tree.map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, tree)
