"""Unit check of a part's equations, made once per class when a body is built."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from physio.component import (
    AbstractController,
    AbstractDosedStore,
    AbstractEventPart,
    AbstractImplicitPart,
    AbstractInertialLink,
    AbstractLink,
    AbstractPart,
    AbstractPlainPart,
    AbstractStore,
    AbstractTriggeredPart,
    units_of,
)
from physio.units.check import check_units

_checked: set[type] = set()


def check_part(part: AbstractPart, name: str) -> None:
    """Raise ``UnitError`` with file, line and both units where an equation of this part does not add up."""
    if type(part) not in _checked:
        for method, arguments, result in equations(type(part)):
            _check(part, method, arguments, result, f"{type(part).__name__}.{method} (part '{name}')")
        _checked.add(type(part))


def equations(cls: type) -> list[tuple[str, list, object]]:
    """Each method of a part class with the units of its arguments and of its result.

    An argument is a unit text or a ports class; the result is a unit text, a tuple of them, a ports class, or a
    (class, suffix) pair where every unit of the class is divided by the part's time unit.
    """
    t = cls.time_unit
    rate = (cls.State, f"/({t})")
    if issubclass(cls, AbstractDosedStore):
        amounts = {f.metadata["fills"] for f in dataclasses.fields(cls.Flows)}
        units = {units_of(cls.State)[a] for a in amounts}
        dosed = [("receive", [u], (u, t)) for u in sorted(units)]
    else:
        dosed = []
    if issubclass(cls, AbstractStore):
        return [
            ("rest", [], cls.State),
            ("outputs", [t, cls.State, cls.Sensed], cls.Outputs),
            ("rates", [t, cls.State, cls.Sensed, cls.Flows, cls.Outputs], rate),
            *dosed,
        ]
    if issubclass(cls, AbstractPlainPart):
        triggered = [
            ("crossing", [t, cls.State, cls.Sensed], cls.crosses),
            ("jump", [t, cls.State, cls.Sensed], cls.State),
        ] if issubclass(cls, AbstractTriggeredPart) else []
        told = [("jump", [t, cls.Events, cls.State, cls.Sensed], cls.State)] if issubclass(cls, AbstractEventPart) else []
        return [
            ("rest", [], cls.State),
            ("outputs", [t, cls.State, cls.Sensed], cls.Outputs),
            ("rates", [t, cls.State, cls.Sensed, cls.Outputs], rate),
            *triggered,
            *told,
        ]
    if issubclass(cls, AbstractImplicitPart):
        if len(units_of(cls.Implied)) != len(units_of(cls.Balance)):
            raise TypeError(
                f"{cls.__name__} has {len(units_of(cls.Implied))} implied variables and "
                f"{len(units_of(cls.Balance))} equations: Balance needs one field for each of Implied"
            )
        return [
            ("rest", [], cls.State),
            ("guess", [], cls.Implied),
            ("outputs", [t, cls.State, cls.Implied, cls.Sensed], cls.Outputs),
            ("rates", [t, cls.State, cls.Implied, cls.Sensed, cls.Outputs], rate),
            ("residual", [t, cls.State, cls.Implied, cls.Sensed, cls.Outputs], cls.Balance),
        ]
    if issubclass(cls, AbstractInertialLink):
        return [
            ("rest", [], cls.State),
            ("flow", [t, cls.State, cls.Up, cls.Down], cls.carries),
            ("rates", [t, cls.State, cls.Up, cls.Down], rate),
        ]
    if issubclass(cls, AbstractLink):
        return [("flow", [t, cls.Up, cls.Down], cls.carries)]
    if issubclass(cls, AbstractController):
        return [("outputs", [t, cls.Sensed], cls.Outputs)]
    raise TypeError(f"{cls.__name__} has no role: derive it from a store, link, controller or plain part")


def _check(part: AbstractPart, method: str, arguments: list, result, where: str) -> None:
    fields = [f.name for f in dataclasses.fields(part)]
    own = {f: getattr(part, f) for f in fields}
    own_units = {f.name: f.metadata["unit"] for f in dataclasses.fields(part)}
    one = jnp.asarray(1.0)
    values = [one if isinstance(a, str) else {n: one for n in units_of(a)} for a in arguments]
    units = [a if isinstance(a, str) else units_of(a) for a in arguments]

    def call(numbers, values):
        if fields:
            here = eqx.tree_at(lambda p: [getattr(p, f) for f in fields], part, [numbers[f] for f in fields])
        else:
            here = part
        made = [v if isinstance(a, str) else a(**v) for a, v in zip(arguments, values, strict=True)]
        out = getattr(here, method)(*made)
        if isinstance(result, str) or (isinstance(result, tuple) and isinstance(result[0], str)):
            return out
        cls = result[0] if isinstance(result, tuple) else result
        return {n: getattr(out, n) for n in units_of(cls)}

    if isinstance(result, str):
        expected = result
    elif isinstance(result, tuple) and isinstance(result[0], str):
        expected = result
    else:
        cls, suffix = result if isinstance(result, tuple) else (result, "")
        expected = {n: f"({u}){suffix}" if suffix else u for n, u in units_of(cls).items()}
    check_units(call, (own, values), (own_units, units), expected, where=where)
