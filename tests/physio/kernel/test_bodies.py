"""Bodies as kernels: the C form against the XLA path, lane by lane, and the march over doses with gcc in the GPU's place."""

import shutil
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.meals import meal
from physio.bodies.myocyte import epicardial
from physio.bodies.pharmacokinetics import oral
from physio.bodies.regazzoni import regazzoni
from physio.bodies.shi_hose import shi_hose
from physio.bodies.uva_s2008 import smooth_uva_s2008
from physio.component import cast
from physio.schedule import bolus, infusion, nothing
from physio.solve import Tsit5, Tsit5Kernel, solve, tsit5_kernel
from physio.solve.kernel.gcc import Tape, compiled
from physio.solve.kernel.segment import given, model_of
from physio.solve.kernel.unsupported import UnsupportedPrimitive
from physio.solve.plan import arrivals, plan_of
from physio.solve.status import Status
from physio.system import System

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on the PATH")

CASES = {
    "regazzoni": (regazzoni, "systemic_bed.resistance", 0.3),
    "shi-hose": (shi_hose, "systemic_bed.resistance", 0.1),
    "myocyte": (epicardial, "cell.rapid_rectifier", 1.0),
}


def one_segment(body, lanes, end):
    system = System.of(body, lanes)
    at = jnp.full((1, lanes), end)
    plan = plan_of(system, (), arrivals(system, cast(nothing(), system.dtype)), at, jnp.zeros((lanes,)))
    return system, plan


@needs_gcc
@pytest.mark.parametrize("name", CASES)
def test_a_body_in_c_is_that_of_xla(name, tmp_path):
    make, address, end = CASES[name]
    body = make()
    if address not in body.parameters:
        address = next(a for a in body.parameters if a.endswith("resistance"))
    body = body.with_values({address: body.value(address) * jnp.linspace(0.8, 1.2, 5)})
    system, plan = one_segment(body, 5, end)
    kernel = compiled(model_of(system, plan), width=1, folder=tmp_path)
    p = given(system, plan.columns(plan.table[:, 0]))
    first = 1e-3 / end
    found = kernel.solve(system.rest(), p, 0.0, 1.0, rtol=1e-9, atol=1e-9, first_step=first)
    path = jax.jit(lambda: solve(body, at=jnp.asarray([end]), lanes=5, method=Tsit5(1e-9, 1e-9)))()
    assert (found.status == Status.OK).all()
    scale = np.abs(path.final).max(axis=1, keepdims=True) + 1e-3
    assert (np.abs(found.y - path.final) / scale).max() < 1e-7
    np.testing.assert_allclose(found.steps, path.steps, rtol=0.02, atol=2)


def by_gcc(model, lanes, settings):
    """``across`` without a GPU: the same kernels by gcc, called back."""
    kernel = compiled(model, width=1, gradient=True)
    real, whole = model.dtype, jnp.int32
    state, each = jax.ShapeDtypeStruct((model.states, lanes), real), jax.ShapeDtypeStruct((lanes,), whole)
    results = (state, jax.ShapeDtypeStruct((lanes,), real), each, each)
    options = {"rtol": settings.rtol, "atol": settings.atol, "max_steps": settings.max_steps}
    numbers = np.asarray([settings.rtol, settings.atol, settings.max_steps, settings.rows], real)

    def solved(y, p, span):
        return tuple(kernel.solve(y, p, span[0], span[1], first_step=span[2], **options))

    def recorded(y, p, span):
        out, tape = kernel.record(y, p, span[0], span[1], first_step=span[2], rows=settings.rows, **options)
        return *out, tape.rows, tape.count

    def pulled(p, span, rows, count, status, g):
        tape = Tape(*map(np.asarray, (p, span, numbers, rows, count, status)))
        return kernel.pullback(tape, np.asarray(g))

    @jax.custom_vjp
    def run(y, p, span):
        return jax.pure_callback(solved, results, y, p, span, vmap_method="sequential")

    def forward(y, p, span):
        rows = jax.ShapeDtypeStruct((lanes, settings.rows, model.states + 2), real)
        *out, kept, count = jax.pure_callback(recorded, (*results, rows, each), y, p, span, vmap_method="sequential")
        return tuple(out), (p, span, kept, count, out[3])

    def backward(tape, cotangents):
        p = tape[0]
        shapes = (state, jax.ShapeDtypeStruct(p.shape, real))
        back = jax.pure_callback(pulled, shapes, *tape, cotangents[0], vmap_method="sequential")
        return *back, jnp.zeros_like(tape[1])

    run.defvjp(forward, backward)
    return run


