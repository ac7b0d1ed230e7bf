"""The skin filter, on pictures whose mask is known."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.media.skin import skin_mask
from rppgbench.registry import load_registry


def noisy(color: tuple[float, float, float], shape: tuple[int, int], seed: int, sd: float = 3.0) -> np.ndarray:
    rng = np.random.RandomState(seed)
    return np.asarray(np.array(color) + rng.normal(0, sd, (*shape, 3)))


def test_a_skin_disc_on_a_blue_wall() -> None:
    y, x = np.mgrid[:64, :64]
    disc = (x - 31.5) ** 2 + (y - 31.5) ** 2 <= 28**2
    picture = np.where(disc[..., None], noisy((200, 140, 110), (64, 64), 0), noisy((90, 110, 170), (64, 64), 1))
    mask = skin_mask(picture)
    assert not mask[~disc].any()
    # Of a two-dimensional normal distribution, exp(-d^2/2) > 0.3 holds for the share 1 - 0.3.
    assert mask[disc].mean() == pytest.approx(0.7, abs=0.04)


def test_the_threshold_is_the_share_left_out() -> None:
    picture = noisy((200, 140, 110), (200, 200), 2)
    for threshold in (0.1, 0.5, 0.8):
        assert skin_mask(picture, threshold).mean() == pytest.approx(1 - threshold, abs=0.05)


def test_agrees_with_the_formulas_written_out_pixel_by_pixel() -> None:
    picture = noisy((170, 120, 90), (24, 20), 3, sd=8.0)
    picture[:5] = (40, 60, 90)
    inside, luma = [], {}
    for i in range(24):
        for j in range(20):
            r, g, b = picture[i, j]
            luma[i, j] = 0.299 * r + 0.587 * g + 0.114 * b
            if (i - 11.5) ** 2 + (j - 9.5) ** 2 <= (0.4 * 20) ** 2:
                inside.append((i, j))
    values = [luma[p] for p in inside]
    lit = [p for p in inside if abs(luma[p] - np.mean(values)) <= 1.5 * np.std(values)]
    chroma = np.array([picture[p][:2] / picture[p].sum() for p in lit])
    inverse = np.linalg.inv(np.cov(chroma.T, ddof=0))
    expected = np.zeros((24, 20), bool)
    for p in luma:
        d = picture[p][:2] / picture[p].sum() - chroma.mean(0)
        expected[p] = np.exp(-0.5 * d @ inverse @ d) > 0.3
    # The filter's floor under the spread of chromaticities moves a few pixels at the very edge.
    assert (skin_mask(picture) != expected).mean() < 0.01


def test_scale_and_leading_axes_do_not_matter() -> None:
    pictures = np.stack([noisy((200, 140, 110), (32, 32), seed) for seed in range(6)]).reshape(2, 3, 32, 32, 3)
    masks = skin_mask(pictures)
    assert masks.shape == (2, 3, 32, 32)
    assert (masks[1, 2] == skin_mask(pictures[1, 2])).all()
    assert (skin_mask(pictures / 255) == masks).mean() > 0.999


def test_degenerate_pictures() -> None:
    assert not skin_mask(np.zeros((32, 32, 3))).any()  # black: no chromaticity
    assert skin_mask(np.full((32, 32, 3), 120.0)).all()  # flat: all of it is like its middle
    assert not skin_mask(np.full((2, 2, 3), 120.0)).any()  # too few pixels to learn from
    assert skin_mask(np.empty((0, 32, 32, 3))).shape == (0, 32, 32)


def test_finds_most_of_the_skin_of_rendered_faces_and_little_else() -> None:
    dataset = load_registry().create("dataset", "synthetic", {"subjects": 6, "recordings": ["rest"], "duration_s": 8})
    for recording in dataset.recordings():
        rgb, skin = next(iter(dataset.frames_with_masks(recording)))
        rows, columns = np.flatnonzero(skin.any(1)), np.flatnonzero(skin.any(0))
        face = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        mask = skin_mask(rgb[face])
        assert mask[skin[face]].mean() > 0.5, recording.id
        assert (mask & skin[face]).sum() / mask.sum() > 0.7, recording.id
