"""What several families of models learnt of the same two unknowns, and what was believed before."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.plots.sheet import BLUE, GREEN, GREY, ORANGE, PURPLE, in_style, sheet

STYLES = ((BLUE, "o"), (ORANGE, "D"), (GREEN, "s"), (PURPLE, "^"))
LEVEL = 0.9


class Joint(NamedTuple):
    """What is known of two unknowns: ``mean`` (2,), ``covariance`` (2, 2), and ``points`` (n, 2) where there are draws."""

    name: str
    mean: np.ndarray
    covariance: np.ndarray
    points: np.ndarray | None = None


@in_style
def posterior_figure(families: Sequence[Joint], prior: Joint, labels: tuple[str, str]) -> Figure:
    """Ellipses hold ``LEVEL`` of a normal distribution, marks are means, dots draws; the prior is dashed. ``labels`` of the two
    unknowns hold their units.
    """
    if len(families) > len(STYLES):
        raise ValueError(f"{len(families)} families; at most {len(STYLES)} can be told apart")
    figure, axes = sheet(width=4.2, height=3.6)
    ax = axes[0, 0]
    ax.plot(*_ellipse(prior), color=GREY, linestyle="--", linewidth=1.2, label=prior.name)
    for family, (colour, marker) in zip(families, STYLES, strict=False):
        if family.points is not None:
            ax.plot(*family.points.T, ".", color=colour, markersize=2.5, alpha=0.35, markeredgewidth=0)
        ax.plot(*_ellipse(family), color=colour, linewidth=1.4)
        ax.plot(*family.mean, marker, color=colour, markersize=5, markeredgecolor="white", label=family.name)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    ax.set_title(f"ellipses hold {100 * LEVEL:g} %")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _ellipse(joint: Joint) -> np.ndarray:
    """(2, points): the outline that holds ``LEVEL`` of a normal distribution of two unknowns."""
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    spread, axes = np.linalg.eigh(joint.covariance)
    circle = np.sqrt(-2.0 * np.log(1.0 - LEVEL)) * np.stack([np.cos(angle), np.sin(angle)])
    return joint.mean[:, None] + axes @ (np.sqrt(np.maximum(spread, 0.0))[:, None] * circle)
