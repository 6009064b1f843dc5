"""What the data can say about the unknowns: spectrum, contraction, profiles, and the answer in words."""

from calibration.identifiability.contraction import IDENTIFIED_BELOW, contraction, contraction_of_draws
from calibration.identifiability.fisher import Direction, Spectrum, spectrum
from calibration.identifiability.held import Held
from calibration.identifiability.profiles import End, Profiles
from calibration.identifiability.verdict import Answer, profiles_supported, quantities_supported, unknowns_supported
from calibration.identifiability.walk import profile

__all__ = [
    "IDENTIFIED_BELOW",
    "Answer",
    "Direction",
    "End",
    "Held",
    "Profiles",
    "Spectrum",
    "contraction",
    "contraction_of_draws",
    "profile",
    "profiles_supported",
    "quantities_supported",
    "spectrum",
    "unknowns_supported",
]
