"""Pictures of tumours show the numbers they were given, each on an axis with its unit; what cannot be drawn is refused."""

import numpy as np
import pytest
from calibration.diagnostics.kaplan_meier import kaplan_meier
from experiments.plots.density_slice import Slice, density_slice_figure
from experiments.plots.dose_surface import Surface, dose_surface_figure
from experiments.plots.progression import Arm, progression_figure
from experiments.plots.response import Responses, response_figure
from experiments.plots.tumour_curves import Band, Course, tumour_curves_figure
from matplotlib.text import Text

AHEAD = Band(np.asarray([9.0, 12.0, 16.0]), np.asarray([110.0, 300.0, 700.0]), np.asarray([110.0, 200.0, 400.0]),
             np.asarray([110.0, 420.0, 1200.0]))  # fmt: skip
MOUSE = Course("mouse 7", np.asarray([6.0, 9.0, 12.0, 16.0]), np.asarray([0.0, 110.0, 250.0, 900.0]), 2, AHEAD)
NONE = np.full(4, np.nan)
BEST = np.asarray([-55.0, 35.0, 0.0, -100.0])
LOW, HIGH = np.asarray([-70.0, 20.0, np.nan, -100.0]), np.asarray([-30.0, 60.0, np.nan, -80.0])
PEOPLE = Responses(("ada", "bo", "cy", "di"), BEST, LOW, HIGH, np.asarray([-60.0, np.nan, np.nan, np.nan]))
DOSE = np.geomspace(0.01, 100.0, 9)
HILL = DOSE / (1.0 + DOSE)
BLISS = HILL[None] + HILL[:, None] - HILL[None] * HILL[:, None]
EXCESS = 0.2 * np.outer(HILL * (1.0 - HILL), HILL * (1.0 - HILL)) * 16.0 - 0.05
DRUGS = Surface(DOSE, DOSE, BLISS + EXCESS, EXCESS, "Bliss", "first drug [uM]", "second drug [uM]")
# remission under 6-mercaptopurine, E. J. Freireich et al., Blood 21:699 (1963); weeks, and which ended
WEEKS = np.asarray([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35.0])
ENDED = np.asarray([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], bool)
ARMS = [Arm("adaptive", WEEKS, ENDED), Arm("drug throughout", np.asarray([1.0, 2, 3, 4, 5, 8, 8, 12]), np.ones(8, bool))]
ROW, COLUMN = np.mgrid[:40, :50]
AWAY = np.hypot(ROW - 20.0, COLUMN - 30.0)
LABEL = np.where(np.hypot(ROW - 20.0, COLUMN - 25.0) < 18.0, 1 + (COLUMN > 25), 0)
SLICE = Slice(LABEL, np.exp(-((AWAY / 6.0) ** 2)), AWAY < 8.0, (2.0, 1.0), ("grey matter", "white matter"))

