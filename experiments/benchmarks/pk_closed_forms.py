"""Compartment models and their gradients against closed forms.

    error      max |c - c_exact| / max c_exact                          over the observation times of one case
    gradient   max |a - b| / (|b| + 1e-3 max |b|)                       b: derivative of the closed form

One, two and three compartments; oral doses (absorption also as fast as an exponent of the disposition), boluses,
infusions, repeated and overlapping doses, and steady states; one compartment with saturable elimination. Every dose
form is a lane of one cohort, so that lag, bioavailability, dose times and durations differ between lanes as they do
between people. No observation falls on a dose, where the derivative with respect to its time has two values.
"""

from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from physio.bodies.pharmacokinetics import oral, saturable
from physio.component import cast
from physio.drugs.closed_forms import LinearPK, superposed
from physio.drugs.closed_forms_saturable import MichaelisMentenPK
from physio.schedule import bolus, infusion, ragged, steady_state
from physio.solve import Diffrax, Status, Tsit5, solve

AT = np.array([0.37, 0.83, 1.41, 2.03, 3.3, 4.7, 6.1, 8.9, 11.3, 16.7, 23.9, 36.1, 47.3])  # h
VOLUMES, EXCHANGE = (20.0, 35.0, 120.0), (4.0, 1.5)  # L, L/h
QUANTITIES = {
    "amount": 100.0, "dose time": 0.5, "lag": 0.3, "bioavailability": 0.8, "duration": 2.2, "interval": 3.1,
    "absorption": 1.1, "clearance": 3.0,
}  # fmt: skip
TIGHT = Tsit5(rtol=1e-12, atol=1e-12)
SINGLE = Tsit5(rtol=1e-5, atol=1e-6)
DOSES = 5
GROUPS = ("doses", "steady oral", "steady intravenous")
CASES = {
    "doses": ("oral", "oral, ka = exponent", "bolus", "infusion", "repeated oral", "overlapping infusions"),
    "steady oral": ("steady oral", "steady oral, ka = exponent"),
    "steady intravenous": ("steady bolus", "steady infusion"),
}
CENTRAL, DEPOT = "central.drug", "depot.drug"


def equal_rate(compartments: int) -> float:
    """The fastest exponent of the disposition [1/h]."""
    v, q = VOLUMES[:compartments], (0.0, *EXCHANGE[: compartments - 1])
    rates = np.diag([-(QUANTITIES["clearance"] + sum(q)) / v[0], *(-b / a for a, b in zip(v[1:], q[1:], strict=True))])
    for k in range(1, compartments):
        rates[0, k] = rates[k, 0] = q[k] / np.sqrt(v[0] * v[k])
    return float(-np.linalg.eigvalsh(rates)[0])


def person(compartments: int, group: str, x: dict):
    """Body and schedule of all cases of a group, one a lane, as functions of the quantities."""
    amount, given, duration, every = (x[k] for k in ("amount", "dose time", "duration", "interval"))
    again = given + every * np.arange(DOSES)
    if group == "doses":
        people = [
            bolus(DEPOT, given, amount),
            bolus(DEPOT, given, amount),
            bolus(CENTRAL, given, amount),
            infusion(CENTRAL, given, amount, duration),
            bolus(DEPOT, again, amount),
            infusion(CENTRAL, again, amount, 2.0 * duration),
        ]
    elif group == "steady oral":
        people = [steady_state(DEPOT, amount, every=every) + bolus(DEPOT, 0.0, amount)] * 2
    else:
        people = [
            steady_state(CENTRAL, amount, every=every) + bolus(CENTRAL, 0.0, amount),
            steady_state(CENTRAL, amount, every=every, duration=duration) + infusion(CENTRAL, 0.0, amount, duration),
        ]
    rate = [x["absorption"]] * len(people)
    if group != "steady intravenous":
        rate[1] = x["absorption"] * (equal_rate(compartments) / QUANTITIES["absorption"])
    values = {
        "central.volume": VOLUMES[0],
        "elimination.clearance": x["clearance"],
        "absorption.rate": jnp.stack([jnp.asarray(r) for r in rate]),
        "depot.lag": x["lag"],
        "depot.bioavailability": x["bioavailability"],
    }
    for name, volume, exchange in zip(("peripheral", "deep"), VOLUMES[1:compartments], EXCHANGE, strict=False):
        values |= {f"{name}.volume": volume, f"{name}_exchange.clearance": exchange}
    return oral(compartments).with_values(values), ragged(people)


def solved(compartments: int, group: str, x: dict, method=TIGHT, dtype=jnp.float64):
    """Concentrations (times, cases) [mg/L] by solving, and the status of each."""
    body, schedule = person(compartments, group, x)
    trajectory = solve(cast(body, dtype), schedule, at=AT, lanes=len(CASES[group]), method=method)
    return trajectory["central.concentration"], trajectory.status


