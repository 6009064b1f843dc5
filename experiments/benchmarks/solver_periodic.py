"""Cycles to a closed beat, Anderson's acceleration against plain pacing, and the reverse derivative of the closed beat.

64 people: every resistance, elastance and compliance times 0.6 to 1.4, each by itself (seed 0), from rest to a beat that
changes no state by more than 1e-6 of the largest. Anderson's method takes no Jacobian, so its cycles are beats.

The derivative of the mean arterial pressure with respect to the systemic resistance, with a tape of two beats, is held
against Richardson-extrapolated central differences.
"""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Figure, Result, Target, measure
from physio.bodies.regazzoni import regazzoni
from physio.bodies.shi_hose import shi_hose
from physio.body import Body
from physio.solve import Anderson, DiscreteAdjoint, Status, Tsit5, periodic, solve
from physio.solve.fixed_point import closes
from physio.system import System

BODIES = {"Regazzoni": regazzoni, "Shi-Hose": shi_hose}
METHOD = Tsit5(1e-8, 1e-8, max_steps=1_000_000)
TOLERANCE = 1e-6
MOST = 200
VARIED = ("resistance", "elastance", "compliance")
# across an opening valve derivatives err like the square root of the tolerance
TIGHT = Tsit5(1e-13, 1e-13, max_steps=1_000_000)
ADDRESS, WIDTH = "systemic_bed.resistance", 2e-3


def varied(body: Body, people: int) -> Body:
    """The body with these parameters drawn anew for each of so many people."""
    rng = np.random.default_rng(0)
    addresses = sorted(a for a in body.parameters if any(word in a.split(".")[1] for word in VARIED))
    return body.with_values({a: body.value(a) * rng.uniform(0.6, 1.4, people) for a in addresses})


def cycles(body: Body, people: int):
    """Beats of plain pacing and of Anderson's method until each person's beat closes, (people,) each."""
    start = System.of(body, people).rest()

    def beat(y):
        return solve(body, at=jnp.asarray([1.0]), start=y, lanes=people, method=METHOD).final

    def paced(carry):
        y, count, open_, number = carry
        after = beat(y)
        return after, count + open_, open_ & ~closes(after, y, TOLERANCE), number + 1

    begin = (start, jnp.zeros((people,), jnp.int32), jnp.ones((people,), bool), jnp.zeros((), jnp.int32))
    _, plain, open_, _ = jax.lax.while_loop(lambda c: c[2].any() & (c[3] < MOST), paced, begin)
    fast = Anderson().close(beat, start, (), TOLERANCE)
    return plain, fast.cycles, ~open_ & fast.closed


def gradient_error() -> float:
    """Of the reverse derivative, relative."""
    there = float(regazzoni().value(ADDRESS))

    def mean(resistance):
        body = regazzoni().with_values({ADDRESS: resistance})
        lanes = len(resistance)
        beat = periodic(body, lanes=lanes, samples=8, method=TIGHT, closing=Anderson(), tolerance=1e-9, adjoint=DiscreteAdjoint())
        return beat["systemic_arteries.pressure"][:-1].mean(axis=0), beat.status

    found, status = jax.jit(jax.grad(lambda r: (mean(r)[0].sum(), mean(r)[1]), has_aux=True))(jnp.asarray([there]))
    (far_down, down, up, far_up), statuses = jax.jit(mean)(there * (1.0 + WIDTH * jnp.asarray([-2.0, -1.0, 1.0, 2.0])))
    if (np.concatenate([status, statuses]) != Status.OK).any():
        raise RuntimeError("a closed beat failed")
    wanted = float(8.0 * (up - down) - (far_up - far_down)) / (12.0 * WIDTH * there)
    return abs(float(found[0]) / wanted - 1.0)


def run(data: str | None, quick: bool) -> Result:
    people, figures, targets, compile_s = 16 if quick else 64, [], [], 0.0
    for name, make in BODIES.items():
        timing = measure(lambda n=name: cycles(varied(BODIES[n](), people), people), repeats=1)
        plain, fast, closed = (np.asarray(x) for x in timing.result)
        compile_s += timing.compile_s
        ratio = float(plain.max() / fast.max())
        figures += [
            Figure(f"{name}, plain pacing, mean beats", float(plain.mean()), "1"),
            Figure(f"{name}, plain pacing, most beats", int(plain.max()), "1"),
            Figure(f"{name}, Anderson, mean beats", float(fast.mean()), "1"),
            Figure(f"{name}, Anderson, most beats", int(fast.max()), "1"),
            Figure(f"{name}, people whose beat closed both ways", int(closed.sum()), "1"),
        ]
        targets.append(Target.at_least(f"{name}, plain over accelerated beats, worst person", ratio, 3.5, ""))
    error = gradient_error()
    targets.append(Target.at_most("error of the reverse derivative, a tape of two beats", error, 1e-6, ""))
    return Result(
        name="solver-periodic",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=compile_s,
        achieved_error=error,
        error_meaning="relative error of the derivative of mean arterial pressure by systemic resistance",
    )
