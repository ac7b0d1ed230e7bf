"""What an estimator of another project is made of, and which of them there are."""

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
    """Another project's way from waves to rates and to their quality; ``docs/estimators.md`` tells each step by step.

    Waves are ``(B, T)``, finite and not constant. A rate is that of the highest bin within ``band_hz``, both edges
    included, without interpolation.
    """

    @property
    def band_hz(self) -> tuple[float, float]: ...

    def spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """Of predictions, on the estimator's own grid.

        Raises:
            SignalError: too few frames a second for the band.
        """
        ...

    def sensor_spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """The same of a contact sensor's waves."""
        ...

    def snr_db(self, spectrum: Spectrum, true_bpm: FloatArray) -> FloatArray:
        """Signal-to-noise ratio of predictions about ``(B,)`` true rates; ``(B,)``, NaN where it is undefined."""
        ...

    def macc(self, waves: FloatArray, truths: FloatArray, fps_hz: float) -> FloatArray | None:
        """Likeness of predictions and sensor, ``(B,)``; None of an estimator that knows no such measure."""
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