def exact(compartments: int, group: str, x: dict):
    """The same by closed forms."""
    pk = LinearPK(x["clearance"], VOLUMES[:compartments], EXCHANGE[: compartments - 1])
    amount, given, duration, every = (x[k] for k in ("amount", "dose time", "duration", "interval"))
    ka, late = x["absorption"], {"lag": x["lag"], "bioavailability": x["bioavailability"]}
    equal = ka * (equal_rate(compartments) / QUANTITIES["absorption"])
    again = given + every * np.arange(DOSES)
    if group == "doses":
        columns = [
            pk.oral(AT - given, amount, ka, **late),
            pk.oral(AT - given, amount, equal, **late),
            pk.bolus(AT - given, amount),
            pk.infusion(AT - given, amount, duration),
            superposed(pk.oral, AT, again, amount, ka, **late),
            superposed(pk.infusion, AT, again, amount, 2.0 * duration),
        ]
    elif group == "steady oral":
        columns = [pk.steady_oral(AT, amount, rate, every, **late) for rate in (ka, equal)]
    else:
        columns = [pk.steady_bolus(AT, amount, every), pk.steady_infusion(AT, amount, duration, every)]
    return jnp.stack(columns, axis=-1)


SATURABLE = {"amount": 300.0, "dose time": 0.5, "interval": 24.0, "capacity": 17.5, "half saturation": 4.0}


def solved_saturable(x: dict, method=TIGHT):
    """One bolus, and a bolus at steady state: (times, 2)."""
    people = [
        steady_state(CENTRAL, 0.0, every=x["interval"]) + bolus(CENTRAL, x["dose time"], x["amount"]),
        steady_state(CENTRAL, x["amount"], every=x["interval"]) + bolus(CENTRAL, 0.0, x["amount"]),
    ]
    values = {"elimination.capacity": x["capacity"], "elimination.half_saturation": x["half saturation"]}
    trajectory = solve(saturable().with_values(values), ragged(people), at=AT, lanes=2, method=method)
    return trajectory["central.concentration"], trajectory.status


def exact_saturable(x: dict):
    """The same by the Lambert function."""
    pk = MichaelisMentenPK(saturable().value("central.volume"), x["capacity"], x["half saturation"])
    single = pk.bolus(AT - x["dose time"], x["amount"])
    return jnp.stack([single, pk.steady_bolus(AT, x["amount"], x["interval"])], axis=-1)


def compared(solution: Callable, closed: Callable, x: dict):
    """Error per case (cases,), and gradient error (cases,) per quantity; Status of each case; seconds of compiling."""
    x = {key: jnp.asarray(value) for key, value in x.items()}

    def both(x):
        (values, status), (truth,) = solution(x), (closed(x),)
        return (values, truth), (values, truth, status)

    timing = measure(jax.jacfwd(both, has_aux=True), x, repeats=1)
    (slopes, true_slopes), (values, truth, status) = timing.result
    error = np.abs(values - truth).max(axis=0) / np.abs(truth).max(axis=0)
    gradients = {key: gradient_error(np.asarray(slopes[key]), np.asarray(true_slopes[key])) for key in x}
    return np.asarray(error), gradients, np.asarray(status), timing.compile_s


