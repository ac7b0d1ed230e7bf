from __future__ import annotations

import platform
import re

import av
import pytest

from rppgbench_ffmpeg.build import encoder_build, instruction_set
from rppgbench_ffmpeg.codecs import X264, X265, Mpeg4


def test_builds_name_encoder_library_and_processor():
    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    for codec in (Mpeg4(bitrate_kbps=1), X264(bitrate_kbps=1), X265(bitrate_kbps=1)):
        assert codec.build().endswith(f"1 thread, libavcodec {libavcodec}, {platform.machine()}")
    assert re.match(r"libx264 core \d+.* asm=", encoder_build("libx264"))
    assert re.match(r"libx265 build \d+ \d\S* asm=", encoder_build("libx265"))


@pytest.mark.parametrize(
    ("machine", "supported", "expected"),
    [("x86_64", {11, 7}, "avx2"), ("AMD64", {7}, "sse4.2"), ("x86_64", set(), "auto"), ("arm64", {11}, "auto")],
)
def test_instruction_set_follows_the_processor(monkeypatch, machine, supported, expected):
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("cv2.checkHardwareSupport", lambda feature: feature in supported)
    assert instruction_set.__wrapped__() == expected
