"""Interface and registry of the estimators of other projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from rppgbench.signal.compatibility.pyvhr import PYVHR
from rppgbench.signal.compatibility.toolbox import TOOLBOX_2023, TOOLBOX_2025

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rppgbench.contracts import FloatArray
    from rppgbench.signal.spectrum import Spectrum


class CompatibilityEstimator(Protocol):
    """Another project's steps from waves to rates and to their quality, as in docs/estimators.md ("Step by step").

    Waves are ``(B, T)``, finite and not constant. A rate is that of the highest bin within ``band_hz``, both edges
    included, without interpolation.
    """

    @property
    def band_hz(self) -> tuple[float, float]: ...

    def spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """Spectrum of predictions, on the estimator's own grid.

        Raises:
            SignalError: too few frames a second for the band.
        """
        ...

    def sensor_spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """Spectrum of a contact sensor's waves."""
        ...

    def snr_db(self, spectrum: Spectrum, true_bpm: FloatArray) -> FloatArray:
        """Signal-to-noise ratio of predictions about ``(B,)`` true rates; ``(B,)``, NaN if undefined."""
        ...

    def macc(self, waves: FloatArray, truths: FloatArray, fps_hz: float) -> FloatArray | None:
        """Highest correlation of predictions and sensor, ``(B,)``; None of an estimator without such a measure."""
        ...


ESTIMATORS: Mapping[str, CompatibilityEstimator] = {
    "toolbox-2023": TOOLBOX_2023,
    "toolbox-2025": TOOLBOX_2025,
    "pyvhr": PYVHR,
}


def highest_bin_bpm(spectrum: Spectrum, band_hz: tuple[float, float]) -> FloatArray:
    """Rate of the highest bin within the band, ``(B,)``: on the grid of the spectrum, at an edge too."""
    inside = (spectrum.freq_hz >= band_hz[0]) & (spectrum.freq_hz <= band_hz[1])
    bins = spectrum.power[:, inside].argmax(axis=1)
    return np.asarray(60 * spectrum.freq_hz[inside][bins])
