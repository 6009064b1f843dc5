"""The benchmarks: one module each, all with the contract of ``experiments.benchmarks.contract``.

To add one: write ``experiments/benchmarks/NAME.py`` with ``run(data, quick) -> Result`` and list it here. A
benchmark imports the core libraries only (jax, equinox, diffrax, optimistix, lineax, optax, numpy, scipy): a
GPU machine may have no others. What needs an extra says so in the targets that it could not run.
"""

BENCHMARKS: dict[str, tuple[str, str]] = {
    "circulation-reference": (
        "experiments.benchmarks.circulation_reference",
        "stroke volume, ejection fraction and output of two published circulations; volume drift over 60 s",
    ),
    "fsigt": (
        "experiments.benchmarks.fsigt",
        "least-squares minima of the glucose minimal model on the test of Pacini and Bergman 1986",
    ),
    "glucose-reference": (
        "experiments.benchmarks.glucose_reference",
        "S2008 people, Hovorka 2004 and Dalla Man 2007 against independent integrations; gradients across meals",
    ),
    "pk-closed-forms": (
        "experiments.benchmarks.pk_closed_forms",
        "compartment models and their gradients against closed forms",
    ),
    "virtual-cohort": (
        "experiments.benchmarks.virtual_cohort",
        "coverage of intervals on virtual people, made by the fitted circulation and by another",
    ),
    "solver-nonstiff": (
        "experiments.benchmarks.solver_nonstiff",
        "adaptive Tsit5 for a cohort against diffrax under vmap, at equal error",
    ),
    "solver-stiff": (
        "experiments.benchmarks.solver_stiff",
        "Rodas5P for a cohort against diffrax's Kvaerno5 under vmap and against LSODA, at equal error",
    ),
    "solver-isolation": (
        "experiments.benchmarks.solver_isolation",
        "what one diverging lane costs the others, and that it changes none of their bits",
    ),
    "solver-gradient": (
        "experiments.benchmarks.solver_gradient",
        "value and gradient by the discrete adjoint against the primal and diffrax's checkpointed adjoint",
    ),
    "solver-compile": (
        "experiments.benchmarks.solver_compile",
        "seconds of a first call, cold and with a warm cache; compilations when people and schedules change",
    ),
    "solver-order": (
        "experiments.benchmarks.solver_order",
        "order and tolerance of every stepper against closed forms; Robertson to 1e11; a DAE",
    ),
    "solver-periodic": (
        "experiments.benchmarks.solver_periodic",
        "beats to a closed cycle against plain pacing, and the reverse derivative of the closed beat",
    ),
    "solver-gpu": (
        "experiments.benchmarks.solver_gpu",
        "one thread of a GPU for each lane against diffrax under vmap; not run without a GPU",
    ),
    "nlme-wang": (
        "experiments.benchmarks.nlme_wang",
        "objective functions of population methods at fixed parameters against published values",
    ),
    "nlme-classic": (
        "experiments.benchmarks.nlme_classic",
        "population fits of theophylline, phenobarbital and warfarin against reference fits",
    ),
    "nlme-scale": (
        "experiments.benchmarks.nlme_scale",
        "FOCEI of a two-compartment cohort of differential equations at rising numbers of people",
    ),
    "assimilation": (
        "experiments.benchmarks.assimilation",
        "filters against the Kalman filter, against refits of all readings, and seconds for ten thousand people",
    ),
    "identifiability": (
        "experiments.benchmarks.identifiability",
        "a published profile interval; coverage, ranks and profiles of simulated people; what a failed neighbour changes",
    ),
    "sampling": (
        "experiments.benchmarks.sampling",
        "effective draws a second from the posteriors of two cohorts, beside published figures of Stan and NONMEM",
    ),
    "coverage": (
        "experiments.benchmarks.coverage",
        "coverage of every posterior method on people of three models; simulation-based calibration; another model family",
    ),
    "multistart": (
        "experiments.benchmarks.multistart",
        "share of random starts that reach the best known fit of four kinetic models, against Data2Dynamics",
    ),
    "t1d-whatif": (
        "experiments.benchmarks.t1d_whatif",
        "days that did not happen, predicted for virtual people with type 1 diabetes, against their truth",
    ),
    "t1d-mismatch": (
        "experiments.benchmarks.t1d_mismatch",
        "the same for people made of another model than the twin's",
    ),
    "t1d-real": (
        "experiments.benchmarks.t1d_real",
        "days of real people fitted, and forecasts beside persistence and autoregression",
    ),
    "t1d-speed": (
        "experiments.benchmarks.t1d_speed",
        "person-days fitted, and predicted forward, in a second, beside two simulators where they are installed",
    ),
    "tumour-closed-forms": (
        "experiments.benchmarks.tumour_closed_forms",
        "growth laws, inhibition by drugs and radiation against printed tables and closed forms",
    ),
    "tumour-mice": (
        "experiments.benchmarks.tumour_mice",
        "growth of 20 untreated mice, and their last readings forecast with what other mice tell",
    ),
    "tumour-nsclc": (
        "experiments.benchmarks.tumour_nsclc",
        "last two sizes of lesions of treated people forecast, beside carrying the last one forward",
    ),
    "tumour-psa": (
        "experiments.benchmarks.tumour_psa",
        "a marker of men under adaptive doses: fits, the last cycle forecast, two policies on their twins",
    ),
    "tumour-3d": (
        "experiments.benchmarks.tumour_3d",
        "a tumour on an atlas of the brain: parameters recovered from scans, gradients, voxel-updates a second",
    ),
    "tumour-plan": (
        "experiments.benchmarks.tumour_plan",
        "doses of radiation searched for 100 virtual people: dose cut at equal control, time gained at equal dose",
    ),
    "tumour-scans": (
        "experiments.benchmarks.tumour_scans",
        "segmentations of virtual people whose outlines err: coverage of intervals, forecasts of the last scan",
    ),
    "demo": (
        "experiments.benchmarks.demo",
        "the demonstration from start to end: seconds the first and the second time",
    ),
}
