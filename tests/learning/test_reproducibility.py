"""The same bits from the same seed, and nothing left behind."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from rppgbench.errors import TrainingFailed  # noqa: E402 - only if there is torch
from rppgbench.learning.reproducibility import find_device, reproducible, set_inference_mode  # noqa: E402


def drawn(seed: int) -> list[float]:
    with reproducible(seed):
        return torch.rand(4).tolist()


def test_a_seed_decides_what_is_drawn():
    torch.manual_seed(1)
    one = drawn(5)
    torch.manual_seed(2)
    assert drawn(5) == one != drawn(6)


def test_generators_outside_are_not_disturbed():
    torch.manual_seed(1)
    expected = torch.rand(2).tolist()
    torch.manual_seed(1)
    first = torch.rand(1).tolist()
    drawn(5)
    assert first + torch.rand(1).tolist() == expected


def state() -> tuple[object, ...]:
    cudnn = torch.backends.cudnn
    return (
        torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.allow_tf32,
    )  # fmt: skip


@pytest.mark.parametrize("deterministic", [True, False])
def test_one_thread_within_and_everything_as_it_was_afterwards(deterministic):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = state()
        with pytest.raises(ZeroDivisionError), reproducible(0, deterministic=deterministic):
            assert state() == (1, deterministic, not deterministic, not deterministic)
            raise ZeroDivisionError
        assert state() == before
    finally:
        torch.set_num_threads(threads)


def test_auto_is_a_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda *shape, device: None)  # as if it could be used here
    assert find_device("auto").type == "cuda"
    assert find_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_an_unusable_device_is_refused(name):
    with pytest.raises(TrainingFailed, match=f"device {name!r} cannot be used") as caught:
        find_device(name)
    assert "--device cpu" in str(caught.value.hint)


def test_inference_mode_is_one_thread_and_full_float32():
    threads, tf32 = torch.get_num_threads(), (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
    try:
        torch.set_num_threads(2)
        torch.backends.cudnn.allow_tf32 = True
        set_inference_mode()
        assert torch.get_num_threads() == 1
        assert not (torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32)
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
