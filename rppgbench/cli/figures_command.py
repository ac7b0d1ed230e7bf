"""``rppgbench figures``."""

from __future__ import annotations

from pathlib import Path

import click

from rppgbench.cli.figure_options import open_figure_set, print_outcomes, results_options
from rppgbench.errors import RppgbenchError


@click.command(context_settings={"max_content_width": 110})
@results_options
def figures(
    protocol: str, store_path: Path | None, data: tuple[str, ...], out: Path,
    recording: str | None, condition: str | None, entry: str | None,
) -> None:  # fmt: skip
    """Draw what a run of PROTOCOL found: a protocol's file or name, or a folder of results.

    \b
    error_by_bitrate         the ranked error against bitrate, a panel a codec: the board's own figure
    delta_psnr               PSNR that enhancers add, and what it hides: pulse SNR, PSNR's spread over time
    error_by_enhancer        error behind each enhancer and training mode, under codecs learnt from and others
    faces                    a face compressed, enhanced and as it was; where the method looked
    waves                    its wave without and with the enhancer, above the PSNR of each frame
    losses                   training losses of every fit
    train_rate_by_test_rate  a method that learnt under one condition, tested under another
    bland_altman             errors against the mean of both rates, bias and limits of agreement, the reference
    bland_altman_compressed  the same under a compressed condition
    degradation_error        the error of each subject along the bitrates
    degradation_snr          the pulse's signal-to-noise ratio of each subject along the bitrates
    critical_differences     mean ranks over subjects, and what differs by more than chance (Nemenyi)
    error_by_quality         PSNR, SSIM, PSNR-HVS-M and pulse fidelity against error and SNR
    hrv_scatter              variability predicted against true, the reference

    Each is written as PNG, SVG and, with the numbers drawn, as CSV; a number that the protocol's paper gives it leads
    the file's name. A figure whose material is missing is skipped with the reason; faces, waves and losses need the
    run's store.

    \b
    Examples:
      rppgbench figures synthetic_learned
      rppgbench figures leaderboards/synthetic_learned/v1
      rppgbench figures synthetic_learned --condition mpeg4-60k --entry "stven + rppgnet [joint]"
    """
    figure_set, folder, _ = open_figure_set(protocol, store_path, data, out, recording, condition, entry)
    n_files, _ = print_outcomes(figure_set.draw(folder / "figures"), folder)
    if not n_files:
        raise RppgbenchError(
            f"{folder}: no figure has its material",
            hint="nothing was scored, it seems; 'rppgbench board' tells why",
        )
