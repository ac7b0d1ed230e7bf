"""The four hooks. A plugin package implements those it needs and names itself in the entry-point group ``rppgbench``.

```toml
[project.entry-points.rppgbench]
mine = "my_package"
```

Hooks only register specs; they are not called in hot code, and none may import a heavy library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pluggy

from rppgbench.contracts import CodecSpec, DatasetSpec, EnhancerSpec, MethodSpec

PROJECT = "rppgbench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def rppgbench_methods() -> Iterable[MethodSpec]:
    """Methods: from face clips, or traces of their skin's mean colour, to pulse waves.

    ```python
    from rppgbench.contracts import MethodSpec
    from rppgbench.hookspecs import hookimpl

    class RedMinusGreen:
        def predict(self, traces, fps_hz):           # (B, T, 3) grey levels
            red, green = traces[..., 0], traces[..., 1]
            return red / red.mean(1, keepdims=True) - green / green.mean(1, keepdims=True)

    @hookimpl
    def rppgbench_methods():
        yield MethodSpec(
            name="red_minus_green", factory="my_package:RedMinusGreen", input="trace",
            summary="Normalised red minus normalised green", cite="(none)", license="Apache-2.0",
        )
    ```
    """
    return cast("Iterable[MethodSpec]", ())


@hookspec
def rppgbench_enhancers() -> Iterable[EnhancerSpec]:
    """Enhancers: from compressed clips to float32 clips of the same shape.

    ```python
    from rppgbench.contracts import EnhancerSpec
    from rppgbench.hookspecs import hookimpl

    class TemporalMean:
        def enhance(self, video):                    # (B, T, H, W, 3)
            video = video.astype("float32") / 255 if video.dtype == "uint8" else video
            return (video + video.take([0, *range(video.shape[1] - 1)], axis=1)) / 2

    @hookimpl
    def rppgbench_enhancers():
        yield EnhancerSpec(
            name="temporal_mean", factory="my_package:TemporalMean",
            summary="Mean of a frame and the one before", license="Apache-2.0",
        )
    ```
    """
    return cast("Iterable[EnhancerSpec]", ())


@hookspec
def rppgbench_codecs() -> Iterable[CodecSpec]:
    """Codecs, which compress recordings.

    ```python
    from pydantic import Field
    from rppgbench.contracts import CodecSpec, Encoded, Params
    from rppgbench.hookspecs import hookimpl

    class MjpegParams(Params):
        quality: int = Field(5, ge=1, le=31, description="quantiser scale, 1 is best")

    class Mjpeg:
        def __init__(self, quality): self.quality = quality
        def build(self): return "mjpeg 1.0"
        def encode(self, source, target, fps_hz, *, part=(0, None)) -> Encoded: ...

    @hookimpl
    def rppgbench_codecs():
        yield CodecSpec(
            name="mjpeg", factory="my_package:Mjpeg", params=MjpegParams, encoder="mjpeg",
            label="mjpeg-q{quality}", summary="Motion JPEG at a fixed quantiser",
        )
    ```
    """
    return cast("Iterable[CodecSpec]", ())


@hookspec
def rppgbench_datasets() -> Iterable[DatasetSpec]:
    """Datasets of recordings with ground truth of a contact sensor.

    ```python
    import numpy as np
    from rppgbench.contracts import DatasetSpec, GroundTruth, Recording
    from rppgbench.hookspecs import hookimpl

    class MyLab:
        def __init__(self, root): self.root = root
        def recordings(self):
            return [Recording(id=p.stem, subject=p.stem[:3], session=p.stem[3:], fps_hz=30.0, duration_s=60.0, path=p,
                              truth_files=(p.with_suffix(".csv"),))
                    for p in sorted(self.root.glob("*.mkv"))]
        def ground_truth(self, recording):
            time_s, bvp = np.loadtxt(recording.path.with_suffix(".csv"), delimiter=",", unpack=True)
            return GroundTruth(samples=bvp, times_s=time_s, kind="bvp")

    @hookimpl
    def rppgbench_datasets():
        yield DatasetSpec(
            name="my_lab", factory="my_package:MyLab", summary="Twelve students at rest",
            how_to_get="ask the lab; then: rppgbench run PROTOCOL --data my_lab=PATH",
        )
    ```
    """
    return cast("Iterable[DatasetSpec]", ())
