"""Priors: what is known of one number before any measurement, and its map to a standard normal unknown z.

    LogNormal(median, cv)            x = median exp(s z),                 s = sqrt(log(1 + cv^2))
    Normal(mean, sd)                 x = mean + sd z
    LogitNormal(median, sd, low, high)
                                     u = (x - low) / (high - low),        logit u = logit u_median + sd z
    Uniform(low, high)               x = low + (high - low) Phi(z)        Phi the standard normal distribution

An unknown z is standard normal under its prior, so bounds and scales are handled here and nowhere else: a fit
moves freely in z and stays inside the support of every prior. A value, its median, sd and bounds share one
unit, which the prior does not know: it stands on the field. Priors are frozen, hashable and never traced.
`from_z`, `to_z` and `log_density` take and return jax arrays of any shape; `quantile` returns a float.

Outside its support a prior has log-density -inf and `to_z` is not finite.
"""

import abc
import dataclasses
import math

import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from scipy import special

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class AbstractPrior(abc.ABC):
    """A continuous prior of one number, monotone increasing in its standard normal unknown z."""

    @property
    @abc.abstractmethod
    def spread(self) -> str:
        """The spread in words, for tables and reports."""

    @abc.abstractmethod
    def from_z(self, z):
        """The value at the standard normal unknown `z`."""

    @abc.abstractmethod
    def to_z(self, x):
        """The standard normal unknown of the value `x`; inverse of `from_z`."""

    @abc.abstractmethod
    def log_density(self, x):
        """Natural logarithm of the prior density at `x`, per unit of `x`; -inf outside the support."""

    @abc.abstractmethod
    def quantile(self, p) -> float:
        """The value below which the prior has probability `p`, 0 <= p <= 1."""

    @abc.abstractmethod
    def recentred(self, median) -> "AbstractPrior":
        """The same family and spread around another median."""


@dataclasses.dataclass(frozen=True)
class LogNormal(AbstractPrior):
    """Log-normal by its median (> 0) and its coefficient of variation `cv` = sd / mean (> 0)."""

    median: float
    cv: float

    def __post_init__(self):
        _store(self, median="positive", cv="positive")

    @property
    def sigma(self) -> float:
        """Standard deviation of log x."""
        return math.sqrt(math.log1p(self.cv**2))

    @property
    def spread(self) -> str:
        return f"cv {100.0 * self.cv:.3g} %"

    def from_z(self, z):
        return self.median * jnp.exp(self.sigma * z)

    def to_z(self, x):
        return jnp.log(x / self.median) / self.sigma

    def log_density(self, x):
        inside = x > 0.0
        safe = jnp.where(inside, x, self.median)    # keeps the gradient finite where the density is zero
        density = _standard(self.to_z(safe)) - math.log(self.sigma) - jnp.log(safe)
        return jnp.where(inside, density, -jnp.inf)

    def quantile(self, p) -> float:
        return self.median * math.exp(self.sigma * _z(p))

    def recentred(self, median) -> "LogNormal":
        return LogNormal(median, self.cv)


@dataclasses.dataclass(frozen=True)
class Normal(AbstractPrior):
    """Normal by its mean and its standard deviation `sd` (> 0)."""

    mean: float
    sd: float

    def __post_init__(self):
        _store(self, mean="finite", sd="positive")

    @property
    def median(self) -> float:
        """The mean."""
        return self.mean

    @property
    def spread(self) -> str:
        return f"sd {self.sd:.3g}"

    def from_z(self, z):
        return self.mean + self.sd * z

    def to_z(self, x):
        return (x - self.mean) / self.sd

    def log_density(self, x):
        return _standard(self.to_z(x)) - math.log(self.sd)

    def quantile(self, p) -> float:
        return self.mean + self.sd * _z(p)

    def recentred(self, median) -> "Normal":
        return Normal(median, self.sd)


