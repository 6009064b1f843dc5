"""What a gradient and a Jacobian cost beside one evaluation, problem by problem."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from calibration.diagnostics.cost import GradientCost
from experiments.plots.sheet import BLUE, GREY, PURPLE, in_style, sheet


@in_style
def cost_figure(found: Mapping[str, GradientCost]) -> Figure:
    """Problem -> measured cost; the dashed tick is that of central differences, two evaluations an unknown."""
    figure, axes = sheet(width=4.8, height=1.1 + 0.45 * max(len(found), 2))
    ax = axes[0, 0]
    for row, cost in enumerate(found.values()):
        first = row == 0
        ax.plot([cost.gradient_ratio], [row - 0.1], "o", color=BLUE, markersize=6, label="gradient" if first else None)
        ax.plot([cost.jacobian_ratio], [row + 0.1], "s", color=PURPLE, markersize=6, label="Jacobian" if first else None)
        difference = 2.0 * cost.unknowns
        ax.plot([difference] * 2, [row - 0.3, row + 0.3], color=GREY, linestyle="--", label="differences" if first else None)
    ax.axvline(1.0, color=GREY, linewidth=0.6)
    labels = [f"{name}\n{c.unknowns} unknowns, {c.lanes} lanes, {1e3 * c.evaluation_s:.3g} ms" for name, c in found.items()]
    ax.set_yticks(range(len(found)), labels)
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xlim(left=0.0)
    ax.set_xlabel("time / time of one evaluation")
    figure.legend(loc="outside upper right", ncols=3)
    return figure
