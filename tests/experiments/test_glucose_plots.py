"""Pictures of glucose show what was recorded, predicted and learnt: each mark where its number is, each axis with its unit."""

import numpy as np
import pytest
from calibration.diabetes.glucose_profile import Ranges, ambulatory_profile, glucose_trace
from experiments.plots.ambulatory import ambulatory_figure
from experiments.plots.forecast_skill import Skill, forecast_skill_figure
from experiments.plots.glucose_days import Band, Doses, WhatIf, day_figure, what_ifs_figure
from experiments.plots.posterior import Joint, posterior_figure

MINUTE = np.arange(0.0, 1440.0, 15.0)
LEVEL = 120.0 + 60.0 * np.sin(MINUTE / 150.0)
AS_IT_WAS = Band(MINUTE, LEVEL, LEVEL - 20.0, LEVEL + 20.0)
READ = glucose_trace(MINUTE, LEVEL, LEVEL < 65.0, LEVEL > 175.0)
MEALS, BOLUSES = Doses(np.asarray([480.0, 780.0]), np.asarray([60.0, np.nan])), Doses(np.asarray([475.0]), np.asarray([6.0]))
BASAL = Doses(np.asarray([0.0, 720.0]), np.asarray([0.8, 1.1]))
LESS = Band(MINUTE, np.full(MINUTE.size, -15.0), np.full(MINUTE.size, -30.0), np.full(MINUTE.size, -5.0))
LESS_CARBOHYDRATE = WhatIf("less carbohydrate", Band(MINUTE, LEVEL - 15.0, LEVEL - 45.0, LEVEL + 5.0), LESS)
PRIOR = Joint("prior", np.asarray([0.0, 50.0]), np.diag([1.0, 400.0]))
DRAWS = np.asarray([[0.3, 44.0], [0.5, 47.0]])
LEARNT = Joint("Bergman", np.asarray([0.4, 45.0]), np.asarray([[0.04, 0.6], [0.6, 25.0]]), DRAWS)
OTHER = Joint("Hovorka", np.asarray([0.1, 52.0]), np.asarray([[0.04, -0.3], [-0.3, 36.0]]))
SKILLS = (
    Skill("persistence", np.asarray([[20.0, 40.0], [30.0, 60.0], [40.0, 80.0]])),
    Skill("twin", np.asarray([[10.0, 30.0], [20.0, np.nan], [30.0, 50.0]])),
)
DAYS = np.arange(0.0, 5 * 1440.0, 5.0)
USUAL = ambulatory_profile(glucose_trace(DAYS, 100.0 + 20.0 * (DAYS // 1440.0)))
SHARES = Ranges(0.01, 0.03, 0.71, 0.2, 0.05)

FIGURES = {
    "day": (
        lambda: day_figure(READ, AS_IT_WAS, MEALS, BOLUSES, BASAL),
        ["glucose [mg/dL]", "meals [g]", "insulin [U]", "line [U/h]", "time of day", "predicted, 90 %", "sensor says Low", "?"],
    ),
    "day of pens": (lambda: day_figure(READ, AS_IT_WAS, MEALS, Doses(np.empty(0), np.empty(0))), ["insulin [U]"]),
    "one what-if": (
        lambda: what_ifs_figure(AS_IT_WAS, [LESS_CARBOHYDRATE]),
        ["less carbohydrate", "as it was", "glucose [mg/dL]", "difference from the\nday as it was [mg/dL]", "18:00"],
    ),
    "three what-ifs": (lambda: what_ifs_figure(AS_IT_WAS, 3 * [LESS_CARBOHYDRATE], READ), ["sensor says High"]),
    "posterior": (
        lambda: posterior_figure([LEARNT, OTHER], PRIOR, ("ln sensitivity", "time to peak [min]")),
        ["ellipses hold 90 %", "prior", "Bergman", "Hovorka", "time to peak [min]"],
    ),
    "skill": (
        lambda: forecast_skill_figure(np.asarray([30, 240]), SKILLS),
        ["RMSE [mg/dL]", "horizon [min]", "240", "mean of 3 people", "twin (2 of 3 people at all horizons)"],
    ),
    "ambulatory": (
        lambda: ambulatory_figure(USUAL, SHARES),
        ["71 % of the time in 70-180 mg/dL, 4 % below, 25 % above", "5 or more days", "95 %", "glucose [mg/dL]", "time of day"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_says_what_it_shows_and_stays_on_the_sheet(name):
    draw, wanted = FIGURES[name]
    figure = draw()
    figure.canvas.draw()
    said = "\n".join(found.get_text() for found in figure.findobj(lambda a: hasattr(a, "get_text")))
    assert not [text for text in wanted if text not in said], said
    width, height = figure.canvas.get_width_height()
    for box in [ax.get_tightbbox() for ax in figure.axes] + [legend.get_window_extent() for legend in figure.legends]:
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, f"cut off: {box}"


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def test_a_day_has_its_readings_band_and_doses():
    glucose, eaten, injected = day_figure(READ, AS_IT_WAS, MEALS, BOLUSES, BASAL).axes
    out = READ.below | READ.above
    assert (line(glucose, "read").get_ydata() == LEVEL[~out]).all()
    assert (line(glucose, "sensor says High").get_xdata() == MINUTE[READ.above]).all()
    assert (line(glucose, "predicted, 90 %").get_ydata() == LEVEL).all()
    edge = glucose.collections[0].get_paths()[0].vertices[:, 1]
    assert (edge.min(), edge.max()) == pytest.approx((LEVEL.min() - 20.0, LEVEL.max() + 20.0))
    bar, dose = eaten.patches[0], injected.patches[0]
    assert (len(eaten.patches), bar.get_height(), bar.get_center()[0]) == (1, 60.0, 480.0)
    assert (dose.get_height(), dose.get_center()[0]) == (6.0, 475.0)
    assert injected.lines[0].get_ydata().tolist() == [0.8, 1.1, 1.1]


def test_a_what_if_has_its_own_difference():
    above, below = what_ifs_figure(AS_IT_WAS, [LESS_CARBOHYDRATE]).axes
    assert (line(above, "as it was").get_ydata() - line(above, "what if, in colour").get_ydata() == 15.0).all()
    edge = below.collections[0].get_paths()[0].vertices[:, 1]
    assert (edge.min(), edge.max()) == (-30.0, -5.0) and (line(below, "difference").get_ydata() == -15.0).all()


def test_what_ifs_share_their_scales():
    far = LESS_CARBOHYDRATE._replace(glucose=Band(MINUTE, LEVEL + 200.0, LEVEL + 150.0, LEVEL + 250.0))
    figure = what_ifs_figure(AS_IT_WAS, [LESS_CARBOHYDRATE, far])
    limits = [ax.get_ylim() for ax in figure.axes]
    assert limits[0] == limits[1] and limits[2] == limits[3] and limits[0][1] > LEVEL.max() + 250.0


@pytest.mark.parametrize("count", [0, 4])
def test_more_what_ifs_than_can_be_read_are_refused(count):
    with pytest.raises(ValueError, match="one to three"):
        what_ifs_figure(AS_IT_WAS, count * [LESS_CARBOHYDRATE])


def test_an_ellipse_holds_nine_draws_of_ten():
    ax = posterior_figure([LEARNT], PRIOR, ("a", "b")).axes[0]
    outline = next(drawn for drawn in ax.lines if len(drawn.get_xdata()) == 200 and drawn.get_linestyle() == "-")
    off = outline.get_xydata() - LEARNT.mean
    dots = next(drawn for drawn in ax.lines if drawn.get_marker() == ".")
    assert (dots.get_xydata() == DRAWS).all()
    # the squared distance of two normal unknowns is chi-squared with two degrees of freedom: 4.605 holds 90 %
    assert np.einsum("ni,ij,nj->n", off, np.linalg.inv(LEARNT.covariance), off) == pytest.approx(4.605, abs=1e-3)


def test_skill_is_the_mean_of_the_people_there_are():
    ax = forecast_skill_figure(np.asarray([30, 240]), SKILLS).axes[0]
    assert line(ax, "persistence").get_ydata().tolist() == [30.0, 60.0]
    assert line(ax, "twin (2 of 3 people at all horizons)").get_ydata().tolist() == [20.0, 40.0]
    people = [drawn for drawn in ax.lines if drawn.get_marker() == "_"]
    assert [len(drawn.get_ydata()) for drawn in people] == [6, 5]


def test_more_families_and_forecasters_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="at most 4"):
        posterior_figure(5 * [LEARNT], PRIOR, ("a", "b"))
    with pytest.raises(ValueError, match="one to 5"):
        forecast_skill_figure(np.asarray([30, 240]), 3 * SKILLS)


def test_the_usual_day_is_a_circle():
    ax = ambulatory_figure(USUAL).axes[0]
    drawn = ax.lines[0].get_xydata()
    assert drawn[[0, -1], 0].tolist() == [0.0, 1440.0] and drawn[0, 1] == drawn[-1, 1]
    assert drawn[:, 1] == pytest.approx(USUAL.glucose[2, 0])
    assert [found.get_ydata()[0] for found in ax.lines[1:]] == [70.0, 180.0]


def test_names_of_percentiles_that_meet_are_drawn_apart():
    ax = ambulatory_figure(ambulatory_profile(glucose_trace(DAYS, np.full(DAYS.size, 100.0)))).axes[0]
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1.0 for low, high in zip(boxes[:-1], boxes[1:], strict=True))
