"""Results of made-up runs whose truth is known, and example windows made of them."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from matplotlib.figure import Figure

from rppgbench.evaluation.schema import COLUMNS, SCHEMA_VERSION
from rppgbench.pipeline.example_window import ExampleWindow, LossCurve
from rppgbench.results.results import Results

CODECS = ("mpeg4", "x264", "x265")
KBPS = (250, 125, 60)
CONDITIONS = ("reference", *(f"{codec}-{rate}k" for codec in CODECS for rate in KBPS))
X264 = ",".join(f"x264-{rate}k" for rate in KBPS)
GAIN_DB = {"arcnn": 0.4, "dncnn": 0.6, "stven(size=small)": 1.1, "identity": 0.0}  # of PSNR, where it learnt
FLOOR_BPM = 0.25  # between the two estimators of the contact sensor
EACH = object()  # the method has a fit of its own for every condition it is tested under
NETWORK = "rppgnet(size=small)"
# Entry, the conditions its method learnt from, how its enhancer was trained.
ENTRIES = [
    ("pos", None, None), ("green", None, None), (NETWORK, "reference", None),
    (f"{NETWORK} [method from x264-60k]", "x264-60k", None),
    (f"{NETWORK} [method from all]", ",".join(CONDITIONS), None), (f"{NETWORK} [method from condition]", EACH, None),
    *((f"{enhancer} + {NETWORK}", "reference", "separate") for enhancer in ("arcnn", "dncnn", "stven(size=small)")),
    (f"identity + {NETWORK}", "reference", None),
    *((f"{enhancer} + {NETWORK} [joint]", "reference", "joint") for enhancer in ("dncnn", "stven(size=small)")),
    ("stven(size=small) + pos", None, "separate"), ("dncnn + pos", None, "separate"), ("mean_hr", None, None),
]  # fmt: skip


def window_row(entry, learnt, train, condition, subject, rng):
    """Errors grow and PSNR falls with compression; an enhancer gains ``GAIN_DB``, a third of it where it transfers."""
    enhancer, _, method = entry.rpartition(" [")[0 if entry.endswith("]") else 2].rpartition(" + ")
    codec, _, rate = condition.partition("-")
    loss = 0.0 if condition == "reference" else {"mpeg4": 3.0, "x264": 1.5, "x265": 1.2}[codec] * 125 / int(rate[:-1])
    # One enhancer trained one way gives one video, before any method.
    spread = np.random.RandomState(
        len(enhancer) + 7 * (train == "joint") + 11 * CONDITIONS.index(condition) + 101 * subject
    )
    gain = GAIN_DB.get(enhancer, 0.0) * (1 if codec == "x264" else 0.33) + 0.1 * spread.standard_normal()
    hurts = {"dncnn": 0.8, "arcnn": 0.4}.get(enhancer, -0.5 if enhancer.startswith("stven") else 0.0)
    error = rng.normal(0, 0.4 + loss * (1 + 0.4 * hurts) + 12.0 * (method == "mean_hr"))
    paired = bool(enhancer) and condition != "reference"
    psnr = 44 - 2 * loss + spread.standard_normal()
    true = 60.0 + 2 * subject
    return {
        **{column.name: None for column in COLUMNS},
        "protocol": "made_up", "version": 1, "digest": "abc", "fold": subject % 5, "condition": condition,
        "codec": "original" if condition == "reference" else codec, "entry": entry, "method": method.split("(")[0],
        "enhancer": enhancer.split("(")[0] or None, "control": method == "mean_hr",
        "enhancer_control": enhancer == "identity" if enhancer else None,
        "dataset": "mini", "subject": f"s{subject:02}", "recording": f"s{subject:02}-rest", "tags": "{}", "window": 0,
        "start_s": 0.0, "end_s": 30.0, "hr_true_spectrum_bpm": true, "hr_true_beats_bpm": true + FLOOR_BPM,
        "intervals_true": 30,
        "hr_true_bpm": true, "hr_pred_bpm": true + error, "error_bpm": error,
        "snr_db": 8 - 2 * loss - hurts + rng.standard_normal(), "status": "scored", "seed": 0, "train": train,
        "methods_learn_from": condition if learnt is EACH else learnt, "enhancers_learn_from": X264 if train else None,
        "params": "{}",
        "rf_true_hz": 0.2 + 0.01 * subject, "rf_pred_hz": 0.21 + 0.01 * subject,
        "lf_nu_true": 0.3 + 0.05 * subject, "lf_nu_pred": 0.35 + 0.05 * subject if method == "pos" else None,
        "pulse_fidelity_in_db": None if condition == "reference" else 9 - abs(error),
        "pulse_fidelity_out_db": 9 - abs(error) if paired else None,
        "psnr_in_db": None if condition == "reference" else psnr, "psnr_out_db": psnr + gain if paired else None,
        "psnr_sd_in_db": 0.8 if paired else None, "psnr_sd_out_db": 0.8 - 0.3 * gain if paired else None,
    }  # fmt: skip


def made_up(n_subjects=6, entries=ENTRIES, bootstrap=200) -> Results:
    """Every entry under every condition, one window a subject."""
    rng = np.random.RandomState(0)
    rows = [
        window_row(*entry, condition, subject, rng)
        for condition in CONDITIONS for entry in entries for subject in range(n_subjects)
    ]  # fmt: skip
    conditions = [{"id": "reference", "reference": True, "use": "original", "params": {}}] + [
        {"id": f"{codec}-{rate}k", "reference": False, "use": codec, "params": {"bitrate_kbps": rate}}
        for codec in CODECS for rate in KBPS
    ]  # fmt: skip
    about = {
        "protocol": "made_up", "version": 1, "title": "Made up", "cite": "", "digest": "abc", "schema": SCHEMA_VERSION,
        "entries": [entry for entry, _, _ in entries], "rppgbench": "0",
        "resolved": {
            "name": "made_up", "version": 1, "folds": {"k": 5}, "clips": {"length_s": 30.0}, "conditions": conditions,
            "evaluation": {
                "heart_rate": {"use": "spectrum", "band_hz": [0.7, 4.0]}, "metrics": ["hr_mae_bpm", "snr_db"],
                "primary": "hr_mae_bpm", "interval": {"bootstrap": bootstrap, "level": 0.95, "seed": 0},
            },
        },
    }  # fmt: skip
    return Results(about, rows, [encoding(f"{codec}-{rate}k", rate) for codec in CODECS for rate in KBPS])


def encoding(condition, rate):
    """One that missed its target by a hundredth."""
    return {
        "recording": "s00-rest", "condition": condition, "target_bps": 1e3 * rate, "bitrate_bps": 1.01e3 * rate,
        "psnr_y_db": 40.0, "n_frames": 900, "pix_fmt": "yuv420p", "encoder_build": "x", "sha256": "0",
    }  # fmt: skip


@pytest.fixture(scope="session")
def results() -> Results:
    return made_up()


@pytest.fixture(scope="session")
def printless():
    """A context for tests of the numbers alone: printing the pictures takes far longer."""

    @contextlib.contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Figure, "savefig", lambda *_, **__: None)
            patch.setattr(Figure, "draw_without_rendering", lambda _: None)
            yield

    return context


@pytest.fixture
def unprinted(printless):
    with printless():
        yield


@pytest.fixture
def example() -> ExampleWindow:
    """A small face with a pulse at 72 bpm, of which compression leaves a blocky, noisy picture."""
    return face(T=300, size=32)


def face(T: int, size: int) -> ExampleWindow:
    rng = np.random.RandomState(0)
    fps_hz = 30.0
    pulse = np.sin(2 * np.pi * 1.2 * np.arange(T) / fps_hz)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    skin = 1 / (1 + np.exp(20 * (np.hypot(x, y / 1.2) - 0.75)))
    eyes = np.exp(-(((np.abs(x) - 0.3) ** 2 + (y + 0.2) ** 2) / 0.01))
    colour = np.array([200, 150, 120]) - 30 * (1 - skin[..., None]) * 3 - 120 * eyes[..., None]
    reference = np.rint(colour + pulse[:, None, None, None] * skin[..., None]).clip(0, 255).astype(np.uint8)
    blocks = rng.normal(0, 4, (T, size // 8, size // 8, 3)).repeat(8, 1).repeat(8, 2)
    video = (reference + np.rint(blocks)).clip(0, 255).astype(np.uint8)
    enhanced = ((reference + 0.5 * blocks) / 255).astype(np.float32)
    attention = np.exp(-((x[::4, ::4]) ** 2 + (y[::4, ::4] + 0.5) ** 2) / 0.1)
    return ExampleWindow(
        video=video,
        reference=reference,
        enhanced=enhanced,
        wave=pulse + 0.3 * rng.standard_normal(T),
        wave_without=pulse + rng.standard_normal(T),
        truth_wave=100 + 5 * pulse,
        maps={
            "attention": np.broadcast_to(attention / attention.sum(), (T, *attention.shape)),
            "skin": np.broadcast_to(skin[::2, ::2], (T, size // 2, size // 2)),
        },
        fps_hz=fps_hz,
        label=f"stven(size=small) + {NETWORK}, s03-rest at x264-60k, first window",
    )


@pytest.fixture
def curves() -> list[LossCurve]:
    return loss_curves(n_folds=3, n_steps=200)


def loss_curves(n_folds: int, n_steps: int) -> list[LossCurve]:
    """Losses that fall as exponentials, with noise."""
    rng = np.random.RandomState(0)
    steps = np.arange(1, n_steps + 1)

    def falling(scale):
        return scale * (0.2 + 0.8 * np.exp(-4 * steps / n_steps)) * np.exp(0.2 * rng.standard_normal(n_steps))

    fits = [
        (NETWORK, "method", {"wave": 1.0, "mid": 0.5, "skin": 0.6, "parts": 2.0}),
        (f"arcnn + {NETWORK}", "enhancer", {"reconstruction": 1e-3}),
        (f"dncnn + {NETWORK}", "enhancer", {"reconstruction": 1e-3}),
        (f"stven(size=small) + {NETWORK}", "enhancer", {"enhance": 1e-3, "compress": 0.02, "cycle": 0.03}),
        (f"stven(size=small) + {NETWORK} [joint]", "joint", {"wave": 0.3, "perceptual": 0.1, "reconstruction": 1e-3}),
    ]
    found = []
    for entry, part, scales in fits:
        for fold in range(n_folds):
            losses = {name: falling(scale) for name, scale in scales.items()}
            losses = {"total": np.sum(list(losses.values()), axis=0), **losses}
            found.append(
                LossCurve(entry=entry, fit=entry + part, part=part, fold=fold, seed=0, steps=steps, losses=losses)
            )
    return found
