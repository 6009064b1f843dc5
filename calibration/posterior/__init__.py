"""Posteriors beyond a normal approximation at the mode: samplers, variational and amortised fits, and the checks on each."""

from calibration.posterior.amortised import Amortised, Answer, Source, Training, amortised, train
from calibration.posterior.draws import Draws, DrawStatus
from calibration.posterior.hierarchical import PopulationTarget, sample_population
from calibration.posterior.importance import corrected, smoothed
from calibration.posterior.pilot import Pilot, pilot
from calibration.posterior.samplers import Chees, sample
from calibration.posterior.variational import Variational, variational

__all__ = [
    "Amortised",
    "Answer",
    "Chees",
    "DrawStatus",
    "Draws",
    "Pilot",
    "PopulationTarget",
    "Source",
    "Training",
    "Variational",
    "amortised",
    "corrected",
    "pilot",
    "sample",
    "sample_population",
    "smoothed",
    "train",
    "variational",
]
