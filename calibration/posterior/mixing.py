"""Whether chains have mixed, and how many independent draws they are worth.

    R-hat       sqrt(var+ / W), the larger of that of ranks and of folded ranks, chains split in two
    ESS         draws / tau,    tau = -1 + 2 sum rho_t by Geyer's initial monotone sequence
    bulk, tail  the ESS of normal scores of ranks; the smaller of those of the indicators of the 5 % and 95 % quantile
    E-BFMI      mean squared change of the energy over its variance; below 0.3 the tails are hardly visited

Arrays are (chains, draws, ...), results (...). A quantity that is not finite, or constant in all draws, has ESS nan and R-hat
nan. Sources: A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Buerkner, Bayesian Anal. 16:667-718 (2021); C. J. Geyer,
Stat. Sci. 7:473-483 (1992); M. Betancourt, arXiv:1604.00695 (2016).
"""

import numpy as np
from scipy import stats
from scipy.special import ndtri

_FEWEST = 8


def r_hat(draws: np.ndarray) -> np.ndarray:
    """Rank-normalised split R-hat."""
    flat, shape = _flat(draws)
    halves = _split(flat)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return _marked(np.maximum(_ratio(_scores(halves)), _ratio(_scores(folded))), flat).reshape(shape)


def ess_bulk(draws: np.ndarray) -> np.ndarray:
    """Effective draws for the middle of the distribution."""
    flat, shape = _flat(draws)
    return _marked(_effective(_scores(_split(flat))), flat).reshape(shape)


def ess_tail(draws: np.ndarray) -> np.ndarray:
    """Effective draws for the 5 % and 95 % quantiles, the smaller."""
    flat, shape = _flat(draws)
    limits = [np.quantile(flat, p, axis=(0, 1)) for p in (0.05, 0.95)]
    found = [_effective(_split((flat <= limit).astype(float))) for limit in limits]
    return _marked(np.minimum(*found), flat).reshape(shape)


def ess_mean(draws: np.ndarray) -> np.ndarray:
    """Effective draws for the mean, of the values themselves."""
    flat, shape = _flat(draws)
    return _marked(_effective(_split(flat)), flat).reshape(shape)


def e_bfmi(energy: np.ndarray) -> np.ndarray:
    """Of every chain: (chains, ...)."""
    energy = np.asarray(energy, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)


def _flat(draws: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    draws = np.asarray(draws, float)
    if draws.ndim < 2 or draws.shape[1] < _FEWEST:
        raise ValueError(f"draws have shape {draws.shape}: expected (chains, draws, ...) with at least {_FEWEST} draws")
    return draws.reshape(*draws.shape[:2], -1), draws.shape[2:]


def _split(x: np.ndarray) -> np.ndarray:
    """Each chain as two; of an odd number of draws the middle one is left out."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, x.shape[1] - half :]])


def _scores(x: np.ndarray) -> np.ndarray:
    """Normal scores of ranks over all chains together, ties sharing theirs."""
    chains, draws, quantities = x.shape
    rank = stats.rankdata(x.reshape(chains * draws, quantities), axis=0)
    return ndtri((rank - 0.375) / (chains * draws + 0.25)).reshape(x.shape)


def _ratio(x: np.ndarray) -> np.ndarray:
    within = x.var(axis=1, ddof=1).mean(axis=0)
    between = x.mean(axis=1).var(axis=0, ddof=1)
    draws = x.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt((draws - 1) / draws + between / within)


def _autocovariance(x: np.ndarray) -> np.ndarray:
    """(chains, lags, quantities), divided by the number of draws."""
    draws = x.shape[1]
    centred = x - x.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, n=2 * draws, axis=1)) ** 2
    return np.fft.irfft(power, axis=1)[:, :draws] / draws


def _effective(x: np.ndarray) -> np.ndarray:
    chains, draws, quantities = x.shape
    covariance = _autocovariance(x)
    within = (covariance[:, 0] * draws / (draws - 1)).mean(axis=0)
    plus = within * (draws - 1) / draws + x.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = 1.0 - (within - covariance.mean(axis=0)) / plus
    rho[0] = 1.0
    pairs = (draws - 3) // 2
    sums = rho[0 : 2 * pairs : 2] + rho[1 : 2 * pairs : 2]
    ended = sums < 0.0
    kept = np.where(ended.any(axis=0), ended.argmax(axis=0), pairs)
    inside = np.arange(pairs)[:, None] < kept
    falling = np.minimum.accumulate(np.where(inside, sums, np.inf), axis=0)
    last = np.take_along_axis(rho, np.minimum(2 * kept, draws - 1)[None], axis=0)[0]
    tau = -1.0 + 2.0 * np.where(inside, falling, 0.0).sum(axis=0) + np.maximum(last, 0.0)
    total = chains * draws
    return total / np.maximum(tau, 1.0 / np.log10(total))


def _marked(found: np.ndarray, flat: np.ndarray) -> np.ndarray:
    usable = (np.abs(flat) < np.inf).all(axis=(0, 1)) & (np.ptp(flat, axis=(0, 1)) > 0.0)
    return np.where(usable, found, np.nan)
