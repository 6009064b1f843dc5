"""The unit checker: reads the jaxpr of a function and follows the units of its arguments to its results.

The function is traced once with `jax.make_jaxpr` and never run. Dimension and scale are checked, so mmHg +
kPa is an error as much as mmHg + mL. The message is one line with file and line of the offending expression
and both units. What each primitive does to units is in `physio.units.rules`; this file walks through the equations,
through compiled functions, functions with custom derivatives (their values, not their derivative rules),
loops and branches. A loop must bring back each carried value in the unit it took it; branches must agree.
"""

import jax
import numpy as np
from jax.extend.core import Literal

from physio.units.fold import fold
from physio.units.quantity import Clash, Quantity, constant, difference, join, shown
from physio.units.rules import RULES, unknown
from physio.units.source import definition, locate
from physio.units.algebra import UnitError, unit


def check_units(fn, args, arg_units, out_units, where: str = "") -> None:
    """Check that ``fn(*args)`` is right in its units; UnitError, in one line, says where it is not.

    `args` is a tuple of pytrees of arrays or `jax.ShapeDtypeStruct`. `arg_units` has the structure of `args`
    and `out_units` that of the result, with a unit (text or `Unit`) for each array; one entry may stand for a
    whole subtree, and None accepts any unit. `where` names the thing checked and opens the message.
    """
    try:
        closed, result = jax.make_jaxpr(fn, return_shape=True)(*args)
        inputs = _declared(arg_units, tuple(args), "arg_units")
        wanted = _declared(out_units, result, "out_units")
        place = definition(closed.jaxpr)
        outputs, places = _walk(closed, inputs, place)
        paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(result)[0]]
        for path, want, found, line in zip(paths, wanted, outputs, places):
            if want.unit is not None and found.unit is not None and not want.unit.same(found.unit):
                pair = f"result{path} is {shown(found.unit)}, expected {shown(want.unit)}"
                raise _error(line or place, f"{pair} ({difference(want.unit, found.unit)})")
    except UnitError as error:
        raise UnitError(f"{where}: {error}" if where else str(error)) from None


def _declared(units, tree, name: str) -> list[Quantity]:
    try:
        full = jax.tree.broadcast(units, tree, is_leaf=lambda entry: entry is None)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UnitError(f"{name} does not have the structure of the values it describes: {reason}") from None
    leaves = jax.tree.leaves(full, is_leaf=lambda entry: entry is None)
    return [Quantity(None if leaf is None else unit(leaf)) for leaf in leaves]


def _error(place: str, message: str) -> UnitError:
    return UnitError(f"{place}: {message}" if place else message)


def _walk(closed, operands, call: str) -> tuple[list[Quantity], list[str]]:
    """The quantities a jaxpr returns and where each was computed; `call` is where the jaxpr was entered."""
    jaxpr = getattr(closed, "jaxpr", closed)
    known = dict(zip(jaxpr.constvars, map(constant, getattr(closed, "consts", ()))))
    known.update(zip(jaxpr.invars, operands, strict=True))
    places = {}

    def read(atom, guard: bool = False) -> Quantity:
        return constant(np.asarray(atom.val), guard) if isinstance(atom, Literal) else known[atom]

    for eqn in jaxpr.eqns:
        place, in_library = locate(eqn, call)
        try:
            results = _apply(eqn, [read(atom, in_library) for atom in eqn.invars], place)
        except Clash as clash:
            raise _error(place, str(clash)) from None
        known.update(zip(eqn.outvars, results, strict=True))
        places.update(dict.fromkeys(eqn.outvars, place))
    lines = ["" if isinstance(atom, Literal) else places.get(atom, "") for atom in jaxpr.outvars]
    return [read(atom) for atom in jaxpr.outvars], lines


def _apply(eqn, operands, place: str) -> list[Quantity]:
    name = eqn.primitive.name
    if name == "call_hi_primitive":    # a primitive of primitives is named by its class
        name = type(eqn.params["_prim"]).__name__
    if name in _CONTROL:
        return _CONTROL[name](eqn, operands, place)
    if name in RULES:
        units = RULES[name](eqn, operands)
    else:
        inner = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
        if inner is not None and len(getattr(inner, "jaxpr", inner).invars) == len(operands):
            return _walk(inner, operands, place)[0]
        units = unknown(name, eqn, operands)
    if isinstance(units, list):
        return [Quantity(given) for given in units]
    return [fold(eqn, operands, units) for _ in eqn.outvars]


def _settle(step, start, loop: str, place: str):
    """Repeat ``step(carry)`` until the units stand: what starts from zeros takes its unit on the way."""
    carry = [Quantity(entry.unit) for entry in start]
    while True:
        after, lines, rest = step(carry)
        for index, (old, new, line) in enumerate(zip(carry, after, lines)):
            if old.unit is not None and new.unit is not None and not old.unit.same(new.unit):
                change = f"from {shown(old.unit)} to {shown(new.unit)} ({difference(old.unit, new.unit)})"
                raise _error(line or place, f"{loop} changes its carried value {index} {change}")
        merged = [old if old.unit is not None else Quantity(new.unit) for old, new in zip(carry, after)]
        if merged == carry:
            return carry, rest
        carry = merged


def _scan(eqn, operands, place):
    params = eqn.params
    if "ft_in" in params:    # the layout of jax 0.12: one tree for constants, carry and inputs
        n_consts, n_carry, _ = (len(part) for part in params["ft_in"].unpack())
    else:
        n_consts, n_carry = params["num_consts"], params["num_carry"]
    consts, varying = operands[:n_consts], operands[n_consts:]
    start, slices = varying[:n_carry], varying[n_carry:]

    def step(carry):
        results, lines = _walk(params["jaxpr"], [*consts, *carry, *slices], place)
        return results[:n_carry], lines[:n_carry], results[n_carry:]

    carry, stacked = _settle(step, start, "scan", place)
    return [*carry, *stacked]


def _while(eqn, operands, place):
    params = eqn.params
    n_test, n_body = params["cond_nconsts"], params["body_nconsts"]
    test_consts, body_consts = operands[:n_test], operands[n_test:n_test + n_body]

    def step(carry):
        return *_walk(params["body_jaxpr"], [*body_consts, *carry], place), None

    carry, _ = _settle(step, operands[n_test + n_body:], "while", place)
    _walk(params["cond_jaxpr"], [*test_consts, *carry], place)
    return carry


def _cond(eqn, operands, place):
    results = [_walk(branch, operands[1:], place)[0] for branch in eqn.params["branches"]]
    return [Quantity(join("return from the branches of one cond", cases)) for cases in zip(*results)]


def _linear_solve(eqn, operands, place):
    lengths = eqn.params["const_lengths"]
    before, total = lengths.matvec + lengths.vecmat, sum(lengths)
    consts = operands[before:before + lengths.solve]
    return _walk(eqn.params["jaxprs"].solve, [*consts, *operands[total:]], place)[0]


_CONTROL = {"scan": _scan, "while": _while, "cond": _cond, "custom_linear_solve": _linear_solve}
