"""The family of the UVA/Padova simulator of 2008."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.s2008_priors import PRIORS, PRODUCTION
from physio.bodies.intraday import with_intraday_sensitivity
from physio.bodies.meals import meal, meal_at_once
from physio.bodies.uva_s2008 import balanced, smooth_uva_s2008
from physio.body import Body
from physio.metabolism.glucose_kinetics import SmoothGlucoseKinetics

PMOL_PER_U = 6000.0
# use that insulin can raise is never less [mg/kg/min]
LEAST = 0.1


def _hourly() -> Body:
    return with_intraday_sensitivity(smooth_uva_s2008(), "glucose.uptake_sensitivity", "glucose.liver_sensitivity")


class S2008(AbstractFamily):
    """Without corners, so that derivatives are those of what is solved."""

    label: ClassVar[str] = "UVA/Padova S2008"
    unknowns: ClassVar[tuple[str, ...]] = (
        PRODUCTION, "glucose.fasting", "glucose.volume", "glucose.to_tissue", "glucose.from_tissue", "glucose.effectiveness",
        "glucose.liver_sensitivity", "glucose.uptake_sensitivity", "glucose.half_uptake",
        "stomach.fastest", "stomach.slowest", "stomach.absorption", "stomach.slowing", "stomach.reopening",
        "depot.dissociation", "depot.early", "depot.late",
        "insulin.volume", "insulin.to_plasma", "insulin.to_liver", "insulin.liver_loss", "insulin.degradation",
        "insulin.use_rate", "insulin.liver_rate", "interstitium.rate",
    )  # fmt: skip
    plasma: ClassVar[str] = "glucose.glucose"
    tissue: ClassVar[str] = "interstitium.glucose"
    fasting: ClassVar[str] = "glucose.fasting"
    pool: ClassVar[str] = "glucose.plasma"
    followed: ClassVar[tuple[str, ...]] = (
        "production.rest", "glucose.fasting", "glucose.uptake_sensitivity", "glucose.liver_sensitivity",
        "stomach.fastest", "stomach.absorption", "insulin.use_rate", "insulin.liver_rate",
    )  # fmt: skip
    body: Body = eqx.field(default_factory=_hourly)

    def prior(self, address):
        return PRIORS[address] if address in PRIORS else super().prior(address)

    def resting(self, values, weight, basal):
        known = {address: value for address, value in values.items() if address != PRODUCTION}
        body = self.body.with_values({**known, "size.weight": weight, "insulin.basal": 1.0 + 0.0 * weight})
        body = body.with_values({"glucose.uptake": _uptake(body.parts["glucose"], values[PRODUCTION])})
        # what the depot must deliver is in proportion to the insulin that it holds
        held = PMOL_PER_U * basal / weight / body.parts["insulin"].basal_source()
        return balanced(body.with_values({"insulin.basal": held}))

    def beginning(self, body, glucose):
        return body.with_values({"glucose.fasting": glucose, "interstitium.initial": glucose})

    def eaten(self, at, grams, by_mouthful):
        return meal(at, grams) if by_mouthful else meal_at_once(at, grams)


def _uptake(glucose: SmoothGlucoseKinetics, production: Array) -> Array:
    """The Vm0 with which as much is used and lost at rest as is produced [mg/kg/min]."""
    plasma = glucose.fasting * glucose.volume
    used = jnp.maximum(production - glucose.brain - glucose.excretion * jnp.maximum(plasma - glucose.threshold, 0.0), LEAST)
    tissue = (glucose.to_tissue * plasma - used) / glucose.from_tissue
    return used * (glucose.half_uptake + tissue) / tissue
