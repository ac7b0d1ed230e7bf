"""One frame of a face compressed, enhanced and as reference, their differences, and the method's maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.figures.style import NothingToDraw, house_style, save, set_title
from rppgbench.pipeline.example_window import ExampleWindow
from rppgbench.quality.pixels import psnr_db, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.floating[Any]]

NAME = "faces"
COLUMNS = 3
# A difference is amplified until this percentile of its size spans the scale.
_PERCENTILE = 99.5


def draw_faces(example: ExampleWindow, target: Path) -> list[Path]:
    """Files written: the middle frame of the window, differences about mid-grey with one gain, maps over the face.

    Raises:
        NothingToDraw: the clip is its own reference and there is neither an enhancer nor a map.
    """
    frame = len(example.video) // 2
    shown = _images(example, frame)
    differences = _differences(shown)
    if not differences and not example.maps:
        raise NothingToDraw("the clip is its own reference and has neither an enhancer nor maps: nothing to compare")
    gain, psnr = _gain(differences), _psnr(example, frame)
    n_rows = 1 + bool(differences) + -(-len(example.maps) // COLUMNS)
    with house_style():
        figure = Figure(figsize=(3.1 * COLUMNS, 2.95 * n_rows + 0.5), layout="compressed")
        panels = figure.subplots(n_rows, COLUMNS, squeeze=False)
        for panel in panels.flat:
            panel.set_axis_off()
        for panel, (name, image) in zip(panels[0], shown.items(), strict=False):
            _show(panel, image, f"{name}{_psnr_label(psnr.get(name))}")
        for panel, (name, difference) in zip(panels[1 % n_rows], differences.items(), strict=False):
            _show(panel, 0.5 + gain * difference, f"{name}, x {gain:g}")
        face = shown.get("enhanced", shown["compressed"])
        for panel, (name, values) in zip(panels[1 + bool(differences) :].flat, example.maps.items(), strict=False):
            _overlay(figure, panel, face, _at(values, frame, len(example.video)), name)
        set_title(figure, example.label, f"frame at {frame / example.fps_hz:.2f} s, PSNR against the reference")
        return save(figure, list(_rows(example, frame, gain, psnr)), target)


def _images(example: ExampleWindow, frame: int) -> dict[str, Image]:
    images = {"compressed": unit(example.video[frame])}
    if example.enhanced is not None:
        images["enhanced"] = unit(example.enhanced[frame])
    return {**images, "reference": unit(example.reference[frame])}


def _differences(shown: Mapping[str, Image]) -> dict[str, Image]:
    """Differences of the images by name, empty if all images are equal."""
    others = [name for name in shown if name != "reference"]
    pairs = [(name, "reference") for name in others] + ([("enhanced", "compressed")] if len(others) > 1 else [])
    differences: dict[str, Image] = {f"{one} - {other}": shown[one] - shown[other] for one, other in pairs}
    return differences if any(difference.any() for difference in differences.values()) else {}


def _psnr_label(psnr_db: float | None) -> str:
    if psnr_db is None:
        return ""
    return f", {psnr_db:.1f} dB" if np.isfinite(psnr_db) else ": the reference itself"


def _psnr(example: ExampleWindow, frame: int) -> dict[str, float]:
    one = slice(frame, frame + 1)
    clips = {"compressed": example.video, "enhanced": example.enhanced}
    return {
        name: float(psnr_db(clip[one], example.reference[one])[0]) for name, clip in clips.items() if clip is not None
    }


def _gain(differences: Mapping[str, Image]) -> float:
    """Amplification: the largest power of two that keeps nearly all of every difference on the scale."""
    sizes = [float(np.percentile(np.abs(difference), _PERCENTILE)) for difference in differences.values()]
    return float(2.0 ** np.clip(np.floor(np.log2(0.5 / max([*sizes, 1e-6]))), 0, 8))


def _at(values: NDArray[Any], frame: int, T: int) -> NDArray[Any]:
    """``(H, W)`` map at a frame of a video of ``T`` frames; maps may have fewer."""
    found: NDArray[Any] = values[min(frame * len(values) // T, len(values) - 1)]
    return found


def _show(panel: Axes, image: Image, title: str) -> None:
    panel.imshow(np.clip(image, 0, 1), interpolation="nearest")
    panel.set_title(title)


def _overlay(figure: Figure, panel: Axes, face: Image, values: NDArray[Any], name: str) -> None:
    """The map in colour over the face in grey."""
    H, W, _ = face.shape
    panel.imshow(face.mean(axis=2), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    low, high = float(values.min()), float(values.max())
    # Where the map is low the face shows through.
    alpha = 0.1 + 0.65 * (values - low) / (high - low) if high > low else 0.4
    extent = (-0.5, W - 0.5, H - 0.5, -0.5)
    heat = panel.imshow(values, cmap="viridis", alpha=alpha, interpolation="nearest", extent=extent)
    bar = figure.colorbar(heat, ax=panel, fraction=0.046, pad=0.02)
    bar.solids.set_alpha(1)  # type: ignore[union-attr]
    bar.ax.tick_params(labelsize=7)
    panel.set_title(f"{name} map")


def _rows(example: ExampleWindow, frame: int, gain: float, psnr: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    yield {"quantity": "frame", "value": frame}
    yield {"quantity": "time_s", "value": frame / example.fps_hz}
    yield {"quantity": "amplification", "value": gain}
    for name, value in psnr.items():
        yield {"quantity": f"psnr_{name}_db", "value": value}
    for name, values in example.maps.items():
        shown = _at(values, frame, len(example.video))
        for what, number in (("lowest", shown.min()), ("mean", shown.mean()), ("highest", shown.max())):
            yield {"quantity": f"{name}_{what}", "value": float(number)}