def dosed(clearance, amount, lag, method):
    """Two doses and an infusion into three people, seen at four times."""
    values = {"elimination.clearance": clearance, "depot.lag": lag, "depot.bioavailability": jnp.full((3,), 0.8)}
    doses = bolus("depot.drug", 1.0, amount) + bolus("depot.drug", 5.0, 50.0) + infusion("central.drug", 3.0, 40.0, 2.0)
    at = jnp.asarray([1.0, 2.0, 4.0, 9.0])
    return solve(oral(1).with_values(values), doses, at=at, lanes=3, method=method)


@needs_gcc
def test_doses_and_their_derivatives_through_kernels(monkeypatch):
    monkeypatch.setattr(tsit5_kernel, "across", by_gcc)
    kernel = Tsit5Kernel(1e-10, 1e-12, rows=256)
    monkeypatch.setattr(Tsit5Kernel, "march", Tsit5Kernel.by_kernel)
    arguments = (jnp.asarray([2.0, 4.0, 8.0]), jnp.asarray(100.0), jnp.asarray([0.0, 0.3, 0.6]))

    def seen(*x, method):
        return dosed(*x, method)["central.concentration"]

    path = jax.jit(lambda *x: dosed(*x, kernel))(*arguments)
    assert (path.status == Status.OK).all()
    plain = jax.jit(lambda *x: seen(*x, method=Tsit5(1e-10, 1e-12)))
    np.testing.assert_allclose(path["central.concentration"], plain(*arguments), rtol=1e-8, atol=1e-10)
    reverse = jax.jit(jax.jacrev(lambda *x: seen(*x, method=kernel), argnums=(0, 1, 2)))(*arguments)
    forward = jax.jit(jax.jacfwd(lambda *x: seen(*x, method=Tsit5(1e-10, 1e-12)), argnums=(0, 1, 2)))(*arguments)
    for back, ahead in zip(reverse, forward, strict=True):
        np.testing.assert_allclose(back, ahead, rtol=1e-7, atol=1e-8)


@needs_gcc
def test_events_and_their_derivatives_through_kernels(monkeypatch):
    """Meals that a stomach remembers, the second into one that is not empty."""
    monkeypatch.setattr(tsit5_kernel, "across", by_gcc)
    monkeypatch.setattr(Tsit5Kernel, "march", Tsit5Kernel.by_kernel)

    def seen(grams, time, method):
        eaten = meal(30.0, grams, 2) + meal(time, 20.0, 2)
        body = smooth_uva_s2008().with_values({"glucose.fasting": jnp.asarray([110.0, 130.0, 150.0])})
        path = solve(body, eaten, at=jnp.asarray([200.0]), lanes=3, method=method)
        return path["interstitium.glucose"].sum(), path["interstitium.glucose"]

    x = (jnp.asarray(60.0), jnp.asarray(110.0))
    slopes, glucose = jax.jit(jax.grad(lambda *x: seen(*x, Tsit5Kernel(1e-9, 1e-9, rows=128)), (0, 1), has_aux=True))(*x)
    (_, wanted), (ahead, _) = jax.jit(lambda *x: jax.jvp(lambda *x: seen(*x, Tsit5(1e-9, 1e-9)), x, (1.0, 2.0)))(*x)
    np.testing.assert_allclose(glucose, wanted, rtol=1e-7)
    assert float(slopes[0] + 2.0 * slopes[1]) == pytest.approx(float(ahead), rel=1e-6)


def test_without_a_gpu_xla_solves():
    arguments = (jnp.asarray([2.0, 4.0, 8.0]), jnp.asarray(100.0), jnp.zeros((3,)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = jax.jit(lambda *x: dosed(*x, Tsit5Kernel()))(*arguments)
    other = jax.jit(lambda *x: dosed(*x, Tsit5()))(*arguments)
    np.testing.assert_array_equal(path.states, other.states)


def test_what_has_no_kernel_is_named_and_solved_all_the_same(monkeypatch):
    def refused(model, lanes, settings):
        raise UnsupportedPrimitive("sort", "organ.py:12")

    monkeypatch.setattr(tsit5_kernel, "across", refused)
    monkeypatch.setattr(tsit5_kernel, "_on_a_gpu", lambda: True)
    arguments = (jnp.asarray([2.0, 4.0, 8.0]), jnp.asarray(100.0), jnp.zeros((3,)))
    with pytest.warns(UserWarning, match="no kernel: organ.py:12: primitive 'sort': no rule writes it in C; the XLA path"):
        path = jax.jit(lambda *x: dosed(*x, Tsit5Kernel()))(*arguments)
    other = jax.jit(lambda *x: dosed(*x, Tsit5()))(*arguments)
    np.testing.assert_array_equal(path.states, other.states)
