"""Two closed circulations against the published figures of their periodic states.

Regazzoni et al. 2022: J. Comput. Phys. 457:111083, LSODA at rtol 1e-9 over 100 beats of the `circulation`
package's equations. Shi and Hose's form of Korakianitis and Shi 2006: J. Biomech. 39:1964-1982, after 40
beats; its valve law has an infinite slope at zero pressure drop, which is regularised here and shifts volumes
by under 0.1 %.

Blood volume is summed over all stores during 60 s of plain pacing. Speed is that of plain pacing, one person
and 64 people, against ``diffrax.Tsit5`` on the same equations (for 64 people under vmap), each at the loosest
tolerance that keeps the final state within 1e-6 of the largest state.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from physio.bodies.regazzoni import regazzoni
from physio.bodies.shi_hose import shi_hose
from physio.body import Body
from physio.component import cast
from physio.observe import Maximum, Mean, Minimum
from physio.solve import Diffrax, Status, Trajectory, Tsit5, periodic, solve

BODIES = {"regazzoni": regazzoni, "shi-hose": shi_hose}
UNITS = {"stroke volume": "mL", "ejection fraction": "1", "cardiac output": "L/min", "stroke work": "mmHg*mL"}
ASKED = ("stroke volume", "ejection fraction", "cardiac output")
REFERENCE = {
    "regazzoni": {
        "stroke volume": 69.781, "ejection fraction": 0.5103, "cardiac output": 5.2335, "stroke work": 6609.8,
        "lv.volume minimum": 66.964, "lv.volume maximum": 136.744, "rv.volume minimum": 111.778,
        "rv.volume maximum": 181.557, "lv.pressure minimum": 9.946, "lv.pressure maximum": 119.682,
        "rv.pressure minimum": 3.951, "rv.pressure maximum": 25.055, "la.pressure minimum": 13.628,
        "la.pressure maximum": 18.213, "systemic_arteries.pressure minimum": 79.825,
        "systemic_arteries.pressure maximum": 118.715, "systemic_arteries.pressure mean": 99.798,
        "pulmonary_arteries.pressure minimum": 18.508, "pulmonary_arteries.pressure maximum": 21.385,
    },
    "shi-hose": {
        "stroke volume": 85.863, "ejection fraction": 0.6059, "cardiac output": 5.152, "stroke work": 9163.0,
        "lv.volume minimum": 55.84, "lv.volume maximum": 141.71, "rv.volume minimum": 50.48,
        "rv.volume maximum": 136.34, "lv.pressure minimum": 7.77, "lv.pressure maximum": 129.47,
        "rv.pressure minimum": 7.67, "rv.pressure maximum": 48.48, "la.pressure minimum": 10.67,
        "la.pressure maximum": 15.62, "aortic_sinus.pressure minimum": 88.80,
        "aortic_sinus.pressure maximum": 129.36, "aortic_sinus.pressure mean": 109.74,
        "pulmonary_sinus.pressure minimum": 31.65, "pulmonary_sinus.pressure maximum": 48.33,
    },
}  # fmt: skip
ACCURATE = Tsit5(rtol=1e-9, atol=1e-9)
SINGLE = Tsit5(rtol=1e-6, atol=1e-5)
EXTREMES = {"minimum": Minimum(), "maximum": Maximum(), "mean": Mean()}
LADDER = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
EQUAL_ERROR = 1e-6
PEOPLE = 64


def paths_of(name: str, beat: Trajectory) -> dict[str, jax.Array]:
    """What the figures of ``REFERENCE[name]`` are read off: address -> values over the closed beat."""
    addresses = {key.split(" ")[0] for key in REFERENCE[name] if "." in key}
    return {address: beat[address] for address in sorted(addresses)}


def figures_of(name: str, paths: dict[str, jax.Array], rate: float) -> dict[str, float]:
    """The figures of ``REFERENCE[name]`` from evenly sampled paths (times,); ``rate`` in beats per minute."""
    times = jnp.linspace(0.0, 1.0, len(paths["lv.volume"]))[:, None]

    def read(key):
        address, which = key.split(" ")
        return float(EXTREMES[which].read(times, paths[address][:, None])[0, 0])

    pressure, volume = paths["lv.pressure"], paths["lv.volume"]
    largest = read("lv.volume maximum")
    stroke = largest - read("lv.volume minimum")
    found = {
        "stroke volume": stroke,
        "ejection fraction": stroke / largest,
        "cardiac output": stroke * rate / 1000.0,
        "stroke work": -float(0.5 * ((pressure[1:] + pressure[:-1]) * jnp.diff(volume)).sum()),
    }
    return found | {key: read(key) for key in REFERENCE[name] if "." in key}


def closed_beat(name: str, body: Body, method: Tsit5 = ACCURATE) -> tuple[dict[str, jax.Array], jax.Array]:
    """Paths over one closed beat, sampled every 1/1000, and its status."""
    beat = periodic(body, samples=1000, method=method)
    return paths_of(name, beat), beat.status


def paced(body: Body, rtol, beats: int, lanes: int | None = None) -> Trajectory:
    """Plain pacing, seen after every beat."""
    method = Tsit5(rtol, rtol, max_steps=1_000_000)
    return solve(body, at=jnp.arange(beats + 1.0), lanes=lanes, method=method)


def drift_of(trajectory: Trajectory) -> float:
    """Largest relative change of the blood volume since the start."""
    held = trajectory.conserved("blood")
    return float(jnp.abs(held / held[0] - 1.0).max())


def run(data: object, quick: bool) -> Result:
    """``quick`` leaves out the timing of 64 people. Reads no data."""
    figures, baselines, targets, differences, compile_s = [], [], [], {}, 0.0
    for name, make in BODIES.items():
        body = make()
        rate = float(body.value("pacemaker.rate"))
        timing = measure(lambda b, n=name: closed_beat(n, b), body, repeats=3)
        paths, status = timing.result
        compile_s += timing.compile_s
        found = figures_of(name, paths, rate)
        figures.append(Figure(f"{name}, closed beat from rest, time to compute", timing.run_s, "s"))
        figures.append(Figure(f"{name}, status of the closed beat", Status(int(status)).name, "1"))
        for key, reference in REFERENCE[name].items():
            unit = UNITS.get(key, "mL" if ".volume" in key else "mmHg")
            differences[name, key] = found[key] / reference - 1.0
            figures += [
                Figure(f"{name}, {key}", found[key], unit),
                Figure(f"{name}, {key}, published", reference, unit),
                Figure(f"{name}, {key}, relative difference", differences[name, key], "1"),
            ]
            if key in ASKED:
                targets.append(Target.within(f"{name}, {key}", found[key], reference, 0.005, unit))
        beats = round(rate)  # 60 s
        timing = measure(lambda b, n=beats: paced(b, 1e-7, n), body)
        compile_s += timing.compile_s
        drift = drift_of(timing.result)
        figures.append(Figure(f"{name}, blood volume drift over 60 s", drift, "1"))
        targets.append(Target.at_most(f"{name}, blood volume drift over 60 s", drift, 1e-10, ""))
        paths, _ = jax.jit(lambda b, n=name: closed_beat(n, b, SINGLE))(cast(body, jnp.float32))
        single = figures_of(name, paths, rate)
        drift32 = single["stroke volume"] / found["stroke volume"] - 1.0
        figures.append(
            Figure(f"{name}, stroke volume in float32, relative difference from float64", drift32, "1")
        )
        for lanes in (None,) if quick else (None, PEOPLE):
            own, other, seconds = _speeds(body, beats if lanes is None else 10, lanes)
            compile_s += seconds
            who = "1 person" if lanes is None else f"{lanes} people"
            figures += [
                Figure(f"{name}, {who}, beats per second", own[0], "1/s"),
                Figure(f"{name}, {who}, error of the final state", own[1], "1"),
                Figure(f"{name}, {who}, speed against diffrax.Tsit5", own[0] / other[0], "1"),
            ]
            baselines += [
                Baseline(f"{name}, {who}, diffrax.Tsit5, beats per second", other[0], "1/s"),
                Baseline(f"{name}, {who}, diffrax.Tsit5, error of the final state", other[1], "1"),
            ]
    return Result(
        name="circulation-reference",
        figures=figures,
        targets=targets,
        precision="float64",
        compile_s=compile_s,
        achieved_error=max(abs(value) for (_, key), value in differences.items() if key in ASKED),
        error_meaning="largest relative difference from the published stroke volume, fraction and output",
        baselines=baselines,
    )


def _speeds(body: Body, beats: int, lanes: int | None):
    """((beats/s, error) of Tsit5, the same of Diffrax, seconds of compiling); people differ in heart rate."""
    rates = (
        jnp.linspace(0.8, 1.2, lanes) * body.value("pacemaker.rate")
        if lanes
        else body.value("pacemaker.rate")
    )

    def own(rate, rtol):
        return paced(body.with_values({"pacemaker.rate": rate}), rtol, beats, lanes).final

    def one(rate, rtol):
        method = Diffrax(diffrax.Tsit5(), rtol, rtol, adjoint=diffrax.ForwardMode())
        there = body.with_values({"pacemaker.rate": rate})
        return solve(there, at=jnp.arange(beats + 1.0), method=method).final

    other = jax.vmap(one, in_axes=(0, None), out_axes=-1) if lanes else one
    truth = np.asarray(jax.jit(own)(rates, 1e-12))
    found, compiling = [], 0.0
    for function in (own, other):
        compiled = jax.jit(function)
        for rtol in LADDER:
            error = float(np.abs(np.asarray(compiled(rates, rtol)) - truth).max() / np.abs(truth).max())
            if error <= EQUAL_ERROR:
                break
        timing = measure(function, rates, rtol)
        compiling += timing.compile_s
        found.append(((lanes or 1) * beats / timing.run_s, error))
    return *found, compiling
