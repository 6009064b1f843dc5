"""The unit checker through loops and derivatives, the line it reports, and how units are declared."""

import inspect
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from jax import lax

from physio.units.check import check_units
from physio.units import UnitError, unit

SCALAR = jax.ShapeDtypeStruct((), jnp.float64)
VECTOR = jax.ShapeDtypeStruct((5,), jnp.float64)


def check(fn, units, out, shape=SCALAR):
    shapes = shape if isinstance(shape, tuple) else (shape,) * len(units)
    check_units(fn, shapes, tuple(units), out)


def message_of(fn, units, out=None, shape=SCALAR) -> str:
    """The one-line message with which a wrong function is refused."""
    with pytest.raises(UnitError) as caught:
        check(fn, units, out, shape)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def line_of(fn, text: str) -> str:
    """``test_unit_check.py:LINE:`` of the only source line of `fn` that holds `text`."""
    lines, first = inspect.getsourcelines(fn)
    found = [first + number for number, line in enumerate(lines) if text in line]
    assert len(found) == 1
    return f"{os.path.basename(__file__)}:{found[0]}:"


def double(x):
    return 2.0 * x


def test_custom_derivatives_are_read_by_their_value():
    @jax.custom_jvp
    def length(x, y):
        return jnp.sqrt(x * x + y * y)

    length.defjvp(lambda primals, tangents: (length(*primals), tangents[0]))

    @jax.custom_vjp
    def area(x, y):
        return x * y

    area.defvjp(lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
    check(length, ["m", "m"], "m")
    check(area, ["m", "cm"], "m*cm")
    assert "cannot add m^2 and s^2" in message_of(length, ["m", "s"])
    assert "result is m*s, expected m^2" in message_of(area, ["m", "s"], "m^2")


def test_scan_whose_carry_changes_unit():
    def grow(a, steps):
        def step(carry, _):
            return carry * a, carry

        return lax.scan(step, a, steps)

    message = message_of(grow, ["m", None], None, (SCALAR, VECTOR))
    assert "scan changes its carried value 0 from m to m^2" in message
    assert line_of(grow, "carry * a") in message


def test_while_whose_carry_changes_unit():
    def grow(a, b):
        return lax.while_loop(
            lambda c: c[0] < a,
            lambda c: (c[0] + a,
                       c[1] + c[0] * b,
                       c[2] * b),
            (0.0, 0.0, a),
        )

    message = message_of(grow, ["s", "mL/s"])
    assert "while changes its carried value 2 from s to mL" in message
    assert line_of(grow, "c[2] * b") in message


def test_carry_started_from_zero_takes_a_unit_and_keeps_it():
    def total(rate, dt, n):
        def step(carry, _):
            inner, outer = carry
            return (inner + rate * dt, outer + inner), inner

        return lax.scan(step, (0.0, 0.0), n)[0]

    shapes = (SCALAR, SCALAR, VECTOR)
    check(total, ["mL/s", "s", None], "mL", shapes)
    assert "expected L" in message_of(total, ["mL/s", "s", None], "L", shapes)

    def confused(rate, dt, n):
        def step(carry, _):
            inner, outer = carry
            return (inner + rate * dt, outer + inner * rate), outer + inner

        return lax.scan(step, (0.0, 0.0), n)[0]

    message = message_of(confused, ["mL/s", "s", None], None, shapes)
    assert "cannot add" in message and "mL^2/s" in message
    assert line_of(confused, "outer + inner * rate") in message


# ---- where the mistake stands --------------------------------------------------------------------


def pressure(volume, compliance):
    ratio = volume / compliance
    wrong = ratio + volume
    return wrong * 2.0


def choose(a, b, c):
    first = jnp.where(a > 0.0, a, c)
    return first + jnp.where(a > 0.0, a, b)  # the same compiled library function, wrong this time


def helper(a):
    return jnp.exp(a)


def looped(a):
    def body(i, s):
        t = s + a
        return t + jnp.clip(a, 0.0, 2.0)

    return lax.fori_loop(0, 3, body, a)


@jax.jit
def compiled(a):
    b = 2.0 * a
    return b - 1.0


@pytest.mark.parametrize(
    ("fn", "units", "source", "text"),
    [
        (pressure, ["mL", "mL/mmHg"], pressure, "ratio + volume"),
        (choose, ["m", "s", "m"], choose, "first + jnp.where"),
        (lambda a: helper(2.0 * a), ["s"], helper, "jnp.exp(a)"),
        (looped, ["s"], looped, "jnp.clip"),
        (compiled, ["s"], compiled.__wrapped__, "b - 1.0"),
        (lambda a: compiled(a / a) + compiled(a), ["s"], compiled.__wrapped__, "b - 1.0"),
        (jax.vmap(helper), ["s"], helper, "jnp.exp(a)"),
    ],
)
def test_reported_line_is_the_line_of_the_offending_expression(fn, units, source, text):
    shape = VECTOR if fn.__name__ == "helper" else SCALAR
    assert line_of(source, text) in message_of(fn, units, None, shape)


def test_wrong_result_is_reported_where_it_was_computed():
    def rates(volume, resistance):
        flow = volume / resistance
        return {"volume": flow, "kept": volume}

    message = message_of(rates, ["mL", "s"], {"volume": "mL/min", "kept": "mL"})
    assert "result['volume'] is mL/s, expected mL/min" in message
    assert line_of(rates, "flow = volume / resistance") in message
    untouched = message_of(rates, ["mL", "s"], {"volume": "mL/s", "kept": "L"})
    assert "result['kept'] is mL, expected L" in untouched and os.path.basename(__file__) in untouched


def test_where_opens_the_message():
    with pytest.raises(UnitError, match=r"^arteries\.rates: .*test_unit_check\.py:\d+: cannot add"):
        check_units(lambda a: a + 1.0, (SCALAR,), ("mL",), "mL", where="arteries.rates")


# ---- how units are declared ----------------------------------------------------------------------


class Windkessel(eqx.Module):
    compliance: jax.Array
    resistance: jax.Array

    def flow(self, volume):
        return volume / self.compliance / self.resistance


def test_units_of_modules_and_subtrees():
    part = Windkessel(SCALAR, SCALAR)
    units = Windkessel("mL/mmHg", unit("mmHg*s/mL"))
    call = lambda part, state: {"rate": part.flow(state["volume"])}  # noqa: E731
    check_units(call, (part, {"volume": SCALAR}), (units, {"volume": "mL"}), {"rate": "mL/s"})
    check_units(call, (part, {"volume": SCALAR}), (None, "mL"), {"rate": "mL/s"})
    with pytest.raises(UnitError, match="result.* is mL/s, expected mL/min"):
        check_units(call, (part, {"volume": SCALAR}), (units, "mL"), {"rate": "mL/min"})


def test_units_of_another_structure_or_unreadable_are_refused():
    with pytest.raises(UnitError, match="arg_units does not have the structure"):
        check_units(double, (SCALAR,), ("mL", "mL"), "mL")
    with pytest.raises(UnitError, match="out_units does not have the structure"):
        check_units(double, (SCALAR,), ("mL",), {"a": "mL"})
    with pytest.raises(UnitError, match="unknown unit symbol 'mmhg'"):
        check_units(double, (SCALAR,), ("mmhg",), None)


def test_values_are_accepted_in_place_of_shapes_and_captured_arrays_are_numbers():
    table = jnp.array([0.0, 1.0, 2.0])
    check_units(lambda a: a * table, (1.5,), ("mL",), "mL")
    check_units(lambda a: a + 0.0 * table, (1.5,), ("mL",), "mL")
    with pytest.raises(UnitError, match="cannot add mL and 1"):
        check_units(lambda a: a + table, (1.5,), ("mL",), "mL")
