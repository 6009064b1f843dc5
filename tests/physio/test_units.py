"""Units: reading, algebra, quantities in text, and the two marks at run time."""

import copy
from fractions import Fraction

import jax
import jax.numpy as jnp
import pytest

from physio.units import UnitError, as_number, as_quantity, quantity_from_text, unit

# Facts: one unit on the left is so many units on the right.
FACTS = [
    ("mmHg", "Pa", 133.322387415),
    ("cmH2O", "Pa", 98.0665),
    ("L", "m^3", 1e-3),
    ("kcal", "J", 4184.0),
    ("bar", "kPa", 100.0),
    ("mL", "cm^3", 1.0),
    ("L/min", "mL/s", 1000.0 / 60.0),
    ("dL", "mL", 100.0),
    ("mg/dL", "g/L", 0.01),
    ("mmol/L", "mol/m^3", 1.0),
    ("N/m^2", "Pa", 1.0),
    ("J/s", "W", 1.0),
    ("V*A", "W", 1.0),
    ("C", "A*s", 1.0),
    ("F", "C/V", 1.0),
    ("S", "A/V", 1.0),
    ("pA/pF", "mV/ms", 1.0),
    ("nS/pF*mV", "pA/pF", 1.0),
    ("J/C", "V", 1.0),
    ("Hz", "1/min", 60.0),
    ("week", "d", 7.0),
    ("year", "d", 365.25),
    ("h", "min", 60.0),
    ("beat/min", "1/min", 1.0),
    ("%", "1", 0.01),
    ("rad", "1", 1.0),
    ("uU/mL", "mU/L", 1.0),
    ("degC", "K", 1.0),
    ("Pa*m^3", "J", 1.0),
    ("mmHg*mL", "J", 133.322387415e-6),
    ("ug/kg", "ng/g", 1.0),
    ("um^2", "m^2", 1e-12),
]


@pytest.mark.parametrize(("left", "right", "factor"), FACTS)
def test_known_factors(left, right, factor):
    assert unit(left).factor_to(unit(right)) == pytest.approx(factor, rel=1e-14)
    assert unit(left).compatible(unit(right))
    assert unit(left).scale / unit(right).scale == pytest.approx(factor, rel=1e-14)
    assert unit(left).same(unit(right)) == (factor == 1.0)


def test_operators_associate_to_the_left():
    assert unit("mL/uU/min") == unit("mL/(uU*min)")
    assert unit("mL/uU*min") == unit("mL*min/uU")
    assert unit("mL/uU/min") != unit("mL/(uU/min)")


def test_text_is_kept_and_read_back():
    for text in ("mmHg*s/mL", "mmHg^0.5", "m^(1/3)", "1/min", "1", "mL/uU/min", "s^-1", " mL / min "):
        assert unit(text).text == text.strip()
        derived = unit(text) * unit("kg") / unit("kg")
        assert unit(derived.text) == unit(text)


def test_algebra():
    assert unit("mmHg") / (unit("mL") / unit("s")) == unit("mmHg*s/mL")
    assert (unit("mL") / unit("mL")).text == "1"
    assert unit("m^2") ** Fraction(1, 2) == unit("m")
    assert unit("m") ** (1 / 3) == unit("m^(1/3)")
    assert unit("mmHg^0.5") * unit("mmHg") ** 0.5 == unit("mmHg")
    assert unit("mmHg^0.5").scale == pytest.approx(133.322387415**0.5, rel=1e-14)
    assert unit("N").dimension == (("length", 1), ("mass", 1), ("time", -2))
    assert unit("%").dimension == () and unit("U").dimension == (("insulin", 1),)


def test_units_are_values():
    assert hash(unit("mL*mmHg")) == hash(unit("mmHg*mL"))
    assert {unit("mL"): 1}[unit("mL")] == 1
    assert copy.deepcopy(unit("mL/mmHg")) == unit("mL/mmHg")
    with pytest.raises(AttributeError):
        unit("mL").text = "L"


