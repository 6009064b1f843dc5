"""Volumes of mice forecast with what the other mice tell: some are left out, a population is fitted to the rest."""

from collections.abc import Iterator, Sequence

import jax.numpy as jnp

from calibration.population.fit import PopulationFit, fit_population
from calibration.population.forecast import Forecast, forecast
from calibration.tumours.mice import mouse_population
from calibration.tumours.records import TumourRecord


def left_out(
    mice: list[TumourRecord], groups: Sequence[Sequence[int]], known: Sequence[int], *, reduced: bool = False
) -> Iterator[tuple[PopulationFit, Forecast]]:
    """Of every group the population of all readings of the other mice, and the forecast of the group's mice, which knows the
    first ``known`` (mice,) readings of each.
    """
    # all mice in one table, so that one program serves every group of the same size
    whole, visible = mouse_population(mice, reduced=reduced), mouse_population(mice, list(known), reduced=reduced)
    for group in groups:
        fit = fit_population(whole.picked(jnp.asarray([j for j in range(len(mice)) if j not in group])))
        yield fit, forecast(visible.picked(jnp.asarray(list(group))), fit.x)
