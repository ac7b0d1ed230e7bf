"""All metrics by name, each computed from sums over subjects."""

from __future__ import annotations

from collections.abc import Mapping

from rppgbench.evaluation.heart_rate_metrics import PULSES, RATES
from rppgbench.evaluation.metric import Metric
from rppgbench.evaluation.quality_metrics import QUALITY
from rppgbench.evaluation.sums import SubjectSums
from rppgbench.evaluation.variability_metrics import VARIABILITY

__all__ = ["METRICS", "Metric", "SubjectSums"]

METRICS: Mapping[str, Metric] = {**RATES, **PULSES, **VARIABILITY, **QUALITY}
