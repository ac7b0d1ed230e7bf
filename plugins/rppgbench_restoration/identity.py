"""The identity, a control for enhancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Identity:
    """The video itself."""

    def enhance(self, video: Any) -> NDArray[np.float32]:
        """The video as float32: ``(B, T, H, W, 3)`` uint8 divided by 255, or floats as they are."""
        pixels = np.asarray(video)
        if pixels.dtype == np.uint8:
            return pixels.astype(np.float32) / np.float32(255)
        return pixels.astype(np.float32)
