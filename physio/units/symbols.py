"""The table of unit symbols: the size of each in the coherent base m, kg, s, mol, K, A, U, and its dimension.

Sources: SI brochure, 9th edition (2019), for the SI units, bar, degC, the litre and the standard gravity
9.80665 m/s2; mmHg = 13595.1 kg/m3 * 9.80665 m/s2 * 1 mm; cmH2O = 1000 kg/m3 * 9.80665 m/s2 * 1 cm; cal =
4.184 J (thermochemical).
"""

from fractions import Fraction

_PREFIXES = {"": 0, "p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "d": -1, "k": 3, "M": 6, "G": 9}
_ENERGY = {"mass": 1, "length": 2, "time": -2}
_PRESSURE = {"mass": 1, "length": -1, "time": -2}
_PREFIXABLE = {
    "m": ("1", {"length": 1}),
    "g": ("0.001", {"mass": 1}),
    "s": ("1", {"time": 1}),
    "mol": ("1", {"amount": 1}),
    "K": ("1", {"temperature": 1}),
    "A": ("1", {"current": 1}),
    "U": ("1", {"insulin": 1}),
    "L": ("0.001", {"length": 3}),
    "Pa": ("1", _PRESSURE),
    "bar": ("1e5", _PRESSURE),
    "N": ("1", {"mass": 1, "length": 1, "time": -2}),
    "J": ("1", _ENERGY),
    "cal": ("4.184", _ENERGY),
    "W": ("1", {"mass": 1, "length": 2, "time": -3}),
    "V": ("1", {"mass": 1, "length": 2, "time": -3, "current": -1}),
    "C": ("1", {"current": 1, "time": 1}),
    "F": ("1", {"mass": -1, "length": -2, "time": 4, "current": 2}),
    "S": ("1", {"mass": -1, "length": -2, "time": 3, "current": 2}),
    "Hz": ("1", {"time": -1}),
    "Gy": ("1", {"length": 2, "time": -2}),
}
_PLAIN = {
    "min": ("60", {"time": 1}),
    "h": ("3600", {"time": 1}),
    "d": ("86400", {"time": 1}),
    "week": ("604800", {"time": 1}),
    "year": ("31557600", {"time": 1}),
    "mmHg": ("133.322387415", _PRESSURE),
    "cmH2O": ("98.0665", _PRESSURE),
    "degC": ("1", {"temperature": 1}),
    "%": ("0.01", {}),
    "rad": ("1", {}),
    "beat": ("1", {}),
}
SYMBOLS = {name: (Fraction(size), dimension) for name, (size, dimension) in _PLAIN.items()}
for _name, (_size, _dimension) in _PREFIXABLE.items():
    for _prefix, _power in _PREFIXES.items():
        SYMBOLS[_prefix + _name] = (Fraction(_size) * Fraction(10) ** _power, _dimension)
