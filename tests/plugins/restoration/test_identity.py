from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np

from rppgbench_restoration.identity import Identity


def test_every_grey_level_becomes_the_float_nearest_to_its_share_of_255():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)[..., None].repeat(3, axis=-1)
    enhanced = Identity().enhance(levels)
    assert enhanced.dtype == np.float32
    for level, value in zip(range(256), enhanced[..., 0].ravel(), strict=True):
        candidates = [np.nextafter(value, side, dtype=np.float32) for side in (0, 2)]
        error = abs(Fraction(float(value)) - Fraction(level, 255))
        assert all(abs(Fraction(float(other)) - Fraction(level, 255)) >= error for other in candidates)


def test_floats_stay_as_they_are():
    video = np.random.RandomState(0).rand(2, 3, 4, 5, 3).astype(np.float32)
    np.testing.assert_array_equal(Identity().enhance(video), video)


def test_it_and_the_list_of_plugins_need_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import rppgbench_restoration as plugin\n"
        "from rppgbench.registry import Registry\n"
        "registry = Registry.from_plugins(restoration=plugin)\n"
        "assert not registry.plugins[0].problems, registry.plugins\n"
        "print(*(spec.name for spec in registry.specs('enhancer')))\n"
        "registry.create('enhancer', 'identity')\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["arcnn", "dncnn", "identity"]
