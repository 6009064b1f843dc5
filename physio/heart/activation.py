"""When a chamber contracts: a raised cosine up and a raised cosine down.

    a(s) = (1 - cos(pi s / T_C)) / 2            0 <= s < T_C              s: time since onset, modulo the beat
         = (1 + cos(pi (s - T_C) / T_R)) / 2    T_C <= s < T_C + T_R
         = 0                                    else

Two laws differ in what the times mean when the heart rate changes: seconds (F. Regazzoni et al., J. Comput. Phys.
457:111083 (2022)) or fractions of the beat (T. Korakianitis, Y. Shi, J. Biomech. 39:1964-1982 (2006)).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractController, Scalar, parameter, port
from physio.heart.pacemaker import phase_of
from physio.priors import LogNormal, Uniform


def raised_cosine(since, rise, fall):
    """The activation above; all three arguments in the same unit.

    One cosine of an angle that rises to pi at the peak and stays at 2 pi after the fall.
    """
    half_turns = jnp.where(since < rise, since / rise, 1.0 + jnp.minimum((since - rise) / fall, 1.0))
    return 0.5 * (1.0 - jnp.cos(jnp.pi * half_turns))


class ActivationInSeconds(AbstractController):
    """Onset, rise and fall in seconds, whatever the heart rate."""

    onset: Scalar = parameter("s", Uniform(0.0, 1.0), source="Regazzoni 2022: ventricles 0.1 s, atria 0.9 s")
    rise: Scalar = parameter("s", LogNormal(0.25, cv=0.1), source="Regazzoni 2022, ventricles; spread assumed")
    fall: Scalar = parameter("s", LogNormal(0.40, cv=0.1), source="Regazzoni 2022, ventricles; spread assumed")

    class Sensed(eqx.Module):
        phase: Scalar = port("1")
        period: Scalar = port("s")

    class Outputs(eqx.Module):
        activation: Scalar = port("1")

    def outputs(self, t, sensed):
        since = phase_of(sensed.phase - self.onset / sensed.period) * sensed.period
        return self.Outputs(activation=raised_cosine(since, self.rise, self.fall))


class ActivationInBeats(AbstractController):
    """Onset, rise and fall as fractions of the beat: systole shortens with the beat."""

    onset: Scalar = parameter("1", Uniform(0.0, 1.0), source="Korakianitis and Shi 2006: ventricles 0, atria 0.92")
    rise: Scalar = parameter("1", LogNormal(0.30, cv=0.1), source="Korakianitis and Shi 2006; spread assumed")
    fall: Scalar = parameter("1", LogNormal(0.15, cv=0.1), source="Korakianitis and Shi 2006; spread assumed")

    class Sensed(eqx.Module):
        phase: Scalar = port("1")

    class Outputs(eqx.Module):
        activation: Scalar = port("1")

    def outputs(self, t, sensed):
        since = phase_of(sensed.phase - self.onset)
        return self.Outputs(activation=raised_cosine(since, self.rise, self.fall))
