"""Training steps and frames a second of the learned networks, and how they compare with plain 3-D convolutions."""

from __future__ import annotations

import contextlib
import functools
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402 - only if there is torch
from torch.nn import functional  # noqa: E402

from rppgbench.learning.learner import TrainingBatch, TrainingContext  # noqa: E402
from rppgbench.registry import load_registry, validate_params  # noqa: E402
from rppgbench_yu2019 import rppgnet  # noqa: E402
from rppgbench_yu2019.rppgnet import ChannelNorm  # noqa: E402
from rppgbench_yu2019.stven import NormRelu  # noqa: E402

NETWORKS = {"rppgnet": "method", "stven": "enhancer", "dncnn": "enhancer", "arcnn": "enhancer"}
PIXELS = {"small": 32, "paper": 128}  # on a side
FRAMES = {"small": 900, "paper": 64}  # to predict or to enhance: 30 s, or one clip of the paper's
N_CONDITIONS = 4  # as in the paper: the reference and three bitrates
VARIANTS = [
    # A busy machine does not slow the process's own clock, which a GPU's work is not on.
    pytest.param("cpu", marks=pytest.mark.benchmark(timer=time.process_time)),
    *("cuda", "cuda-bfloat16", "cuda-compiled", "cuda-bfloat16-compiled"),
]


@dataclass
class Bench:
    """A network on a device, and what it is given there."""

    learner: Any
    kind: str
    batch: TrainingBatch
    video: Tensor
    variant: str

    @property
    def device(self) -> torch.device:
        return self.batch.video.device

    def step(self) -> None:
        """Forward, backward and Adam, as in the core's loop."""
        self.learner.module.train()
        context = TrainingContext(step=0, steps=1, generator=torch.Generator().manual_seed(0))
        with self._precision():
            losses = self._training_step(self.batch, context)
        total = torch.stack([self.learner.loss_weights[name] * loss.float() for name, loss in losses.items()]).sum()
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        self._optimiser.step()
        self._wait()

    def use(self) -> Any:
        """``predict`` or ``enhance``, of bytes."""
        self.learner.module.eval()
        with self._precision():
            if self.kind == "method":
                return self.learner.predict(self.video, self.batch.fps_hz)
            return self.learner.enhance(self.video)

    def __post_init__(self) -> None:
        self.learner.module.to(self.device)
        self._optimiser = torch.optim.Adam(self.learner.module.parameters(), 1e-4)
        self._training_step = self.learner.training_step
        if self.variant.endswith("compiled"):
            self.learner.module.compile()

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled="bfloat16" in self.variant)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def bench_of(name: str, size: str, variant: str = "cpu") -> Bench:
    kind, registry, device = NETWORKS[name], load_registry(), variant.partition("-")[0]
    spec = registry.spec(kind, name)
    recipe = validate_params(spec, {"size": size}).recipe()
    local = {"n_conditions": N_CONDITIONS} if getattr(spec, "conditional", False) else {}
    torch.manual_seed(0)
    learner = registry.create(kind, name, {"size": size}, **local)
    B, T, H, W = recipe.batch, recipe.frames, PIXELS[size], PIXELS[size]
    reference = torch.rand(B, T, H, W, 3)
    batch = TrainingBatch(
        video=(reference + 0.05 * torch.randn(B, T, H, W, 3)).clamp(0, 1).to(device),
        reference=reference.to(device),
        wave=torch.randn(B, T).to(device),
        condition=(1 + torch.arange(B) % (N_CONDITIONS - 1)).to(device),
        fps_hz=30.0,
        skin=torch.rand(B, T, H, W).round().to(device),
    )
    video = torch.randint(0, 256, (1, FRAMES[size], H, W, 3), dtype=torch.uint8)
    return Bench(learner, kind, batch, video, variant)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, size: str) -> str:
    device = request.param.partition("-")[0]
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    if device == "cpu" and size == "paper" and not request.config.getoption("--paper-size"):
        pytest.skip("minutes a step on a CPU; --paper-size does it all the same")
    return str(request.param)


def rounds(size: str, variant: str) -> dict[str, int]:
    return {"rounds": 1} if variant == "cpu" and size == "paper" else {"rounds": 5, "warmup_rounds": 2}