@dataclasses.dataclass(frozen=True)
class LogitNormal(AbstractPrior):
    """Logit-normal between `low` and `high` by its median; `sd` (> 0) is on the logit scale.

    Fractions such as bioavailability are LogitNormal on (0, 1). For sd above sqrt(2) the density has two
    modes.
    """

    median: float
    sd: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self):
        _store(self, median="finite", sd="positive", low="finite", high="finite")
        if not self.low < self.high:
            raise ValueError(f"LogitNormal: low must be below high, got low={self.low}, high={self.high}")
        if not self.low < self.median < self.high:
            bounds = f"low={self.low} and high={self.high}"
            raise ValueError(f"LogitNormal: median must lie between {bounds}, got {self.median}")

    @property
    def _centre(self) -> float:
        return math.log(self.median - self.low) - math.log(self.high - self.median)

    @property
    def spread(self) -> str:
        return f"sd {self.sd:.3g} on the logit scale between {self.low:.6g} and {self.high:.6g}"

    def from_z(self, z):
        logit = self._centre + self.sd * z
        return self.low + (self.high - self.low) / (1.0 + jnp.exp(-logit))

    def to_z(self, x):
        return (jnp.log(x - self.low) - jnp.log(self.high - x) - self._centre) / self.sd

    def log_density(self, x):
        inside = (x > self.low) & (x < self.high)
        safe = jnp.where(inside, x, self.median)    # keeps the gradient finite where the density is zero
        slope = math.log(self.high - self.low) - jnp.log(safe - self.low) - jnp.log(self.high - safe)
        density = _standard(self.to_z(safe)) - math.log(self.sd) + slope
        return jnp.where(inside, density, -jnp.inf)

    def quantile(self, p) -> float:
        return self.low + (self.high - self.low) * float(special.expit(self._centre + self.sd * _z(p)))

    def recentred(self, median) -> "LogitNormal":
        return LogitNormal(median, self.sd, self.low, self.high)


@dataclasses.dataclass(frozen=True)
class Uniform(AbstractPrior):
    """Uniform between `low` and `high`; recentring keeps the width."""

    low: float
    high: float

    def __post_init__(self):
        _store(self, low="finite", high="finite")
        if not self.low < self.high:
            raise ValueError(f"Uniform: low must be below high, got low={self.low}, high={self.high}")

    @property
    def median(self) -> float:
        """The middle."""
        return 0.5 * (self.low + self.high)

    @property
    def spread(self) -> str:
        return f"between {self.low:.6g} and {self.high:.6g}"

    def from_z(self, z):
        width = self.high - self.low
        return jnp.where(z < 0.0, self.low + width * ndtr(z), self.high - width * ndtr(-z))

    def to_z(self, x):
        width = self.high - self.low
        below, above = (x - self.low) / width, (self.high - x) / width
        tail = jnp.where(below < above, below, above)    # from the nearer end, where the digits are
        return jnp.where(below < above, 1.0, -1.0) * ndtri(tail)

    def log_density(self, x):
        inside = (x >= self.low) & (x <= self.high)
        level = jnp.full_like(x, -math.log(self.high - self.low), dtype=jnp.result_type(x, 0.0))
        return jnp.where(inside, level, -jnp.inf)

    def quantile(self, p) -> float:
        return self.low + (self.high - self.low) * float(special.ndtr(_z(p)))

    def recentred(self, median) -> "Uniform":
        half = 0.5 * (self.high - self.low)
        return Uniform(median - half, median + half)


def _standard(z):
    """Log-density of the standard normal."""
    return -0.5 * z**2 - _HALF_LOG_TWO_PI


def _z(p) -> float:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"quantile: p must lie between 0 and 1, got {p}")
    return float(special.ndtri(p))


def _store(prior: AbstractPrior, **rules: str) -> None:
    """Make each named field a plain float that is finite and, where the rule says so, positive."""
    for name, rule in rules.items():
        given = getattr(prior, name)
        label = f"{type(prior).__name__}: {name} must be"
        if isinstance(given, (bool, str)):
            raise ValueError(f"{label} a number, got {given!r}")
        try:
            number = float(given)
        except (TypeError, ValueError):
            raise ValueError(f"{label} a plain number, got {type(given).__name__}") from None
        if not math.isfinite(number) or (rule == "positive" and number <= 0.0):
            wanted = "positive and finite" if rule == "positive" else "finite"
            raise ValueError(f"{label} {wanted}, got {given}")
        object.__setattr__(prior, name, number)