def test_scale_and_dimension_both_count():
    assert unit("mL/s").compatible(unit("L/min")) and not unit("mL/s").same(unit("L/min"))
    assert not unit("mU").compatible(unit("mg"))    # international units of insulin are no mass
    with pytest.raises(UnitError, match="cannot convert mmHg to mL"):
        unit("mmHg").factor_to(unit("mL"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mmhg", "unknown unit symbol 'mmhg' .*did you mean 'mmHg'"),
        ("m2", r"did you mean 'm\^2'"),
        ("mL/", "ends where a unit symbol should stand"),
        ("", "ends where a unit symbol should stand"),
        ("(mL", "missing"),
        ("mL)", "unexpected"),
        ("mL s", "join symbols with"),
        ("10 mL", "cannot read unit"),
        ("mL**2", "cannot read unit"),
        ("m^(1/0)", "divides by zero"),
        ("mL-s", "cannot read unit"),
        (3, "written as text"),
        (None, "written as text"),
    ],
)
def test_unreadable_units_say_why_in_one_line(text, message):
    with pytest.raises(UnitError, match=message) as caught:
        unit(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected", "value"),
    [
        ("250 mg", "mg", 250.0),
        ("0.25 g", "mg", 250.0),
        ("5 L/min", "mL/s", 5000.0 / 60.0),
        ("1e-3 L", "mL", 1.0),
        ("-1.5mmHg", "Pa", -1.5 * 133.322387415),
        (".5 h", "min", 30.0),
        ("80 %", "1", 0.8),
        ("0.8", "1", 0.8),
        (0.8, "1", 0.8),
        ("7 \u00b5U/mL", "uU/mL", 7.0),
    ],
)
def test_quantities_in_text(text, expected, value):
    assert quantity_from_text(text, expected) == pytest.approx(value, rel=1e-14)


def test_conversion_by_a_power_of_ten_is_exact():
    assert quantity_from_text("0.25 g", "mg") == 250.0
    assert quantity_from_text("320 mg", "mg") == 320.0


BAD_QUANTITIES = ["250", 250, True, None, "mg", "", "nan mg", "1e999 mg", "3 mL", "2 mgg", "1,5 mg", "1 2 mg"]


@pytest.mark.parametrize("text", BAD_QUANTITIES)
def test_bad_quantities_are_refused_in_one_line(text):
    with pytest.raises(UnitError) as caught:
        quantity_from_text(text, "mg")
    assert "mg" in str(caught.value) and "\n" not in str(caught.value)


def test_marks_are_the_identity_under_every_transform():
    def dose(pressure):
        return as_quantity(2.0 * jnp.sin(as_number(pressure, "mmHg")), "mL")

    points = jnp.linspace(0.1, 2.0, 4)
    assert jnp.allclose(dose(points), 2.0 * jnp.sin(points))
    assert jnp.allclose(jax.jit(dose)(points), 2.0 * jnp.sin(points))
    assert jnp.allclose(jax.vmap(dose)(points), 2.0 * jnp.sin(points))
    assert jnp.allclose(jax.vmap(jax.grad(dose))(points), 2.0 * jnp.cos(points))
    assert jnp.allclose(jax.vmap(jax.jacfwd(dose))(points), 2.0 * jnp.cos(points))
    assert jnp.allclose(jax.vmap(jax.hessian(dose))(points), -2.0 * jnp.sin(points))
    assert jnp.allclose(jax.jit(jax.grad(lambda x: as_number(x, "mL")))(3.0), 1.0)


def test_a_marked_python_number_takes_the_precision_of_its_partner():
    assert (as_quantity(93.0, "mmHg") * jnp.float32(1.0)).dtype == jnp.float32
    assert as_quantity(jnp.float32(1.0), "mmHg").dtype == jnp.float32


def test_a_mark_with_an_unknown_unit_is_refused():
    with pytest.raises(UnitError, match="mmhg"):
        as_number(1.0, "mmhg")
