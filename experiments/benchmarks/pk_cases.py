"""The cases of the benchmark `pk-closed-forms`: the same doses by solving and by closed forms.

Every dose form is a lane of one cohort, so that lag, bioavailability, dose times and durations differ between
lanes as they do between people. No observation falls on a dose, where the derivative with respect to its time
has two values. Amounts in mg, volumes in L, times in h.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from physio.bodies.pharmacokinetics import oral, saturable
from physio.component import cast
from physio.drugs.closed_forms import LinearPK, superposed
from physio.drugs.closed_forms_saturable import MichaelisMentenPK
from physio.schedule import bolus, infusion, ragged, steady_state
from physio.solve import Tsit5, solve

AT = np.array([0.37, 0.83, 1.41, 2.03, 3.3, 4.7, 6.1, 8.9, 11.3, 16.7, 23.9, 36.1, 47.3])  # h
VOLUMES, EXCHANGE = (20.0, 35.0, 120.0), (4.0, 1.5)  # L, L/h
QUANTITIES = {
    "amount": 100.0, "dose time": 0.5, "lag": 0.3, "bioavailability": 0.8, "duration": 2.2, "interval": 3.1,
    "absorption": 1.1, "clearance": 3.0,
}  # fmt: skip
TIGHT = Tsit5(rtol=1e-12, atol=1e-12)
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
    rates = np.diag(
        [-(QUANTITIES["clearance"] + sum(q)) / v[0], *(-b / a for a, b in zip(v[1:], q[1:], strict=True))]
    )
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
            steady_state(CENTRAL, amount, every=every, duration=duration)
            + infusion(CENTRAL, 0.0, amount, duration),
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
    for name, volume, exchange in zip(
        ("peripheral", "deep"), VOLUMES[1:compartments], EXCHANGE, strict=False
    ):
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


def with_slopes(solution: Callable, closed: Callable) -> Callable:
    """x -> ((slopes, exact slopes) by quantity, (values, exact values, status))."""

    def both(x):
        (values, status), truth = solution(x), closed(x)
        return (values, truth), (values, truth, status)

    return jax.jacfwd(both, has_aux=True)


def arrays(x: dict) -> dict:
    """The quantities as float64 arrays, which a derivative can be taken with respect to."""
    return {key: jnp.asarray(value, jnp.float64) for key, value in x.items()}


def errors(result) -> tuple[np.ndarray, dict, np.ndarray]:
    """Of what `with_slopes` gave: error, gradient error of each quantity, status, each (cases,)."""
    slopes, (values, truth, status) = result
    own = {key: np.asarray(value) for key, value in slopes[0].items()}
    gradients = {key: gradient_error(value, np.asarray(slopes[1][key])) for key, value in own.items()}
    return value_error(values, truth), gradients, np.asarray(status)


def value_error(values, truth) -> np.ndarray:
    """Largest difference of each case as a share of its largest concentration."""
    values, truth = np.asarray(values), np.asarray(truth)
    return np.abs(values - truth).max(axis=0) / np.abs(truth).max(axis=0)


def gradient_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Largest |a - b| / (|b| + 1e-3 scale) of each case; 0 where the derivative is 0 and is found to be."""
    scale = np.abs(b).max(axis=0)
    return (np.abs(a - b) / (np.abs(b) + 1e-3 * scale + 1e-12)).max(axis=0)


def above_capacity(amounts: np.ndarray, method=TIGHT):
    """Status and concentrations (times, lanes) of steady saturable dosing, one amount a lane."""
    people = [bolus(CENTRAL, 0.0, amount) + steady_state(CENTRAL, amount, every=24.0) for amount in amounts]
    trajectory = solve(saturable(), ragged(people), at=AT, lanes=len(people), method=method)
    return trajectory.status, trajectory["central.concentration"]
