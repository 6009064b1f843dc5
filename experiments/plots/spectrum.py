"""The spectrum of the data's information about one person, and which unknowns lie in which direction."""

import numpy as np
from matplotlib.figure import Figure

from calibration.identifiability import IDENTIFIED_BELOW, Spectrum
from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet

FLOOR = 1e-9


@in_style
def spectrum_figure(spectrum: Spectrum, lane: int = 0) -> Figure:
    """Left: information along each direction, in units of the prior's. Right: squared loadings, which sum to 1 in rows and columns."""
    names = spectrum.names
    count = len(names)
    figure, axes = sheet(1, 2, width=3.4, height=1.3 + 0.3 * count)
    bars, map_ = axes[0]
    figure.get_layout_engine().set(w_pad=0.1)
    if not bool(spectrum.known[lane]):
        for ax in (bars, map_):
            ax.set_axis_off()
        bars.text(0.0, 0.5, "no fit, or derivatives that are not finite:\nno spectrum", transform=bars.transAxes, color=ORANGE)
        return figure
    values = np.asarray(spectrum.values[:, lane])
    loadings = np.asarray(spectrum.directions[..., lane]).T ** 2
    supported = np.asarray(spectrum.posterior_sd()[:, lane]) <= IDENTIFIED_BELOW
    rows = np.arange(count)
    shown = np.maximum(values, FLOOR)
    for row in rows:
        bars.plot([FLOOR, shown[row]], [row, row], color=BLUE if supported[row] else ORANGE, linewidth=1.2)
    bars.plot(shown[supported], rows[supported], "o", color=BLUE, markersize=5)
    bars.plot(shown[~supported], rows[~supported], "D", color=ORANGE, markersize=5)
    needed = 1.0 / IDENTIFIED_BELOW**2 - 1.0
    bars.axvline(1.0, color=GREY, linewidth=0.8)
    bars.axvline(needed, color=GREY, linewidth=0.8, linestyle="--")
    bars.set_xscale("log")
    bars.set_xlim(FLOOR, max(10.0, 3.0 * shown.max()))
    bars.set_yticks(rows, [f"{row + 1}" for row in rows])
    bars.set_ylim(count - 0.5, -0.5)
    bars.set_ylabel("direction")
    bars.set_xlabel(f"information / prior's\n(— as much as the prior, - - supported from {needed:g} on)")
    bars.set_title(f"rank {int(spectrum.rank[lane])} of {count}")
    edges = np.arange(count + 1) - 0.5
    image = map_.pcolormesh(edges, edges, loadings, cmap="Blues", vmin=0.0, vmax=1.0, edgecolors="white", linewidth=1.0)
    map_.set_xticks(rows, names, rotation=40, ha="right", rotation_mode="anchor")
    map_.set_yticks(rows, [])
    map_.set_ylim(count - 0.5, -0.5)
    map_.set_title("share of each unknown")
    for spine in map_.spines.values():
        spine.set_visible(False)
    figure.colorbar(image, ax=map_, label="squared loading")
    return figure
