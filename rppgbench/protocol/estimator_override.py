"""Protocols with another project's heart-rate estimator in place of their own, to explain published numbers."""

from __future__ import annotations

from rppgbench.errors import ProtocolError, nearest
from rppgbench.protocol.protocol_file import ProtocolFile
from rppgbench.signal.compatibility.estimator import ESTIMATORS


def with_estimator(model: ProtocolFile, estimator: str) -> ProtocolFile:
    """The protocol file with ``estimator`` as its ranked one; its digest differs from the original's.

    Raises:
        ProtocolError: no compatibility estimator has that name, or the clips have too few frames a second for it.
    """
    if estimator not in ESTIMATORS:
        raise ProtocolError(f"no compatibility estimator is called {estimator!r}", hint=nearest(estimator, ESTIMATORS))
    highest_hz = ESTIMATORS[estimator].band_hz[1]
    if model.clips.fps_hz <= 2 * highest_hz:
        raise ProtocolError(
            f"{estimator} looks for rates up to {highest_hz:g} Hz and needs more than {2 * highest_hz:g} frames a "
            f"second, the clips have {model.clips.fps_hz:g}",
            hint="choose another estimator",
        )
    heart_rate = model.evaluation.heart_rate.model_copy(update={"use": estimator})
    return model.model_copy(update={"evaluation": model.evaluation.model_copy(update={"heart_rate": heart_rate})})
