"""Profiles of one person: every unknown in its own unit, its threshold, and its ends where they exist."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from calibration.identifiability import End, Profiles
from calibration.problem import Problem
from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, panels


@in_style
def profiles_figure(profiles: Profiles, lane: int = 0) -> Figure:
    """Dots are points computed; between them the root of the rise is drawn as straight, exact for a parabola. Rises above twice
    the threshold are cut; an open end has an arrow and no number.
    """
    problem, asked = profiles.fit.problem, profiles.threshold
    figure, axes = panels(len(problem.names))
    for k, (ax, name) in enumerate(zip(axes, problem.names, strict=True)):
        z, rise = profiles.curve(k, lane)
        x = _own_unit(profiles, k, lane, z)
        shown = rise <= 2.0 * asked
        between = np.linspace(z[0], z[-1], 200)
        best_z = float(profiles.fit.z[k, lane])
        root = np.interp(between, z, np.sign(z - best_z) * np.sqrt(np.maximum(rise, 0.0)))
        ax.plot(_own_unit(profiles, k, lane, between), root**2, color=BLUE, linewidth=1.2)
        ax.plot(x[shown], rise[shown], "o", color=BLUE, markersize=3)
        ax.axhline(asked, color=GREY, linewidth=0.8, linestyle="--")
        best = _own_unit(profiles, k, lane, np.asarray([best_z]))[0]
        ax.plot([best], [0.0], "|", color=GREY, markersize=9)
        words = []
        for side, where in enumerate(("below", "above")):
            code, end = End(int(profiles.code[k, side, lane])), profiles.end[k, side, lane]
            if code == End.CLOSED:
                at = _own_unit(profiles, k, lane, np.asarray([end]))[0]
                ax.plot([at, at], [0.0, asked], color=BLUE, linewidth=0.8, linestyle=":")
            else:
                words.append(f"{code.name.lower().replace('_', ' ')} {where}")
            if code == End.OPEN and shown.any():
                tip = -1 if side else 0
                ax.annotate("", (1.0 if side else 0.0, rise[shown][tip]), xycoords=("axes fraction", "data"),
                            xytext=(x[shown][tip], rise[shown][tip]), textcoords="data",
                            arrowprops={"arrowstyle": "->", "color": ORANGE})  # fmt: skip
        unit = problem.info(name).unit if isinstance(problem, Problem) else ""
        ax.set_title(name)
        ax.set_xlabel(f"[{unit}]" if unit else "z")
        ax.set_ylim(-0.08 * asked, 2.1 * asked)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        if words:
            ax.text(0.5, 0.97, "; ".join(words), transform=ax.transAxes, ha="center", va="top", color=ORANGE, fontsize=8)
    for ax in axes[:: min(4, len(axes))]:
        ax.set_ylabel(f"rise of the cost\n(- - {100 * profiles.level:g} % threshold)")
    return figure


def _own_unit(profiles: Profiles, unknown: int, lane: int, z: np.ndarray) -> np.ndarray:
    """Values of one unknown at several z, the others at the fit."""
    fit = profiles.fit
    one = jnp.asarray(fit.z)
    return np.asarray(jax.vmap(lambda v: fit.problem.values(one.at[unknown, lane].set(v))[unknown, lane])(jnp.asarray(z)))
