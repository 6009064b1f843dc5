"""Priors of the simulator's parameters in type 1 diabetes, from published groups of other people.

Nobody has published the simulator's own people. Medians are those of people without diabetes (Table I of Dalla Man 2007),
spreads those of people within a group and, where the second group of that table differs, half the way to it:

    spread^2 = within^2 + (log(type 2 / normal) / 2)^2          on the logarithm, or on the log odds of a share

Exceptions are what is known of type 1 diabetes, and of meals:

    production   of glucose at rest, 2.4 mg/kg/min in adults with type 1 diabetes under basal insulin, where tracer studies lie
                 between 1.9 and 2.9; children, with more brain for their weight, need more. The capacity Vm0 of use
                 follows from it.
    b, d         half way (in log odds) between the two groups and the mixed meals of Dalla Man 2006, 0.69 and 0.17
    kabs         half way between 0.057 /min and gut that is no bottleneck, 0.2 /min, and as wide

Sources: C. Dalla Man, R. A. Rizza, C. Cobelli, IEEE Trans. Biomed. Eng. 54:1740-1749 (2007); C. Dalla Man, M. Camilleri, C.
Cobelli, IEEE Trans. Biomed. Eng. 53:2472-2478 (2006).
"""

import math

from physio.priors import AbstractPrior, LogitNormal, LogNormal

# within a group, on the logarithm: of volumes and thresholds, of rates, of what differs most between people
STEADY, RATE, LOOSE = 0.12, 0.3, 0.45

# address: (median, that of people with type 2 diabetes or None, spread within a group)
GROUPS = {
    "glucose.volume": (1.88, None, STEADY),
    "glucose.to_tissue": (0.065, 0.042, RATE),
    "glucose.from_tissue": (0.079, 0.071, LOOSE),
    "glucose.effectiveness": (0.0021, 0.0007, LOOSE),
    "glucose.liver_sensitivity": (0.009, 0.005, LOOSE),
    "glucose.uptake_sensitivity": (0.047, 0.034, LOOSE),
    "glucose.half_uptake": (225.59, None, STEADY),
    "depot.early": (0.0018, None, LOOSE),
    "insulin.volume": (0.05, None, STEADY),
    "insulin.to_plasma": (0.19, None, RATE),
    "insulin.to_liver": (0.484, None, LOOSE),
    "insulin.degradation": (0.194, None, LOOSE),
    "insulin.liver_loss": (0.285, None, RATE),
    "insulin.use_rate": (0.0331, 0.084, RATE),
    "insulin.liver_rate": (0.0079, None, LOOSE),
    "stomach.fastest": (0.0558, 0.0465, RATE),
    "stomach.slowest": (0.008, 0.0076, LOOSE),
}
SHARES = {"stomach.slowing": (0.75, 0.5), "stomach.reopening": (0.08, 0.9)}
PRODUCTION = "production.rest"


def _of_groups(median: float, other: float | None, within: float) -> AbstractPrior:
    spread = math.hypot(within, 0.5 * math.log(other / median)) if other else within
    return LogNormal(median, cv=math.sqrt(math.expm1(spread**2)))


PRIORS: dict[str, AbstractPrior] = {
    **{address: _of_groups(*numbers) for address, numbers in GROUPS.items()},
    **{address: LogitNormal(median, sd=sd) for address, (median, sd) in SHARES.items()},
    "stomach.absorption": LogNormal(0.107, cv=0.7),
    "glucose.fasting": LogNormal(140.0, cv=0.12),
    PRODUCTION: LogNormal(2.4, cv=0.3),
}
