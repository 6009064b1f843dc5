"""Meals, drinks and insulin as schedules of a body with ``input.food`` [mg/min], ``input.insulin`` [U/min] and a stomach.

Times are in minutes. The part that remembers the meal is called ``stomach``.
"""

import numpy as np
from jaxtyping import ArrayLike

from physio.schedule import Schedule, bolus, switch

MG_PER_G = 1000.0
G_PER_MIN = 5.0


def meal(at: ArrayLike, grams: ArrayLike, minutes: int | None = None) -> Schedule:
    """``grams`` of carbohydrate eaten evenly over whole minutes, at 5 g/min where their number is not given.

    The stomach hears of each minute's food when the minute begins, as in the simulator of Kovatchev et al.
    """
    minutes = int(eating_time(grams)) if minutes is None else minutes
    portion = MG_PER_G * grams / minutes
    eaten = swallowed(at, grams, minutes) + bolus("stomach.meal", at, portion)
    return eaten + bolus("stomach.more", at + np.arange(1.0, minutes), portion) if minutes > 1 else eaten


def meal_at_once(at: ArrayLike, grams: ArrayLike) -> Schedule:
    """The same for a stomach that hears of the whole meal when it begins: D is the meal, as published in 2007."""
    return swallowed(at, grams, eating_time(grams)) + bolus("stomach.meal", at, MG_PER_G * grams)


def eating_time(grams: ArrayLike) -> np.ndarray:
    """Whole minutes [min] at 5 g/min, at least one."""
    return np.maximum(np.ceil(np.asarray(grams, float) / G_PER_MIN), 1.0)


def swallowed(at: ArrayLike, grams: ArrayLike, minutes: ArrayLike) -> Schedule:
    """The same food for a stomach without a memory."""
    return switch("food", at, at + minutes, MG_PER_G * grams / minutes)


def drink(at: ArrayLike, grams: ArrayLike) -> Schedule:
    """``grams`` of glucose taken at once."""
    return bolus("stomach.meal", at, MG_PER_G * grams) + bolus("stomach.drink", at, MG_PER_G * grams)


def insulin(at: ArrayLike, units: ArrayLike, minutes: ArrayLike = 1.0) -> Schedule:
    """``units`` of insulin delivered evenly over ``minutes``; negative ones are held back from the basal rate."""
    return switch("insulin", at, at + minutes, units / minutes)
