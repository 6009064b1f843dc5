"""Both circulations against published figures, another integrator, plain pacing and central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from experiments.benchmarks import circulation_reference as reference
from physio.component import cast
from physio.solve import Status, Tsit5, periodic

NAMES = list(reference.BODIES)
# derivatives across a kink, such as an opening valve, err like the square root of the tolerance
TIGHT = Tsit5(rtol=1e-12, atol=1e-12)
VARIED = ("pacemaker.rate", "lv.active_elastance", "total.blood")
STEPS = (-1.0, -0.5, 0.5, 1.0)
WIDTH = 1e-3


@pytest.fixture(scope="module")
def beats():
    """Of both bodies: the left ventricle's volume, its derivatives, and (paths of lane 0, states, status).

    Lanes: one for each varied parameter, which carries a unit tangent in it; then each parameter at four
    values.
    """

    def solved(name, body):
        count, start = len(VARIED), [body.value(a) for a in VARIED]
        offsets = np.zeros((count, count * (1 + len(STEPS))))
        for k in range(count):
            offsets[k, count + k * len(STEPS) : count + (k + 1) * len(STEPS)] = WIDTH * np.asarray(STEPS)
        values = jnp.stack([v * (1.0 + jnp.asarray(row)) for v, row in zip(start, offsets, strict=True)])
        seeds = jnp.zeros_like(values).at[:, :count].set(jnp.eye(count))

        def volume(values):
            there = body.with_values(dict(zip(VARIED, values, strict=True)))
            beat = periodic(there, samples=200, lanes=values.shape[1], method=TIGHT, tolerance=1e-7)
            paths = {address: path[:, 0] for address, path in reference.paths_of(name, beat).items()}
            return beat["lv.volume"], (paths, beat.states, beat.status)

        return jax.jvp(volume, (values,), (seeds,), has_aux=True)

    return {name: jax.jit(solved, static_argnums=0)(name, make()) for name, make in reference.BODIES.items()}


@pytest.fixture(scope="module")
def minute():
    """60 s of plain pacing of both bodies, seen after every beat."""
    found = {}
    for name, make in reference.BODIES.items():
        count = round(float(make().value("pacemaker.rate")))
        found[name] = jax.jit(lambda b, n=count: reference.paced(b, 1e-8, n))(make())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_published_figures(beats, name):
    body = reference.BODIES[name]()
    paths, _, status = beats[name][2]
    assert Status(int(status[0])) == Status.OK
    found = reference.figures_of(name, paths, float(body.value("pacemaker.rate")))
    off = {
        key: value
        for key, value in found.items()
        if abs(value / reference.REFERENCE[name][key] - 1.0) > 0.005
    }
    assert set(found) == set(reference.REFERENCE[name]) and off == {}


@pytest.mark.parametrize("name", NAMES)
def test_blood_volume_does_not_drift(minute, name):
    assert Status(int(minute[name].status)) == Status.OK
    assert reference.drift_of(minute[name]) <= 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_closed_beat_is_where_pacing_goes(beats, minute, name):
    closed = np.asarray(beats[name][2][1][0, :, 0])
    np.testing.assert_allclose(closed, minute[name].final, atol=1e-5 * np.abs(closed).max())


@pytest.mark.parametrize("name", NAMES)
def test_closed_beat_closes(beats, name):
    _, states, status = beats[name][2]
    assert (np.asarray(status) == Status.OK).all()
    np.testing.assert_allclose(states[0], states[-1], atol=1e-6 * float(jnp.abs(states).max()))


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_the_closed_beat(beats, name):
    # at fixed phases; the stroke volume's derivative is that between the phases of its extremes
    volume, slopes = np.asarray(beats[name][0]), np.asarray(beats[name][1])
    body, count = reference.BODIES[name](), len(VARIED)
    top, bottom = volume[:, 0].argmax(), volume[:, 0].argmin()
    for k, address in enumerate(VARIED):
        lanes = slice(count + k * len(STEPS), count + (k + 1) * len(STEPS))
        h = WIDTH * float(body.value(address))
        far_down, down, up, far_up = volume[:, lanes].T
        wanted = (4.0 * (up - down) / h - (far_up - far_down) / (2.0 * h)) / 3.0
        found = slopes[:, k]
        error = np.abs(found - wanted) / (np.abs(wanted) + 1e-3 * np.abs(wanted).max())
        # while a valve opens or closes at this very phase, differences of any width straddle it
        assert np.quantile(error, 0.95) <= 1e-4, address
        stroke, stroke_wanted = found[top] - found[bottom], wanted[top] - wanted[bottom]
        assert abs(stroke / stroke_wanted - 1.0) <= 5e-5, address


@pytest.mark.parametrize("name", NAMES)
def test_float32(name):
    body = cast(reference.BODIES[name](), jnp.float32)
    path = jax.jit(lambda b: reference.paced(b, 1e-6, 10))(body)
    assert path.states.dtype == jnp.float32
    assert reference.drift_of(path) <= 1e-5


# ---- the equations once more, by another hand and another integrator ---------------------------------------

CHAMBERS = {  # active and passive elastance, unstressed volume, rise, fall, onset
    "la": (0.07, 0.18, 4.0, 0.17, 0.17, 0.9),
    "lv": (4.482, 0.17, 42.0, 0.25, 0.4, 0.1),
    "ra": (0.06, 0.07, 4.0, 0.17, 0.17, 0.9),
    "rv": (0.2, 0.029, 16.0, 0.25, 0.4, 0.1),
}
PERIOD = 0.8


def chamber_pressure(name, volume, t):
    active, passive, unstressed, rise, fall, onset = CHAMBERS[name]
    s = (t - onset) % PERIOD
    level = 0.0
    if s < rise:
        level = 0.5 * (1.0 - np.cos(np.pi * s / rise))
    elif s < rise + fall:
        level = 0.5 * (1.0 + np.cos(np.pi * (s - rise) / fall))
    return (active * level + passive) * (volume - unstressed)


def through_valve(up, down):
    share = np.arctan(np.pi / 2.0 * 200.0 * (down - up)) / np.pi + 0.5
    return (up - down) / (0.0075 * (75006.2 / 0.0075) ** share)


def regazzoni_rates(t, y):
    la, lv, ra, rv, p_sa, p_sv, p_pa, p_pv, q_sa, q_sv, q_pa, q_pv = y
    p_la, p_lv, p_ra, p_rv = (
        chamber_pressure(n, v, t) for n, v in zip(CHAMBERS, (la, lv, ra, rv), strict=True)
    )
    mitral, aortic = through_valve(p_la, p_lv), through_valve(p_lv, p_sa)
    tricuspid, pulmonary = through_valve(p_ra, p_rv), through_valve(p_rv, p_pa)
    return [
        q_pv - mitral, mitral - aortic, q_sv - tricuspid, tricuspid - pulmonary,
        (aortic - q_sa) / 1.372, (q_sa - q_sv) / 11.363, (pulmonary - q_pa) / 20.0, (q_pa - q_pv) / 16.0,
        (p_sa - p_sv - 0.733 * q_sa) / 0.005, (p_sv - p_ra - 0.32 * q_sv) / 0.0005,
        (p_pa - p_pv - 0.046 * q_pa) / 0.0005, (p_pv - p_la - 0.0015 * q_pv) / 0.0005,
    ]  # fmt: skip


def test_regazzoni_equations_by_lsoda(minute):
    start = [87.183, 118.52, 86.833, 166.177, 87.675, 35.898, 19.545, 15.004, 71.104, 94.039, 94.084, 473.279]
    # the veins take what the total leaves to them, which the printed pressure gives to three decimals
    start[5] = (1617.876 - sum(start[:4]) - 1.372 * start[4] - 20.0 * start[6] - 16.0 * start[7]) / 11.363
    beats = 6
    other = solve_ivp(
        regazzoni_rates, (0.0, beats * PERIOD), start, "LSODA", rtol=1e-8, atol=1e-8, max_step=0.02
    )
    own = minute["regazzoni"]
    addresses = [f"{name}.volume" for name in CHAMBERS]
    found = [float(own[a][beats]) for a in addresses]
    np.testing.assert_allclose(found, other.y[:4, -1], rtol=2e-6)
    np.testing.assert_allclose(float(own["systemic_arteries.pressure"][beats]), other.y[4, -1], rtol=2e-6)
    np.testing.assert_allclose(float(own["systemic_bed.flow"][beats]), other.y[8, -1], rtol=1e-5)
