"""The minimal model with meals: a constant appearance by hand, rest, and a day with a meal and a bolus."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.bergman_day import bergman_day, resting
from physio.bodies.meals import insulin, meal
from physio.body import Body
from physio.metabolism.minimal_model_with_meals import MinimalModelWithMeals
from physio.schedule import switch
from physio.solve import Status, Tsit5, solve
from physio.system import System

TIGHT = Tsit5(1e-10, 1e-12)


def test_constant_appearance_and_insulin():
    """Ra = 2 mg/kg/min at basal insulin: G = 130 + 2 / (1.7 SG) (1 - exp(-SG t)); and X = SI dI (1 - exp(-p2 t))."""
    body = Body(
        {"glucose": MinimalModelWithMeals(basal_insulin=0.0)},
        time="min",
        inputs={"insulin": "mU/L", "appearance": "mg/kg/min"},
        senses={"glucose.insulin": "input.insulin", "glucose.appearance": "input.appearance"},
    )
    at = np.asarray([30.0, 120.0, 400.0])
    path = solve(body, switch("appearance", 0.0, 500.0, 2.0), at=at, method=TIGHT)
    np.testing.assert_allclose(path["glucose.glucose"], 130.0 + 2.0 / (1.7 * 0.014) * (1.0 - np.exp(-0.014 * at)), rtol=1e-9)
    path = solve(body, switch("insulin", 0.0, 500.0, 10.0), at=at, method=TIGHT)
    np.testing.assert_allclose(path["glucose.action"], 5e-3 * (1.0 - np.exp(-0.025 * at)), rtol=1e-8)


def test_rest():
    system = System.of(resting(bergman_day().with_values({"depot.basal": [0.05, 0.15], "glucose.basal_glucose": 110.0})), 2)
    none = {"food": jnp.zeros(2), "insulin": jnp.zeros(2)}
    np.testing.assert_allclose(system.field(jnp.zeros(2), system.rest(), {}, none), 0.0, atol=1e-14)


def test_a_day():
    """A bolus with the meal lowers its peak; what is left unabsorbed after a night is next to nothing."""
    at = np.arange(0.0, 1441.0, 10.0)
    run = jax.jit(lambda units: solve(bergman_day(), meal(60.0, 60.0, 12) + insulin(60.0, units), at=at))
    without, treated = run(jnp.asarray(0.0)), run(jnp.asarray(5.0))
    assert int(without.status) == int(treated.status) == Status.OK
    assert float(treated["glucose.glucose"].max()) < float(without["glucose.glucose"].max()) - 5.0
    assert float(without["stomach.unabsorbed"][-1]) < 1.0
    assert float(without["glucose.glucose"][-1]) == pytest.approx(130.0, abs=0.5)
