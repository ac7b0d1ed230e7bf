"""A window's measures are those of its frames."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.quality.clip import clip_quality
from rppgbench.quality.hvs import psnr_hvs_m_db, visible_error
from rppgbench.quality.pixels import psnr_db
from rppgbench.quality.structure import ssim


@pytest.fixture
def pair():
    random = np.random.RandomState(0)
    reference = random.randint(20, 230, size=(13, 16, 16, 3), dtype=np.uint8)
    return (reference + random.randint(-9, 10, size=reference.shape)).astype(np.uint8), reference


@pytest.mark.parametrize(("fps_hz", "sampled"), [(30.0, [0, 6, 12]), (15.0, [0, 3, 6, 9, 12]), (4.0, list(range(13)))])
def test_psnr_is_of_all_frames_and_the_others_of_five_a_second(pair, fps_hz, sampled):
    video, reference = pair
    found = clip_quality(video, reference, fps_hz)
    np.testing.assert_array_equal(found.psnr_db, psnr_db(video, reference))
    assert found.ssim == pytest.approx(ssim(video, reference)[sampled].mean(), rel=1e-12)
    error = visible_error(video, reference)[sampled].mean()
    assert found.psnr_hvs_m_db == pytest.approx(10 * math.log10(255**2 / error), abs=1e-9)


def test_a_single_frame_has_its_own_psnr_hvs_m(pair):
    video, reference = (clip[:1] for clip in pair)
    assert clip_quality(video, reference, 30.0).psnr_hvs_m_db == pytest.approx(psnr_hvs_m_db(video, reference)[0])


def test_the_same_clip(pair):
    found = clip_quality(pair[1], pair[1], 30.0)
    assert np.isposinf(found.psnr_db).all()
    assert found.ssim == pytest.approx(1)
    assert found.psnr_hvs_m_db == math.inf


def test_a_measure_of_too_small_frames_is_nan(pair):
    video, reference = (clip[:, :9, :9] for clip in pair)
    found = clip_quality(video, reference, 30.0)
    assert math.isnan(found.ssim)
    assert math.isfinite(found.psnr_hvs_m_db)
    tiny = clip_quality(video[:, :4], reference[:, :4], 30.0)
    assert math.isnan(tiny.psnr_hvs_m_db)
    assert np.isfinite(tiny.psnr_db).all()


def test_clips_of_different_shapes_are_refused(pair):
    with pytest.raises(SignalError, match="cannot be compared"):
        clip_quality(pair[0][:5], pair[1], 30.0)
