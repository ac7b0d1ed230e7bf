"""The file against the frames that went into it."""

from fractions import Fraction

import av
import numpy as np
import pytest

from rppgbench.errors import EncodingError
from rppgbench_synthetic.synthetic_dataset import Synthetic


def test_the_file_holds_every_byte(tmp_path):
    dataset = Synthetic(subjects=1, duration_s=0.3, size=(162, 122))
    recording = dataset.recordings()[0]
    target = tmp_path / f"any{dataset.container()}"
    dataset.render(recording, target)
    with av.open(str(target)) as container:
        assert container.streams.video[0].average_rate == Fraction(30)
        decoded = [(frame.time, frame.to_ndarray(format="gbrp")) for frame in container.decode(video=0)]
    rendered = list(dataset.frames(recording))
    assert len(decoded) == len(rendered) == 9
    for index, ((time_s, seen), put) in enumerate(zip(decoded, rendered, strict=True)):
        assert time_s == pytest.approx(index / 30)
        np.testing.assert_array_equal(seen, put)


def test_a_missing_folder_is_said(tmp_path):
    dataset = Synthetic(subjects=1, duration_s=1.0)
    with pytest.raises(EncodingError, match="nowhere"):
        dataset.render(dataset.recordings()[0], tmp_path / "nowhere" / "x.avi")
