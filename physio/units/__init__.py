"""Units: text to unit, unit algebra, the marks that move numbers in and out of units, and the checker."""

from physio.units.algebra import Unit, UnitError, as_number, as_quantity, quantity_from_text, unit

__all__ = ["Unit", "UnitError", "as_number", "as_quantity", "quantity_from_text", "unit"]