def gradient_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Largest |a - b| / (|b| + 1e-3 scale) of each case; 0 where the derivative is 0 and is found to be."""
    scale = np.abs(b).max(axis=0)
    return (np.abs(a - b) / (np.abs(b) + 1e-3 * scale + 1e-12)).max(axis=0)


def above_capacity(amounts: np.ndarray, method=TIGHT):
    """Status and concentrations (times, lanes) of steady dosing with saturable elimination, one regimen a lane."""
    body = saturable()
    zero = jnp.zeros_like(amounts)
    schedule = ragged([bolus(CENTRAL, 0.0, amount) + steady_state(CENTRAL, amount, every=24.0) for amount in amounts])
    trajectory = solve(body, schedule, at=AT, lanes=len(zero), method=method)
    return trajectory.status, trajectory["central.concentration"]


def run(data: object, quick: bool) -> Result:
    """``quick`` leaves out three compartments and the timing against Diffrax. Reads no data."""
    figures, worst, gradients, compile_s = [], {}, {}, 0.0
    for compartments in (1, 2) if quick else (1, 2, 3):
        for group in GROUPS:
            error, slopes, status, seconds = compared(
                lambda x, n=compartments, g=group: solved(n, g, x),
                lambda x, n=compartments, g=group: exact(n, g, x),
                QUANTITIES,
            )
            compile_s += seconds
            for case, value, code in zip(CASES[group], error, status, strict=True):
                worst[f"{compartments} compartments, {case}"] = value if code == Status.OK else np.inf
            for key, value in slopes.items():
                gradients[key] = max(gradients.get(key, 0.0), float(value.max()))
    error, slopes, status, seconds = compared(solved_saturable, exact_saturable, SATURABLE)
    compile_s += seconds
    for case, value, code in zip(("bolus", "steady bolus"), error, status, strict=True):
        worst[f"saturable, {case}"] = value if code == Status.OK else np.inf
    for key, value in slopes.items():
        gradients[key] = max(gradients.get(key, 0.0), float(value.max()))
    figures += [Figure(f"error, {case}", float(value), "1") for case, value in worst.items()]
    figures += [Figure(f"gradient error, {key}", value, "1") for key, value in gradients.items()]

    drift = max(float(_single(n)) for n in ((1, 2) if quick else (1, 2, 3)))
    figures.append(Figure("float32 error", drift, "1"))
    status, _ = above_capacity(np.array([300.0, 500.0]))
    stated = [int(code) for code in status] == [Status.OK, Status.NO_STEADY_STATE]
    figures.append(Figure("status of dosing above capacity", Status(int(status[1])).name, "1"))
    baselines = []
    if not quick:
        own, other, seconds = _timed()
        compile_s += seconds
        figures.append(Figure("128 people, 2 compartments, error below 1e-9", own, "s"))
        baselines.append(Baseline("the same by diffrax.Tsit5 under vmap", other, "s"))
        figures.append(Figure("speed against diffrax.Tsit5", other / own, "1"))
    achieved = float(max(worst.values()))
    targets = [Target.at_most("largest error, share of the largest concentration", achieved, 1e-9, "")]
    targets += [Target.at_most(f"gradient error, {key}", value, 1e-8, "") for key, value in gradients.items()]
    targets += [
        Target("dosing above capacity has no steady state", "says so", stated, stated),
        Target.at_most("float32 error, share of the largest concentration", drift, 2e-5, ""),
    ]
    return Result(
        "pk-closed-forms", figures, targets, "float64", compile_s, achieved,
        "largest difference from the closed form over all cases, share of the largest concentration", baselines,
    )  # fmt: skip


def _single(compartments: int) -> float:
    """Largest error of a float32 solve over the dose forms."""
    x = {key: jnp.asarray(value) for key, value in QUANTITIES.items()}
    values, _ = jax.jit(lambda x: solved(compartments, "doses", x, SINGLE, jnp.float32))(x)
    truth = exact(compartments, "doses", x)
    return float((jnp.abs(values - truth).max(axis=0) / truth.max(axis=0)).max())


def _timed(people: int = 128) -> tuple[float, float, float]:
    """Seconds for a cohort, seconds for Diffrax under vmap, seconds of compiling; each at its loosest tolerance that holds.

    Both are stepped by Tsitouras' pair; tolerances are tried from loose to tight until the error is below 1e-9.
    """
    clearance = jnp.asarray(np.linspace(2.0, 4.0, people))
    schedule = bolus(DEPOT, 0.5 + 3.1 * np.arange(DOSES), 100.0)
    fixed = {"absorption.rate": 1.1, "depot.lag": 0.3, "depot.bioavailability": 0.8, "central.volume": VOLUMES[0]}
    body = oral(2).with_values(fixed | {"peripheral.volume": VOLUMES[1], "peripheral_exchange.clearance": EXCHANGE[0]})

    def truth(cl):
        pk = LinearPK(cl, VOLUMES[:2], EXCHANGE[:1])
        return superposed(pk.oral, AT, schedule.time, 100.0, 1.1, lag=0.3, bioavailability=0.8)

    wanted = np.asarray(jax.vmap(truth, out_axes=-1)(clearance))

    def cohort(rtol):
        def all_lanes(cl):
            there = body.with_values({"elimination.clearance": cl})
            return solve(there, schedule, at=AT, lanes=people, method=Tsit5(rtol, rtol))["central.concentration"]

        return all_lanes

    def diffrax_cohort(rtol):
        method = Diffrax(diffrax.Tsit5(), rtol, rtol, adjoint=diffrax.ForwardMode())

        def one(cl):
            return solve(body.with_values({"elimination.clearance": cl}), schedule, at=AT, method=method)[
                "central.concentration"
            ]

        return jax.vmap(one, out_axes=-1)

    seconds, compiling = [], 0.0
    for make in (cohort, diffrax_cohort):
        for rtol in (1e-8, 1e-9, 1e-10, 1e-11, 1e-12):
            timing = measure(make(rtol), clearance)
            compiling += timing.compile_s
            if np.abs(np.asarray(timing.result) - wanted).max() <= 1e-9 * wanted.max():
                break
        seconds.append(timing.run_s)
    return *seconds, compiling