@contextlib.contextmanager
def peak_memory(device: torch.device, said: dict[str, Any]) -> Iterator[None]:
    """Note the most memory in use within the block: of the GPU's by tensors, or of the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        yield
        said["peak_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
        return
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")  # Linux: the peak starts anew; elsewhere it is that of the process so far
    yield
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks_kb = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    peak_kb = peaks_kb[0] if peaks_kb else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said["peak_mb"] = round(peak_kb / 1e3)


@pytest.mark.parametrize("size", PIXELS)
@pytest.mark.parametrize("name", NETWORKS)
def test_training_step(benchmark: Any, name: str, size: str, variant: str) -> None:
    bench, said = bench_of(name, size, variant), benchmark.extra_info
    benchmark.group = f"training step, size {size}"
    with peak_memory(bench.device, said):
        benchmark.pedantic(bench.step, **rounds(size, variant))
    said["steps_per_s"] = 1 / benchmark.stats.stats.min
    B, T = bench.batch.video.shape[:2]
    print(
        f"\n{name} {size} {variant}: {said['steps_per_s']:.2f} steps/s of {B} x {T} frames, {said['peak_mb']} MB",
        end="",
    )


@pytest.mark.parametrize("size", PIXELS)
@pytest.mark.parametrize("name", NETWORKS)
def test_inference(benchmark: Any, name: str, size: str, variant: str) -> None:
    bench, said = bench_of(name, size, variant), benchmark.extra_info
    benchmark.group = f"inference, size {size}"
    with peak_memory(bench.device, said):
        benchmark.pedantic(bench.use, **rounds(size, variant))
    said["frames_per_s"] = FRAMES[size] / benchmark.stats.stats.min
    print(f"\n{name} {size} {variant}: {said['frames_per_s']:.0f} frames/s, {said['peak_mb']} MB", end="")


# --- against the same network as one would first write it -----------------------------------------------------------


def channels_first(function: Callable[..., Tensor], x: Tensor, *args: Any, **settings: Any) -> Tensor:
    """``function`` of ``(B, C, T, H, W)``, contiguous, on clips ``(B, T, H, W, C)``."""
    return function(x.permute(0, 4, 1, 2, 3).contiguous(), *args, **settings).permute(0, 2, 3, 4, 1)


def execute_plainly(bench: Bench) -> None:
    """The same weights by nn.Conv3d and its kind, contiguous with colours first in memory; frames by nn.Conv2d."""
    module = bench.learner.module
    if not any(isinstance(layer, nn.Conv3d) for layer in module.modules()):
        module.register_forward_pre_hook(lambda _, arguments: tuple(frames.contiguous() for frames in arguments))
        return
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d):
            layer.forward = lambda x, layer=layer: channels_first(nn.Conv3d.forward.__get__(layer), x)
            if hasattr(layer, "convolve"):
                settings = {"stride": layer.stride, "padding": layer.padding}
                layer.convolve = lambda x, *weights, settings=settings: channels_first(
                    functional.conv3d, x, *weights, **settings
                )
        elif isinstance(layer, nn.ConvTranspose3d):
            layer.forward = lambda x, layer=layer: channels_first(nn.ConvTranspose3d.forward.__get__(layer), x)
        elif isinstance(layer, ChannelNorm):
            plain = nn.BatchNorm3d(layer.num_features)
            plain.__dict__.update(layer.__dict__)
            layer.forward = lambda x, plain=plain: channels_first(plain, x)
        elif isinstance(layer, NormRelu):
            layer.forward = lambda x, condition, layer=layer: plain_norm_relu(layer, x, condition)


def plain_norm_relu(layer: NormRelu, x: Tensor, condition: Tensor) -> Tensor:
    shifts = layer.bias.expand(len(x), -1) if layer.bias.ndim == 1 else layer.bias[condition]
    normed = channels_first(functional.instance_norm, x, weight=layer.weight)
    return functional.relu(normed + shifts[:, None, None, None])


def median_ratio(plain: Callable[[], Any], ours: Callable[[], Any], rounds: int = 5) -> float:
    """Median of the ratios of CPU time, taken in alternation, so that a busy machine slows both; after one of each."""

    def cpu_s(work: Callable[[], Any]) -> float:
        start_s = time.process_time()
        work()
        return time.process_time() - start_s

    return statistics.median([cpu_s(plain) / cpu_s(ours) for _ in range(rounds + 1)][1:])


@pytest.mark.parametrize(("name", "least"), [("rppgnet", 1.3), ("stven", 1.3), ("dncnn", 0.9), ("arcnn", 0.9)])
def test_against_plain_convolutions(
    name: str, least: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, other = bench_of(name, "small"), bench_of(name, "small")
    execute_plainly(other)

    def plainly(work: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            pooling = functools.partial(channels_first, functional.avg_pool3d, kernel_size=(1, 2, 2))
            patch.setattr(rppgnet, "halve", pooling)
            return work()

    # The same network: else there is nothing to compare.
    torch.testing.assert_close(torch.as_tensor(plainly(other.use)), torch.as_tensor(ours.use()), rtol=1e-3, atol=1e-3)
    training = median_ratio(lambda: plainly(other.step), ours.step)
    inference = median_ratio(lambda: plainly(other.use), ours.use)
    with capsys.disabled():
        print(f"\n{name} small, x plain convolutions: training {training:.1f}, inference {inference:.1f}", end="")
    # On a quiet machine about 2; a test must also pass on a busy one.
    assert training > least
    assert inference > least
