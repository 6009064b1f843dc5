"""Prior-posterior contraction of every unknown over people."""

import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure

from calibration.identifiability import IDENTIFIED_BELOW
from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet


@in_style
def contraction_figure(contraction: Array, names: tuple[str, ...]) -> Figure:
    """``contraction`` (unknowns, people): a dot each, the median as a bar; people without a posterior are counted beside."""
    found = np.asarray(contraction)
    figure, axes = sheet(width=5.0, height=1.0 + 0.36 * len(names))
    ax = axes[0, 0]
    needed = 1.0 - IDENTIFIED_BELOW**2
    # dots beside each other where many people are alike
    aside = 0.28 * np.linspace(-1.0, 1.0, max(found.shape[1], 2))[: found.shape[1]] if found.shape[1] > 1 else np.zeros(1)
    for row, values in enumerate(found):
        known = np.isfinite(values)
        enough = values >= needed
        shown = np.maximum(values, -0.1)
        ax.plot(shown[known & enough], row + aside[known & enough], "o", color=BLUE, markersize=3, alpha=0.6)
        ax.plot(shown[known & ~enough], row + aside[known & ~enough], "D", color=ORANGE, markersize=3, alpha=0.6)
        if known.any():
            ax.plot([np.median(shown[known])] * 2, [row - 0.36, row + 0.36], color="black", linewidth=1.5)
        share = f"{int(enough.sum())} of {values.size}" + (f", {int((~known).sum())} failed" if not known.all() else "")
        ax.annotate(share, (1.0, row), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
                    va="center", fontsize=7.5, color=GREY)  # fmt: skip
    ax.axvline(needed, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_xlim(-0.12, 1.02)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(f"1 - posterior variance / prior variance   (- - identified from {needed:g} on)")
    return figure
