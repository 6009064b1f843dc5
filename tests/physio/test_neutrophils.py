"""Neutrophils: rest, the fate without division, the frequency of the feedback, and SciPy's integration of the same equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from physio.blood.neutrophils import Neutrophils
from physio.bodies.neutropenia import neutropenia
from physio.schedule import bolus, nothing, repeated
from physio.solve import Status, Tsit5, solve
from physio.system import System

TIGHT = Tsit5(rtol=1e-10, atol=1e-11)
VALUES = {
    "elimination.clearance": 4.0,
    "central.volume": 50.0,
    "peripheral_exchange.clearance": 4.4,
    "peripheral.volume": 49.0,
    "absorption.rate": 0.78,
    "marrow.transit_time": 117.0,
    "marrow.baseline": 5.0,
    "marrow.feedback": 0.14,
    "effect.slope": 0.33,
}


def body(**changed):
    return neutropenia().with_values({**VALUES, **{k.replace("__", "."): v for k, v in changed.items()}})


def test_without_a_drug_nothing_moves():
    path = solve(body(), nothing(), at=[24.0, 672.0], method=TIGHT)
    np.testing.assert_allclose(path["marrow.count"], 5.0, rtol=1e-12)


def test_without_division_cells_leave_as_an_erlang_chain():
    """E = 1: P decays as exp(-k t) and N is the Erlang tail, N0 exp(-x) (1 + x + x^2/2 + x^3/6 + x^4/24), x = k t."""
    part = Neutrophils(transit_time=100.0, baseline=4.0, feedback=0.2)
    t = np.linspace(0.0, 200.0, 9)
    stopped = lambda y: part.rates(0.0, part.State(*y), part.Sensed(prevented=1.0), None)
    found = solve_ivp(
        lambda _, y: [float(v) for v in vars(stopped(jnp.asarray(y))).values()],
        (0.0, 200.0), np.full(5, 4.0), t_eval=t, rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    x = 4.0 / 100.0 * t
    exact = 4.0 * np.exp(-x) * (1 + x + x**2 / 2 + x**3 / 6 + x**4 / 24)
    np.testing.assert_allclose(found.y[4], exact, rtol=1e-7)


def test_small_disturbances_obey_the_characteristic_polynomial():
    """Linear about rest: (s/k)(1 + s/k)^4 + gamma = 0, whatever the baseline."""
    system = System.of(body(marrow__feedback=0.2), 1)
    rest = system.rest()[:, 0]
    rows = [i for i, name in enumerate(system.state_names) if name.startswith("marrow.")]

    def field(y):
        return system.field(jnp.zeros((1,)), y[:, None], {}, {})[:, 0]

    jacobian = np.asarray(jax.jacfwd(field)(rest))[np.ix_(rows, rows)]
    found = np.sort_complex(np.linalg.eigvals(jacobian) * 117.0 / 4.0)
    expected = np.sort_complex(np.roots([1.0, 4.0, 6.0, 4.0, 1.0, 0.2]))
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_a_course_of_doses_against_scipy():
    """Nadir and recovery after 15 doses of 80 mg, the equations written out again."""
    v = {k.split(".")[0] + "_" + k.split(".")[1]: x for k, x in VALUES.items()}
    k = 4.0 / v["marrow_transit_time"]

    def rates(_, y):
        gut, central, peripheral, p, t1, t2, t3, n = y
        c1, c2 = central / v["central_volume"], peripheral / v["peripheral_volume"]
        over = v["peripheral_exchange_clearance"] * (c1 - c2)
        divided = (1 - v["effect_slope"] * c1) * (v["marrow_baseline"] / n) ** v["marrow_feedback"]
        return [
            -v["absorption_rate"] * gut,
            v["absorption_rate"] * gut - over - v["elimination_clearance"] * c1,
            over, k * p * (divided - 1), k * (p - t1), k * (t1 - t2), k * (t2 - t3), k * (t3 - n),
        ]  # fmt: skip

    y, counts = np.array([0.0] * 3 + [5.0] * 5), []
    seen = [96.0, 168.0, 240.0, 336.0, 504.0, 672.0]
    for start, end in zip([12.0 * i for i in range(15)], [12.0 * (i + 1) for i in range(14)] + [672.0]):
        y = y + np.eye(8)[0] * 80.0
        inside = [t for t in seen if start < t <= end]
        run = solve_ivp(rates, (start, end), y, t_eval=sorted({*inside, end}), rtol=1e-9, atol=1e-10)
        counts += [run.y[7, i] for i, t in enumerate(run.t) if t in inside]
        y = run.y[:, -1]
    path = solve(body(), repeated("depot.drug", 80.0, every=12.0, count=15), at=seen, method=TIGHT)
    assert int(path.status) == Status.OK
    np.testing.assert_allclose(path["marrow.count"], counts, rtol=1e-6)
    assert min(counts) < 2.5 and counts[-1] > min(counts)


def test_a_dose_moves_the_count_only_after_a_transit():
    path = solve(body(), bolus("depot.drug", 0.0, 80.0), at=[2.0, 120.0], method=TIGHT)
    assert float(path["marrow.count"][0]) == pytest.approx(5.0, rel=1e-4)
    assert float(path["marrow.count"][1]) < 4.8