FIGURES = {
    "one course": (
        lambda: tumour_curves_figure([MOUSE], time_unit="d", size="volume [mm3]"),
        ["mouse 7", "volume [mm3]", "time [d]", "forecast, 90 %", "last one carried", "known", "hidden", "below detection"],
    ),
    "a drug": (
        lambda: tumour_curves_figure([MOUSE._replace(given=((6.0, 9.0), (12.0, 16.0)))], time_unit="d", size="volume [mm3]"),
        ["drug given"],
    ),
    "one person": (
        lambda: response_figure(Responses(("ada",), *(part[:1] for part in (BEST, LOW, HIGH, BEST)))),
        ["1 person", "as read"],
    ),
    "six courses": (
        lambda: tumour_curves_figure(6 * [MOUSE], time_unit="d", size="volume [mm3]", level=0.8),
        ["forecast, 80 %"],
    ),
    "response": (
        lambda: response_figure(PEOPLE),
        ["+20 % or more: 1", "between: 1", "−30 % or less: 2", "90 % interval", "as read", "diameters [%]", "ada", "4 people"],
    ),
    "response of many": (
        lambda: response_figure(Responses(tuple(map(str, range(60))), np.linspace(90, -90, 60), *3 * [np.full(60, np.nan)])),
        ["60 people", "+20 % or more: 23"],
    ),
    "doses": (
        lambda: dose_surface_figure(DRUGS),
        ["first drug [uM]", "second drug [uM]", "excess over Bliss, −0.05 to 0.15", "effect of both [fraction]"],
    ),
    "doses from 0": (
        lambda: dose_surface_figure(DRUGS._replace(first=np.linspace(0.0, 4.0, 9), excess=0.0 * EXCESS, reference="Loewe")),
        ["excess over Loewe, 0 everywhere"],
    ),
    "progression": (
        lambda: progression_figure(ARMS, time_unit="week"),
        ["without progression [%]", "[week]", "adaptive, median 23 week", "throughout, median 4 week", "at risk", "95 %"],
    ),
    "slice": (
        lambda: density_slice_figure(SLICE),
        ["grey matter", "white matter", "tumour cells [fraction of what fits]", "across [mm]", "plan, 3.86 cm2"],
    ),
    "edges": (
        lambda: density_slice_figure(SLICE._replace(plan=None, edges=(("segmented", AWAY < 8.0), ("forecast", AWAY < 6.0)))),
        ["segmented, 3.86 cm2", f"forecast, {(AWAY < 6.0).sum() * 2.0 / 100.0:.3g} cm2", "white matter"],
    ),
    "no plan": (lambda: density_slice_figure(SLICE._replace(plan=AWAY < 0.0), "day 30"), ["day 30", "plan, 0 cm2"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_says_what_it_shows_and_stays_on_the_sheet(name):
    draw, wanted = FIGURES[name]
    figure = draw()
    figure.canvas.draw()
    said = "\n".join(found.get_text() for found in figure.findobj(Text))
    assert not [text for text in wanted if text not in said], said
    width, height = figure.canvas.get_width_height()
    shown = [ax.get_tightbbox() for ax in figure.axes if ax.get_visible()]
    for box in shown + [legend.get_window_extent() for legend in figure.legends]:
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, f"cut off: {box}"


def line(ax, label):
    return next(drawn for drawn in ax.lines if str(drawn.get_label()).startswith(label))


def test_a_course_has_its_readings_its_forecast_and_its_last_size():
    ax = tumour_curves_figure([MOUSE], time_unit="d", size="volume [mm3]").axes[0]
    assert line(ax, "known").get_xydata().tolist() == [[9.0, 110.0]]
    assert line(ax, "hidden").get_xydata().tolist() == [[12.0, 250.0], [16.0, 900.0]]
    assert line(ax, "below").get_xydata().tolist() == [[6.0, 0.0]]
    assert line(ax, "last").get_xydata().tolist() == [[9.0, 110.0], [16.0, 110.0]]
    assert (line(ax, "forecast").get_ydata() == AHEAD.middle).all()
    edge = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (edge.min(), edge.max()) == (110.0, 1200.0)


def test_a_waterfall_falls():
    ax = response_figure(PEOPLE).axes[0]
    bars = sorted((round(bar.get_center()[0]), bar.get_height()) for bar in ax.patches)
    assert [height for _, height in bars] == [35.0, 0.0, -55.0, -100.0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["bo", "cy", "ada", "di"]
    spans = sorted(tuple(part[:, 1]) for part in ax.collections[0].get_segments())
    assert spans == [(-100.0, -80.0), (-70.0, -30.0), (20.0, 60.0)]
    assert [drawn.get_ydata()[0] for drawn in ax.lines if drawn.get_linestyle() == "--"] == [-30.0, 20.0]
    assert np.nansum(line(ax, "as read").get_ydata()) == -60.0


def test_a_surface_has_its_effect_and_its_excess():
    ax = dose_surface_figure(DRUGS).axes[0]
    assert np.asarray(ax.collections[0].get_array()).reshape(BLISS.shape) == pytest.approx(DRUGS.effect)
    levels = ax.collections[1].levels
    assert levels.min() > EXCESS.min() and levels.max() < EXCESS.max() and 0.0 in levels
    from_0 = dose_surface_figure(DRUGS._replace(first=np.arange(9.0))).axes[0]
    assert (ax.get_xscale(), from_0.get_xscale()) == ("log", "linear")


def test_shares_are_those_counted_by_hand():
    found = kaplan_meier(WEEKS, ENDED)
    assert found.time.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert found.at_risk.tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    by_hand = np.cumprod([1.0, 18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11, 6 / 7, 5 / 6])
    assert found.share == pytest.approx(by_hand)
    # exp(-exp(log(-log 6/7) +- 1.96 sqrt(3 / (21 x 18)) / -log 6/7))
    assert (found.low[1], found.high[1]) == pytest.approx((0.6197, 0.9516), abs=1e-4)
    assert (found.low[-1], found.high[-1]) == pytest.approx((0.1881, 0.6801), abs=1e-4)
    assert found.median() == 23.0


def test_an_arm_has_its_steps_and_its_ticks():
    ax, table = progression_figure(ARMS, time_unit="week").axes
    assert line(ax, "adaptive").get_ydata()[:3] == pytest.approx([100.0, 100 * 18 / 21, 100 * 18 / 21 * 16 / 17])
    assert line(ax, "adaptive").get_xdata()[-1] == 35.0 and line(ax, "drug").get_ydata()[-1] == 0.0
    ticks = next(drawn for drawn in ax.lines if drawn.get_marker() == "|")
    assert ticks.get_xdata().tolist() == WEEKS[~ENDED].tolist()
    # censored at 6 after three events there
    assert ticks.get_ydata()[0] == pytest.approx(100 * 18 / 21)
    assert [text.get_text() for text in table.texts[:2]] == ["21", "21"]


def test_a_slice_has_its_cells_on_its_tissue():
    ax = density_slice_figure(SLICE).axes[0]
    tissue, cells = ax.images
    drawn = np.where(SLICE.density < 0.01, 0.0, SLICE.density)
    assert (tissue.get_array() == LABEL).all() and (cells.get_array().filled(0.0) == drawn).all()
    assert tissue.get_extent() == [0.0, 50.0, 0.0, 80.0]
    outline = ax.collections[0].get_paths()[0].vertices
    # the centre of the tumour lies at row 20 and column 30, 2 mm and 1 mm apart
    assert outline.mean(axis=0) == pytest.approx([30.5, 41.0], abs=1.0)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: tumour_curves_figure([], time_unit="d", size="volume"), "0 tumours; one to 12"),
        (lambda: _curve(time=np.asarray([6.0, 9.0, 9.0, 16.0])), "mouse 7: .* times that increase"),
        (lambda: _curve(size=np.ones(3)), r"times \(4,\) and sizes \(3,\)"),
        (lambda: _curve(known=5), "5 readings are known of 4"),
        (lambda: _curve(forecast=AHEAD._replace(low=AHEAD.high, high=AHEAD.low)), "low <= middle <= high"),
        (lambda: response_figure(Responses((), *4 * [np.empty(0)])), "nobody's change"),
        (lambda: response_figure(PEOPLE._replace(best=np.asarray([-101.0, 0, 0, 0]))), "ada: a best change of -101 %"),
        (lambda: response_figure(PEOPLE._replace(low=NONE)), "one end"),
        (lambda: response_figure(PEOPLE._replace(read=np.ones(3))), r"read has shape \(3,\)"),
        (lambda: dose_surface_figure(DRUGS._replace(second=DOSE[::-1])), "second drug must .* increase"),
        (lambda: dose_surface_figure(DRUGS._replace(excess=EXCESS[:5])), r"excess has shape \(5, 9\)"),
        (lambda: dose_surface_figure(DRUGS._replace(effect=np.nan * EXCESS)), "an effect is not a number"),
        (lambda: progression_figure(5 * ARMS, time_unit="d"), "10 policies; one to 4"),
        (lambda: progression_figure([Arm("none", np.empty(0), np.empty(0, bool))], time_unit="d"), "none: times"),
        (lambda: progression_figure([Arm("late", np.asarray([np.inf]), np.ones(1, bool))], time_unit="d"), "late: a time is"),
        (lambda: density_slice_figure(SLICE._replace(density=2.0 * SLICE.density)), "outside 0 to 1"),
        (lambda: density_slice_figure(SLICE._replace(plan=LABEL)), "one label of a mask of many"),
        (lambda: density_slice_figure(SLICE._replace(plan=SLICE.plan[:3])), r"the plan has shape \(3, 50\)"),
        (lambda: density_slice_figure(SLICE._replace(edges=4 * (("seen", SLICE.plan),))), "4 outlines beside the plan; 3 can"),
        (lambda: density_slice_figure(SLICE._replace(edges=(("seen", SLICE.plan[:3]),))), r"the seen has shape \(3, 50\)"),
        (lambda: density_slice_figure(SLICE._replace(tissues=("grey matter",))), "labels must be whole numbers from 0 to 1"),
        (lambda: density_slice_figure(SLICE._replace(spacing=(0.0, 1.0))), "two numbers above 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def _curve(**other):
    return tumour_curves_figure([MOUSE._replace(**other)], time_unit="d", size="volume [mm3]")
