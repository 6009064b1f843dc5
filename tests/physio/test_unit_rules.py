"""What the unit checker accepts and refuses, operation by operation, mistakes that model authors make."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from jax import lax

from physio.units.check import check_units
from physio.units import UnitError, as_number, as_quantity

SCALAR = jax.ShapeDtypeStruct((), jnp.float64)
VECTOR = jax.ShapeDtypeStruct((5,), jnp.float64)
MATRIX = jax.ShapeDtypeStruct((5, 5), jnp.float64)
INDEX = jax.ShapeDtypeStruct((), jnp.int64)


def double(x):
    return 2.0 * x


RIGHT = {
    "windkessel": (lambda v, v0, c: (v - v0) / c, ["mL", "mL", "mL/mmHg"], "mmHg", SCALAR),
    "other symbols, same size": (lambda a, b: a + b, ["mL", "cm^3"], "cm^3", SCALAR),
    "pressure times volume is energy": (lambda p, v: p * v, ["Pa", "m^3"], "J", SCALAR),
    "zero fits any unit": (lambda a: jnp.maximum(a, 0.0) + jnp.zeros(5) - 0, ["mL"], "mL", VECTOR),
    "infinity fits any unit": (lambda a: jnp.where(a > 0.0, a, jnp.inf), ["mL"], "mL", VECTOR),
    "number times quantity": (lambda a: 0.5 * a / 3, ["mL"], "mL", SCALAR),
    "square root": (jnp.sqrt, ["mmHg"], "mmHg^0.5", SCALAR),
    "square root of a square": (lambda a: jnp.sqrt(a**2), ["mmHg"], "mmHg", SCALAR),
    "half power": (lambda a: a**1.5, ["mmHg"], "mmHg^1.5", SCALAR),
    "power of one third": (lambda a: jnp.power(a, 1 / 3), ["L"], "dm", SCALAR),
    "cube root": (jnp.cbrt, ["m^3"], "m", SCALAR),
    "negative power": (lambda a: a**-2, ["s"], "Hz^2", SCALAR),
    "allometry": (lambda w, w0: (w / w0) ** 0.75, ["kg", "kg"], "1", SCALAR),
    "remainder": (lambda t, period: t % period, ["s", "s"], "s", SCALAR),
    "jnp.mod": (jnp.mod, ["s", "s"], "s", SCALAR),
    "jnp.remainder": (jnp.remainder, ["s", "s"], "s", VECTOR),
    "whole beats": (lambda t, period: t // period, ["s", "s"], "1", SCALAR),
    "jnp.divmod": (jnp.divmod, ["s", "s"], ("1", "s"), SCALAR),
    "hypot": (jnp.hypot, ["mL", "mL"], "mL", SCALAR),
    "clip": (lambda a, b: jnp.clip(a, 0.0, b), ["mL", "mL"], "mL", SCALAR),
    "where": (lambda a, b: jnp.where(a > b, a, b), ["mL", "mL"], "mL", SCALAR),
    "select": (lambda a: jnp.select([a > 0, a < 0], [a, 2 * a], 0.0), ["mL"], "mL", VECTOR),
    "exp of a ratio": (lambda t, tau: jnp.exp(-t / tau), ["s", "s"], "1", SCALAR),
    "softplus": (lambda a, b: jax.nn.softplus(a / b) * b, ["mL/s", "mL/s"], "mL/s", SCALAR),
    "relu": (jax.nn.relu, ["mL/s"], "mL/s", SCALAR),
    "arctan": (lambda a, b: jnp.arctan(a / b), ["mL/s", "mL/s"], "rad", SCALAR),
    "arctan2": (jnp.arctan2, ["mL/s", "mL/s"], "1", SCALAR),
    "sign keeps direction": (lambda a: jnp.sign(a) * jnp.abs(a), ["mL/s"], "mL/s", SCALAR),
    "sine of an angle": (lambda w, t: jnp.sin(w * t), ["rad/s", "s"], "1", SCALAR),
    "interp": (jnp.interp, ["min", "min", "mg/dL"], "mg/dL", (SCALAR, VECTOR, VECTOR)),
    "interp outside": (
        lambda t, ts, gs: jnp.interp(t, ts, gs, left=0.0, right=0.0),
        ["min", "min", "mg/dL"],
        "mg/dL",
        (VECTOR, VECTOR, VECTOR),
    ),
    "searchsorted": (lambda ts, t: ts[jnp.searchsorted(ts, t)], ["min", "min"], "min", (VECTOR, SCALAR)),
    "searchsorted by sorting": (
        lambda ts, t: jnp.searchsorted(ts, t, method="sort"), ["min", "min"], "1", (VECTOR, VECTOR)
    ),
    "stack": (lambda a, b: jnp.stack([a, b, 0.0 * a]), ["mL", "mL"], "mL", SCALAR),
    "array of scalars": (lambda a, b: jnp.array([a, b, 0.0]), ["mL", "mL"], "mL", SCALAR),
    "concatenate": (lambda a, b: jnp.concatenate([a, b]), ["mL", "mL"], "mL", VECTOR),
    "sum, mean, spread": (
        lambda a: (a.sum(), a.mean(), a.std(), a.var(), a.max(), jnp.median(a), jnp.linalg.norm(a)),
        ["mL"],
        ("mL", "mL", "mL", "mL^2", "mL", "mL", "mL"),
        VECTOR,
    ),
    "product of all": (jnp.prod, ["m"], "m^5", VECTOR),
    "dot": (jnp.dot, ["mmHg", "mL"], "mmHg*mL", VECTOR),
    "matrix times vector": (lambda a, b: a @ b, ["1/s", "mg"], "mg/s", (MATRIX, VECTOR)),
    "einsum": (lambda a, b: jnp.einsum("i,j->ij", a, b), ["m", "s"], "m*s", VECTOR),
    "solve": (jnp.linalg.solve, ["mmHg/mL", "mmHg"], "mL", (MATRIX, VECTOR)),
    "inverse": (jnp.linalg.inv, ["1/s"], "s", MATRIX),
    "trapezoid": (jnp.trapezoid, ["mg/L", "h"], "mg*h/L", VECTOR),
    "linspace": (lambda a, b: jnp.linspace(a, b, 7), ["s", "s"], "s", SCALAR),
    "sorting": (lambda a: (jnp.sort(a), jnp.argsort(a), a[jnp.argmax(a)]), ["mL"], ("mL", "1", "mL"), VECTOR),
    "set and add": (
        lambda a, b: a.at[1].set(b).at[2].add(b).at[3].set(0.0), ["mL"] * 2, "mL", (VECTOR, SCALAR)
    ),
    "cumsum, roll, pad": (lambda a: jnp.pad(jnp.roll(jnp.cumsum(a), 1), 1), ["mL"], "mL", VECTOR),
    "dynamic slices": (
        lambda a, i: lax.dynamic_update_slice(a, lax.dynamic_slice(a, (i,), (2,)), (0,)),
        ["mL", None],
        "mL",
        (VECTOR, INDEX),
    ),
    "count": (lambda a: jnp.sum(a > 0.0), ["mL"], "1", VECTOR),
    "scan from zero": (
        lambda a: lax.scan(lambda c, x: (c + x, c * x), 0.0, a), ["mL"], ("mL", "mL^2"), VECTOR
    ),
    "fori_loop": (lambda a: lax.fori_loop(0, 5, lambda i, s: s + a[i], 0.0), ["mL"], "mL", VECTOR),
    "while_loop": (
        lambda a, b: lax.while_loop(lambda c: c < a, lambda c: 2.0 * c + b, b), ["s", "s"], "s", SCALAR
    ),
    "lax.map": (lambda a: lax.map(lambda x: x * x, a), ["mL"], "mL^2", VECTOR),
    "cond": (lambda a: lax.cond(a > 0.0, lambda x: x, lambda x: 0.0 * x, a), ["mL"], "mL", SCALAR),
    "switch": (
        lambda a, i: lax.switch(i, [jnp.abs, double, jnp.zeros_like], a), ["mL", None], "mL", (VECTOR, INDEX)
    ),
    "vmap": (
        jax.vmap(lambda a, b: jnp.mod(jnp.maximum(a, 0.0), b), (0, None)), ["s", "s"], "s", (VECTOR, SCALAR)
    ),
    "vmap of cond": (jax.vmap(lambda a: lax.cond(a > 0.0, double, jnp.abs, a)), ["mL"], "mL", VECTOR),
    "jit": (jax.jit(double), ["mL"], "mL", SCALAR),
    "filter_jit": (eqx.filter_jit(double), ["mL"], "mL", SCALAR),
    "checkpoint": (jax.checkpoint(lambda a: a * a), ["mL"], "mL^2", SCALAR),
    "grad": (jax.grad(lambda a: a**3), ["m"], "m^2", SCALAR),
    "grad of a half power": (jax.grad(lambda a: a**1.5), ["m"], "m^0.5", SCALAR),
    "grad through a formula": (
        jax.grad(lambda a: as_quantity(jnp.exp(as_number(a, "mmHg")), "mL")), ["mmHg"], "mL/mmHg", SCALAR
    ),
    "jacobian": (lambda v, b: jax.jacfwd(lambda x: x**2 * b)(v), ["m", "s"], "m*s", (VECTOR, SCALAR)),
    "empirical formula": (
        lambda p: as_quantity(3.2 + jnp.log(as_number(p, "mmHg")), "mL"), ["mmHg"], "mL", SCALAR
    ),
    "constant with a unit": (lambda p: p + as_quantity(93.0, "mmHg"), ["mmHg"], "mmHg", SCALAR),
    "undeclared argument": (lambda a, b: a + b * b, ["mL", None], "mL", SCALAR),
    "undeclared result": (lambda a: a * a, ["mL"], None, SCALAR),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass(name):
    fn, units, out, shape = RIGHT[name]
    shapes = shape if isinstance(shape, tuple) else (shape,) * len(units)
    check_units(fn, shapes, tuple(units), out)


WRONG = {
    "sum": (lambda a, b: a + b, ["mmHg", "mL"], ["cannot add", "mmHg", "mL", "different dimensions"]),
    "scale of a sum": (
        lambda a, b: a + b, ["mmHg", "kPa"], ["cannot add mmHg and kPa", "same dimension", "factor 7.50062"]
    ),
    "scale of a difference": (
        lambda a, b: a - b, ["mL/s", "L/min"], ["cannot subtract mL/s and L/min", "factor 16.6667"]
    ),
    "number without a unit": (
        lambda a: a + 1.0, ["mL"], ["cannot add", "mL", "pure number", "as_quantity(x, 'mL')"]
    ),
    "exp of a time": (jnp.exp, ["s"], ["exp needs 1", "got s", "as_number(x, 's')"]),
    "exp of a percentage": (jnp.exp, ["%"], ["exp needs 1", "got %"]),
    "log of a concentration": (jnp.log, ["mg/L"], ["log needs 1", "got mg/L"]),
    "sine of a time": (jnp.sin, ["s"], ["sin needs 1", "got s"]),
    "softplus of a flow": (jax.nn.softplus, ["mL/s"], ["needs 1", "got mL/s"]),
    "comparison": (lambda a, b: a > b, ["s", "min"], ["cannot compare", "s", "min", "factor"]),
    "comparison with a number": (lambda a: a > 90.0, ["mmHg"], ["cannot compare", "mmHg", "pure number"]),
    "where": (lambda a: jnp.where(a > 0.0, a, 1.0), ["mL"], ["cannot choose between", "mL", "pure number"]),
    "clip": (lambda a: jnp.clip(a, 0.0, 3.0), ["mL"], ["mL", "pure number"]),
    "maximum": (jnp.maximum, ["s", "min"], ["take the maximum of s and min", "factor 60"]),
    "hypot": (lambda a: jnp.hypot(a, 1.0), ["m"], ["m", "pure number"]),
    "remainder": (lambda t: t % 0.8, ["s"], ["cannot take the remainder of s and 1"]),
    "variable power": (lambda a, b: a**b, ["m", "1"], ["variable exponent", "got m"]),
    "exponent with a unit": (lambda a: 2.0**a, ["m"], ["got m"]),
    "rounding": (jnp.floor, ["s"], ["floor needs 1", "got s"]),
    "integer from a quantity": (lambda a: a.astype(int), ["s"], ["rounding to an integer", "got s"]),
    "stack": (lambda a, b: jnp.stack([a, b]), ["mL", "mmHg"], ["put into one array mL and mmHg"]),
    "concatenate": (
        lambda a, b: jnp.concatenate([a[None], b[None]]), ["mL", "L"], ["mL and L", "factor 1000"]
    ),
    "in-place set": (lambda a: jnp.zeros(3).at[0].set(a).at[1].set(1.0), ["mL"], ["write into one array mL"]),
    "interp": (lambda a, b: jnp.interp(a, b[None], b[None]), ["s", "min"], ["s", "min", "factor"]),
    "division": (lambda a, b: a / b, ["mL", "s"], ["result is mL/s, expected mL"], "mL"),
    "result scale": (
        lambda a, b: a / b, ["mL", "s"], ["result is mL/s, expected mL/min", "factor 60"], "mL/min"
    ),
    "as_number": (
        lambda a: as_number(a, "mmHg"), ["kPa"], ["as_number(x, 'mmHg') needs mmHg, got kPa", "7.50062"]
    ),
    "as_number of a number": (lambda a: as_number(2.0 * a / a, "mmHg"), ["kPa"], ["needs mmHg, got 1"]),
    "as_quantity": (lambda a: as_quantity(a, "mmHg"), ["mmHg"], ["as_quantity needs 1", "got mmHg"]),
    "cond": (
        lambda a, b: lax.cond(a > 0.0, lambda: a, lambda: b), ["mL", "s"], ["branches of one cond", "mL", "s"]
    ),
    "inside jit": (jax.jit(lambda a: a + 1.0), ["mL"], ["cannot add mL and 1"]),
    "inside filter_jit": (eqx.filter_jit(lambda a: a + 1.0), ["mL"], ["cannot add mL and 1"]),
    "inside checkpoint": (jax.checkpoint(lambda a: a + 1.0), ["mL"], ["cannot add mL and 1"]),
    "inside vmap": (jax.vmap(lambda a: a + 1.0), ["mL"], ["cannot add mL and 1"], None, VECTOR),
    "inside a branch": (lambda a: lax.cond(a > 0.0, jnp.exp, jnp.abs, a), ["mL"], ["exp needs 1", "got mL"]),
    "inside a loop test": (
        lambda a: lax.while_loop(lambda c: c < 3.0, double, a), ["mL"], ["compare", "mL", "pure number"]
    ),
    "unknown primitive": (jnp.linalg.eigh, ["m"], ["primitive 'eigh'", "got m"], None, MATRIX),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_are_refused_with_both_units(name):
    fn, units, parts, *rest = WRONG[name]
    out = rest[0] if rest else None
    shape = rest[1] if len(rest) > 1 else SCALAR
    with pytest.raises(UnitError) as caught:
        check_units(fn, (shape,) * len(units), tuple(units), out)
    message = str(caught.value)
    assert "\n" not in message and all(part in message for part in parts), message
