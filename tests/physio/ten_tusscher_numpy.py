"""The ten Tusscher-Panfilov 2006 myocyte a second time, in numpy and in the form in which the paper prints it.

An oracle for ``physio.heart.ten_tusscher``: exponentials as printed, plain numbers, units mV, ms, mmol/L, pA/pF. ``rates``
has the order of ``NAMES``. Source: Am. J. Physiol. Heart Circ. Physiol. 291:H1088-H1100 (2006) and 286:H1573-H1589
(2004).
"""

from math import exp, log, sqrt

import numpy as np
from scipy.integrate import solve_ivp

NAMES = (
    "voltage", "m", "h", "j", "d", "f", "f2", "f_cass", "r", "s", "xr1", "xr2", "xs",
    "ryanodine", "calcium", "calcium_sr", "calcium_ss", "sodium", "potassium",
)  # fmt: skip
R, T, F = 8314.472, 310.0, 96485.3415
CM, VC, VSR, VSS = 0.185, 0.016404, 0.001094, 0.00005468
KO, NAO, CAO = 5.4, 140.0, 2.0
G_TO = {"epicardial": 0.294, "endocardial": 0.073, "midmyocardial": 0.294}
G_KS = {"epicardial": 0.392, "endocardial": 0.392, "midmyocardial": 0.098}


def rates(y, stimulus, cell):
    """d(state)/dt per ms."""
    v, m, h, j, d, f, f2, fcass, r, s, xr1, xr2, xs, rprime, cai, casr, cass, nai, ki = (float(x) for x in y)
    ek, ena, eca = R * T / F * log(KO / ki), R * T / F * log(NAO / nai), R * T / (2 * F) * log(CAO / cai)
    eks = R * T / F * log((KO + 0.03 * NAO) / (ki + 0.03 * nai))

    ina = 14.838 * m**3 * h * j * (v - ena)
    e2 = exp(2 * (v - 15) * F / (R * T))
    ical = 3.98e-5 * d * f * f2 * fcass * 4 * (v - 15) * F**2 / (R * T) * (0.25 * cass * e2 - CAO) / (e2 - 1)
    ito = G_TO[cell] * r * s * (v - ek)
    iks = G_KS[cell] * xs**2 * (v - eks)
    ikr = 0.153 * sqrt(KO / 5.4) * xr1 * xr2 * (v - ek)
    ak1 = 0.1 / (1 + exp(0.06 * (v - ek - 200)))
    bk1 = (3 * exp(0.0002 * (v - ek + 100)) + exp(0.1 * (v - ek - 10))) / (1 + exp(-0.5 * (v - ek)))
    ik1 = 5.405 * sqrt(KO / 5.4) * ak1 / (ak1 + bk1) * (v - ek)
    away = exp((0.35 - 1) * v * F / (R * T))
    inaca = 1000 * (exp(0.35 * v * F / (R * T)) * nai**3 * CAO - away * NAO**3 * cai * 2.5)
    inaca /= (87.5**3 + NAO**3) * (1.38 + CAO) * (1 + 0.1 * away)
    inak = 2.724 * KO * nai / ((KO + 1) * (nai + 40))
    inak /= 1 + 0.1245 * exp(-0.1 * v * F / (R * T)) + 0.0353 * exp(-v * F / (R * T))
    ipca = 0.1238 * cai / (0.0005 + cai)
    ipk = 0.0146 * (v - ek) / (1 + exp((25 - v) / 5.98))
    ibna, ibca = 0.00029 * (v - ena), 0.000592 * (v - eca)

    kcasr = 2.5 - (2.5 - 1) / (1 + (1.5 / casr) ** 2)
    k1, k2 = 0.15 / kcasr, 0.045 * kcasr
    o = k1 * cass**2 * rprime / (0.06 + k1 * cass**2)
    irel, ileak, ixfer = 0.102 * o * (casr - cass), 0.00036 * (casr - cai), 0.0038 * (cass - cai)
    iup = 0.006375 / (1 + 0.00025**2 / cai**2)
    dcai = (-(ibca + ipca - 2 * inaca) * CM / (2 * VC * F) + (ileak - iup) * VSR / VC + ixfer) / (
        1 + 0.2 * 0.001 / (cai + 0.001) ** 2
    )
    dcasr = (iup - irel - ileak) / (1 + 10 * 0.3 / (casr + 0.3) ** 2)
    dcass = (-ical * CM / (2 * VSS * F) + irel * VSR / VSS - ixfer * VC / VSS) / (
        1 + 0.4 * 0.00025 / (cass + 0.00025) ** 2
    )
    gates = gate_laws(v, cass, cell)
    values = {"m": m, "h": h, "j": j, "d": d, "f": f, "f2": f2, "f_cass": fcass, "r": r, "s": s,
              "xr1": xr1, "xr2": xr2, "xs": xs}  # fmt: skip
    found = {name: (inf - values[name]) / tau for name, (inf, tau) in gates.items()}
    found |= {
        "voltage": -(ik1 + ito + ikr + iks + ical + inak + ina + ibna + inaca + ibca + ipk + ipca + stimulus),
        "ryanodine": -k2 * cass * rprime + 0.005 * (1 - rprime),
        "calcium": dcai,
        "calcium_sr": dcasr,
        "calcium_ss": dcass,
        "sodium": -(ina + ibna + 3 * inak + 3 * inaca) * CM / (VC * F),
        "potassium": -(ik1 + ito + ikr + iks - 2 * inak + ipk + stimulus) * CM / (VC * F),
    }
    return np.array([found[name] for name in NAMES])


