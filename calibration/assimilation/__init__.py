"""Beliefs about people, carried forward in time and updated by each new reading.

    model = twin(body, free, lanes=..., instruments=[...], drift={...})
    belief = model.start()
    belief = advance(Unscented(), model, belief, to)
    belief = update(Unscented(), model, belief, readings(values))
"""

from calibration.assimilation.belief import BeliefStatus, Ensemble, Gaussian, drawn
from calibration.assimilation.drift import AbstractDrift, RandomWalk, Reverting
from calibration.assimilation.ensemble import EnsembleKalman
from calibration.assimilation.extended import Extended
from calibration.assimilation.filtering import AbstractFilter, advance, follow, forecast, update
from calibration.assimilation.forecast import AbstractForecast, DrawnForecast, NormalForecast
from calibration.assimilation.particle import Particle
from calibration.assimilation.smoother import smoothed
from calibration.assimilation.state_space import AbstractStateSpace
from calibration.assimilation.twin import Twin, twin
from calibration.assimilation.unscented import Unscented

__all__ = [
    "AbstractDrift",
    "AbstractFilter",
    "AbstractForecast",
    "AbstractStateSpace",
    "BeliefStatus",
    "DrawnForecast",
    "Ensemble",
    "EnsembleKalman",
    "Extended",
    "Gaussian",
    "NormalForecast",
    "Particle",
    "RandomWalk",
    "Reverting",
    "Twin",
    "Unscented",
    "advance",
    "drawn",
    "follow",
    "forecast",
    "smoothed",
    "twin",
    "update",
]
