"""Dalla Man 2007: the drink of 78 g of the normal subject, secretion by hand, and a balanced person."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.dalla_man import balanced, dalla_man, signed_dalla_man
from physio.bodies.meals import drink
from physio.metabolism.insulin_kinetics import SecretedInsulin
from physio.metabolism.insulin_secretion import Secretion, SignedSecretion
from physio.solve import Status, Tsit5, solve
from physio.system import System

TIGHT = Tsit5(1e-11, 1e-11)
AT = np.arange(0.0, 421.0, 2.0)
# BioModels BIOMD0000000379
START = {"glucose.plasma": 178.0, "glucose.tissue": 135.0, "insulin.liver": 4.5, "insulin.plasma": 1.25,
         "insulin.delayed": 25.0, "insulin.suppression": 25.0, "secretion.portal": 3.6}  # fmt: skip
COLUMNS = {"Gp": "glucose.plasma", "Gt": "glucose.tissue", "Il": "insulin.liver", "Ip": "insulin.plasma",
           "Ipo": "secretion.portal", "Qsto2": "stomach.liquid", "Qgut": "stomach.intestine", "I1": "insulin.delayed",
           "Id": "insulin.suppression", "X": "insulin.utilisation", "Y": "secretion.provision"}  # fmt: skip


def drunk(body):
    rows = System.of(body, 1).state_names
    start = jnp.asarray([START.get(row, 0.0) for row in rows])
    return jax.jit(lambda b, y: solve(b, drink(0.0, 78.0), at=AT, start=y, method=TIGHT))(body, start)


@pytest.fixture(scope="module")
def signed():
    return drunk(signed_dalla_man())


def test_a_drink(signed):
    """Independent integration: 158.44 mg/dL at 64 min, 224.4 pmol/L at 79 min, and hour by hour."""
    glucose, insulin = np.asarray(signed["glucose.glucose"]), np.asarray(signed["insulin.insulin"])
    assert int(signed.status) == Status.OK and AT[glucose.argmax()] == 64.0
    assert glucose.max() == pytest.approx(158.44, abs=5e-3) and insulin.max() == pytest.approx(224.4, abs=0.1)
    hours = np.isin(AT, [60.0, 120.0, 180.0, 240.0, 300.0])
    np.testing.assert_allclose(glucose[hours], [158.27, 137.12, 110.02, 98.18, 93.56], atol=5.1e-3)
    np.testing.assert_allclose(insulin[hours], [212.0, 173.5, 81.3, 42.6, 29.0], atol=0.051)


def test_every_state_of_the_table(signed, shared_data):
    path = shared_data("metabolic_reference") / "dallaman2007_meal78g_paper_eq_part0.csv"
    table = np.genfromtxt(path, delimiter=",", names=True)
    for column, address in COLUMNS.items():
        scale = np.abs(table[column]).max()
        np.testing.assert_allclose(signed[address], table[column], rtol=1e-8, atol=1e-8 * scale, err_msg=column)


def test_the_paper_holds_nothing_back_when_glucose_falls(signed):
    """The peak is the same; for an hour after it insulin is higher than where falling glucose holds secretion back."""
    path = drunk(dalla_man())
    glucose = np.asarray(path["glucose.glucose"])
    assert glucose.max() == pytest.approx(158.44, abs=5e-3) and AT[glucose.argmax()] == 64.0
    later = (AT > 80.0) & (AT < 150.0)
    assert (np.asarray(path["insulin.insulin"]) > np.asarray(signed["insulin.insulin"]))[later].all()


@pytest.mark.parametrize(("cls", "falling"), [(Secretion, 0.0), (SignedSecretion, -2.3 * 2.0)])
def test_secretion_by_hand(cls, falling):
    """S = gamma Ipo; beta (G - h) = 0.11 * 20 above basal, -Sb at most below; K answers dG/dt."""
    part = cls()
    state = part.State(portal=jnp.asarray(4.0), provision=jnp.asarray(1.0))

    def rates(glucose, change):
        sensed = part.Sensed(jnp.asarray(glucose), jnp.asarray(change))
        found = part.rates(0.0, state, sensed, part.outputs(0.0, state, sensed))
        return float(found.portal), float(found.provision)

    assert rates(115.0, 2.0) == pytest.approx((1.0 + 1.8 + 4.6 - 2.0, -0.05 * (1.0 - 2.2)), rel=1e-12)
    assert rates(50.0, -2.0) == pytest.approx((1.0 + 1.8 + falling - 2.0, -0.05 * (1.0 + 1.8)), rel=1e-12)


def test_the_liver_takes_its_share():
    """HE = m6 - m5 S: 0.5924 at 1.8 pmol/kg/min, of all that passes."""
    part = SecretedInsulin()
    lost = float(part.extraction(jnp.asarray(1.8)))
    assert lost / (lost + 0.19) == pytest.approx(0.6471 - 0.0304 * 1.8, rel=1e-12)


def test_a_balanced_person_is_at_rest():
    body = dalla_man().with_values({"glucose.fasting": [80.0, 120.0], "insulin.basal": [20.0, 60.0]})
    system = System.of(balanced(body), 2)
    off = np.asarray(system.field(jnp.zeros(2), system.rest(), {}, {"food": jnp.zeros(2)}))
    # K is answered from a change that is zero but for rounding
    np.testing.assert_allclose(off, 0.0, atol=1e-12)