def gate_laws(v, cass, cell):
    """Gate -> (steady state, time constant)."""
    if v < -40:
        ah, bh = 0.057 * exp(-(v + 80) / 6.8), 2.7 * exp(0.079 * v) + 3.1e5 * exp(0.3485 * v)
        aj = (-2.5428e4 * exp(0.2444 * v) - 6.948e-6 * exp(-0.04391 * v)) * (v + 37.78)
        aj /= 1 + exp(0.311 * (v + 79.23))
        bj = 0.02424 * exp(-0.01052 * v) / (1 + exp(-0.1378 * (v + 40.14)))
    else:
        ah, bh = 0.0, 0.77 / (0.13 * (1 + exp(-(v + 10.66) / 11.1)))
        aj, bj = 0.0, 0.6 * exp(0.057 * v) / (1 + exp(-0.1 * (v + 32)))
    available = 1 / (1 + exp((v + 71.55) / 7.43)) ** 2
    tau_m = 1 / (1 + exp((-60 - v) / 5)) * (0.1 / (1 + exp((v + 35) / 5)) + 0.1 / (1 + exp((v - 50) / 200)))
    tau_d = (1.4 / (1 + exp((-35 - v) / 13)) + 0.25) * 1.4 / (1 + exp((v + 5) / 5)) + 1 / (1 + exp((50 - v) / 20))
    tau_f = 1102.5 * exp(-(((v + 27) / 15) ** 2)) + 200 / (1 + exp((13 - v) / 10)) + 180 / (1 + exp((v + 30) / 10)) + 20
    tau_f2 = 562 * exp(-((v + 27) ** 2) / 240) + 31 / (1 + exp((25 - v) / 10)) + 80 / (1 + exp((v + 30) / 10))
    if cell == "endocardial":
        s = 1 / (1 + exp((v + 28) / 5)), 1000 * exp(-((v + 67) ** 2) / 1000) + 8
    else:
        s = 1 / (1 + exp((v + 20) / 5)), 85 * exp(-((v + 45) ** 2) / 320) + 5 / (1 + exp((v - 20) / 5)) + 3
    tau_xr1 = 450 / (1 + exp((-45 - v) / 10)) * 6 / (1 + exp((v + 30) / 11.5))
    tau_xr2 = 3 / (1 + exp((-60 - v) / 20)) * 1.12 / (1 + exp((v - 60) / 20))
    tau_xs = 1400 / sqrt(1 + exp((5 - v) / 6)) / (1 + exp((v - 35) / 15)) + 80
    return {
        "m": (1 / (1 + exp((-56.86 - v) / 9.03)) ** 2, tau_m),
        "h": (available, 1 / (ah + bh)),
        "j": (available, 1 / (aj + bj)),
        "d": (1 / (1 + exp((-8 - v) / 7.5)), tau_d),
        "f": (1 / (1 + exp((v + 20) / 7)), tau_f),
        "f2": (0.67 / (1 + exp((v + 35) / 7)) + 0.33, tau_f2),
        "f_cass": (0.6 / (1 + (cass / 0.05) ** 2) + 0.4, 80 / (1 + (cass / 0.05) ** 2) + 2),
        "r": (1 / (1 + exp((20 - v) / 6)), 9.5 * exp(-((v + 40) ** 2) / 1800) + 0.8),
        "s": s,
        "xr1": (1 / (1 + exp((-26 - v) / 7)), tau_xr1),
        "xr2": (1 / (1 + exp((v + 88) / 24)), tau_xr2),
        "xs": (1 / (1 + exp((-5 - v) / 14)), tau_xs),
    }


def beat(start, cell, times, *, duration=1.0, amplitude=-52.0):
    """States (times, 19) after a stimulus at 0; times from ``duration`` on."""
    kick = solve_ivp(lambda t, y: rates(y, amplitude, cell), (0.0, duration), start, method="LSODA", rtol=1e-9, atol=1e-12)
    span = (duration, times[-1])
    rest = solve_ivp(
        lambda t, y: rates(y, 0.0, cell), span, kick.y[:, -1], method="LSODA", t_eval=times, rtol=1e-9, atol=1e-12
    )
    return rest.y.T
