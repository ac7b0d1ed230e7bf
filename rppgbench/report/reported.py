"""Numbers that a paper has published, to stand apart from what was run here.

They come from other videos, other folds and other code: marked "reported", never ranked with results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

YU2019 = "10.1109/ICCV.2019.00024"
# A dash in a paper.
NONE = None

Values = Sequence[float | None]


@dataclass(frozen=True)
class Reported:
    """A published table: for each name its numbers, in the order of ``metrics``."""

    cite: str
    table: str
    metrics: Sequence[str]
    rows: Mapping[str, Values]
    note: str = ""


def _table2(hr: Values, rf: Values, lf: Values, lf_hf: Values) -> Values:
    """The paper's columns of HF repeat those of LF: the two shares add up to 1."""
    return (*hr, *rf, *lf, *lf, *lf_hf)


TABLE_2_METRICS = (
    "hr_sd_bpm", "hr_rmse_bpm", "hr_r", "rf_sd_hz", "rf_rmse_hz", "rf_r", "lf_nu_sd", "lf_nu_rmse", "lf_nu_r",
    "hf_nu_sd", "hf_nu_rmse", "hf_nu_r", "lf_hf_sd", "lf_hf_rmse", "lf_hf_r",
)  # fmt: skip
TABLE_3_METRICS = ("hr_sd_bpm", "hr_mae_bpm", "hr_rmse_bpm", "hr_r")

_OBF = Reported(
    cite=YU2019,
    table="Table 2",
    metrics=TABLE_2_METRICS,
    rows={
        "ROI green": _table2((2.159, 2.162, 0.990), (0.078, 0.084, 0.321), (0.220, 0.240, 0.573),
                             (0.819, 0.832, 0.571)),
        "CHROM": _table2((2.730, 2.733, 0.980), (0.081, 0.081, 0.224), (0.199, 0.206, 0.524), (0.830, 0.863, 0.459)),
        "POS": _table2((1.899, 1.906, 0.991), (0.070, 0.070, 0.440), (0.155, 0.158, 0.727), (0.663, 0.679, 0.687)),
        "rPPGNet base": _table2((2.729, 2.772, 0.980), (0.067, 0.067, 0.486), (0.151, 0.153, 0.748),
                                (0.641, 0.649, 0.724)),
        "rPPGNet base + Skin": _table2((2.548, 2.587, 0.983), (0.067, 0.067, 0.483), (0.145, 0.147, 0.768),
                                       (0.616, 0.622, 0.749)),
        "rPPGNet base + Skin + Parts": _table2((2.049, 2.087, 0.989), (0.065, 0.065, 0.505), (0.143, 0.144, 0.776),
                                               (0.594, 0.604, 0.759)),
        "rPPGNet base + Skin + Atten": _table2((2.004, 2.051, 0.989), (0.065, 0.065, 0.515), (0.137, 0.139, 0.790),
                                               (0.591, 0.601, 0.760)),
        "rPPGNet": _table2((1.756, 1.800, 0.992), (0.064, 0.064, 0.530), (0.133, 0.135, 0.804), (0.580, 0.589, 0.773)),
    },
    note="All of it is of windows of 30 s, variability too.",
)  # fmt: skip
_MAHNOB = Reported(
    cite=YU2019,
    table="Table 3",
    metrics=TABLE_3_METRICS,
    rows={
        "Poh 2011": (13.5, NONE, 13.6, 0.36),
        "CHROM": (NONE, 13.49, 22.36, 0.21),
        "Li 2014": (6.88, NONE, 7.62, 0.81),
        "SAMC": (5.81, 4.96, 6.23, 0.83),
        "SynRhythm": (10.88, NONE, 11.08, NONE),
        "HR-CNN": (NONE, 7.25, 9.24, 0.51),
        "DeepPhys": (NONE, 4.57, NONE, NONE),
        "rPPGNet": (7.82, 5.51, 7.82, 0.78),
        "STVEN + rPPGNet": (5.57, 4.03, 5.93, 0.88),
    },
    note="SynRhythm, HR-CNN and DeepPhys were tested on splits of their own. Which column a number of a row with gaps "
    "belongs to is inferred from later papers.",
)
# By dataset and metrics of the table that they stand beside.
_PUBLISHED = {("obf", TABLE_2_METRICS): _OBF, ("mahnob_hci", TABLE_3_METRICS): _MAHNOB}


def reported_for(about: Mapping[str, Any], metrics: Sequence[str]) -> Reported | None:
    """What was published of the dataset of these results in a table of these metrics; None where nothing was."""
    dataset = about["resolved"].get("dataset") or {}
    return _PUBLISHED.get((str(dataset.get("use")), tuple(metrics)))
