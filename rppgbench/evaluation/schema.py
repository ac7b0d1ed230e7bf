"""Schema of the result table: one row per window, with unit and meaning of each column in the file's metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rppgbench.errors import IncomparableResults, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

SCHEMA_VERSION = 4


@dataclass(frozen=True)
class Column:
    """A column of the result table; ``type`` is "string", "int64", "float64" or "bool", ``unit`` empty without one."""

    name: str
    type: str
    unit: str
    meaning: str
    required: bool = True


COLUMNS = (
    Column("protocol", "string", "", "name of the protocol"),
    Column("version", "int64", "", "version of the protocol"),
    Column("digest", "string", "", "digest of the protocol: only rows of equal digests are comparable"),
    Column("fold", "int64", "", "test fold, from 0"),
    Column("condition", "string", "", "how the video was compressed"),
    Column("codec", "string", "", "codec of the condition"),
    Column("nominal_bitrate_bps", "float64", "bit/s", "bitrate asked of the encoder", required=False),
    Column("achieved_bitrate_bps", "float64", "bit/s", "payload of the video stream over its duration", required=False),
    Column("entry", "string", "", "enhancer and method, as ranked"),
    Column("method", "string", "", "name of the method"),
    Column("enhancer", "string", "", "name of the enhancer", required=False),
    Column("params", "string", "", "params of the method and of the enhancer, as JSON"),
    Column("train", "string", "", "how the enhancer was trained: separate or joint", required=False),
    Column("methods_learn_from", "string", "", "conditions whose clips the method learnt from", required=False),
    Column("enhancers_learn_from", "string", "", "conditions whose clips the enhancer learnt from", required=False),
    Column("seed", "int64", "", "seed of what was learnt by gradients", required=False),
    Column("control", "bool", "", "whether the entry exists to be beaten"),
    Column("enhancer_control", "bool", "", "whether its enhancer exists to be beaten", required=False),
    Column("dataset", "string", "", "name of the dataset"),
    Column("subject", "string", "", "pseudonym of the subject"),
    Column("recording", "string", "", "name of the recording"),
    Column("tags", "string", "", "what the dataset says of the recording (motion, skin tone, ...), as JSON"),
    Column("source", "string", "", "how the video came to be: raw, lossless, lossy or rendered", required=False),
    Column("truth_delay_s", "float64", "s", "how late the face's pulse is behind the contact sensor's", required=False),
    Column("window", "int64", "", "number of the window in its recording, from 0"),
    Column("start_s", "float64", "s", "first frame of the window on the video's clock"),
    Column("end_s", "float64", "s", "one frame after the last one of the window"),
    Column("hr_pred_beats_bpm", "float64", "1/min", "60 over the mean inter-beat interval of the prediction", False),
    Column("hr_pred_spectrum_bpm", "float64", "1/min", "highest spectral peak of the prediction", False),
    Column(
        "hr_true_beats_bpm", "float64", "1/min", "60 over the mean inter-beat interval of the contact sensor", False
    ),
    Column("hr_true_spectrum_bpm", "float64", "1/min", "highest spectral peak of the contact sensor", False),
    Column("hr_pred_bpm", "float64", "1/min", "ranked estimate of the prediction", False),
    Column("hr_true_bpm", "float64", "1/min", "the same estimate of the contact sensor", False),
    Column("error_bpm", "float64", "1/min", "hr_pred_bpm - hr_true_bpm", False),
    Column("snr_db", "float64", "dB", "signal-to-noise ratio of the prediction about hr_true_bpm", False),
    Column("macc", "float64", "", "highest correlation of prediction and contact sensor within 0.5 s of lag", False),
    Column(
        "macc_null", "float64", "", "the same against the contact sensor of another subject: what chance gives", False
    ),
    Column("beats_pred", "int64", "", "beats of the prediction that have their time in the sensor's window too", False),
    Column("beats_true", "int64", "", "the same of the contact sensor", False),
    Column(
        "beat_delay_s", "float64", "s", "how late the prediction's beats are, which is taken off before matching", False
    ),
    Column("beats_matched_50ms", "int64", "", "pairs of beats, one of each, within 50 ms", False),
    Column("beats_matched_100ms", "int64", "", "the same within 100 ms", False),
    Column("beats_matched_150ms", "int64", "", "the same within 150 ms", False),
    Column("ibi_mae_ms", "float64", "ms", "mean absolute error of the intervals between matched beats", False),
    Column("intervals_pred", "int64", "", "intervals between the prediction's beats", False),
    Column("intervals_pred_dropped", "int64", "", "those of them left out of its variability as implausible", False),
    Column("intervals_true", "int64", "", "intervals between the contact sensor's beats", False),
    Column("intervals_true_dropped", "int64", "", "those of them left out of its variability as implausible", False),
    Column("sdnn_pred_ms", "float64", "ms", "standard deviation of the prediction's intervals", False),
    Column("sdnn_true_ms", "float64", "ms", "the same of the contact sensor", False),
    Column("rmssd_pred_ms", "float64", "ms", "root mean square of differences of successive intervals", False),
    Column("rmssd_true_ms", "float64", "ms", "the same of the contact sensor", False),
    Column("rf_pred_hz", "float64", "Hz", "frequency of the respiration in the prediction's beats", False),
    Column("rf_true_hz", "float64", "Hz", "the same of the contact sensor", False),
    Column("lf_nu_pred", "float64", "", "share of 0.04-0.15 Hz in how the prediction's intervals vary, 0 to 1", False),
    Column("lf_nu_true", "float64", "", "the same of the contact sensor", False),
    Column("lf_hf_pred", "float64", "", "power of 0.04-0.15 Hz over that of 0.15-0.40 Hz in them", False),
    Column("lf_hf_true", "float64", "", "the same of the contact sensor", False),
    Column("label_flags", "string", "", "why the contact sensor's rate may be wrong, joined by '; '", False),
    Column("psnr_in_db", "float64", "dB", "PSNR of the face clip against the reference's, mean over its frames", False),
    Column("psnr_out_db", "float64", "dB", "the same behind the enhancer", False),
    Column("psnr_sd_in_db", "float64", "dB", "SD of that PSNR over the frames of the window", False),
    Column("psnr_sd_out_db", "float64", "dB", "the same behind the enhancer", False),
    Column("ssim_in", "float64", "", "SSIM of the face clip's luma against the reference's, mean over frames", False),
    Column("ssim_out", "float64", "", "the same behind the enhancer", False),
    Column("psnr_hvs_m_in_db", "float64", "dB", "PSNR-HVS-M of the face clip's luma against the reference's", False),
    Column("psnr_hvs_m_out_db", "float64", "dB", "the same behind the enhancer", False),
    Column(
        "pulse_fidelity_in_db",
        "float64",
        "dB",
        "the reference's pulse in the skin's colour over what was done to it",
        False,
    ),
    Column("pulse_fidelity_out_db", "float64", "dB", "the same behind the enhancer", False),
    Column(
        "pulse_gain_in_db", "float64", "dB", "the pulse's amplitude in the skin's colour over the reference's", False
    ),
    Column("pulse_gain_out_db", "float64", "dB", "the same behind the enhancer", False),
    Column("status", "string", "", "scored; failed: no prediction; excluded: no truth"),
    Column("reason", "string", "", "why it is not scored", required=False),
)
# Row order of a file: its bytes must not depend on the order of computation.
SORTED_BY = ("dataset", "condition", "entry", "subject", "recording", "window", "seed")


def rows_to_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Arrow table of the rows in ``SORTED_BY``'s order, with units and meanings in its fields' metadata.

    Raises:
        StoreError: a row with a missing, unknown or null required column.
    """
    import pyarrow as pa

    names = {column.name for column in COLUMNS}
    required = [column.name for column in COLUMNS if column.required]
    checked = list(rows)
    for number, row in enumerate(checked):
        if row.keys() != names:
            missing, unknown = sorted(names - row.keys()), sorted(row.keys() - names)
            raise StoreError(f"row {number}: missing columns {missing}, unknown columns {unknown}")
        empty = [name for name in required if row[name] is None]
        if empty:
            raise StoreError(f"row {number}: no value in {', '.join(empty)}")
    checked.sort(key=lambda row: tuple(-1 if row[name] is None else row[name] for name in SORTED_BY))
    return pa.Table.from_pylist(checked, schema=_arrow_schema())


def rows_to_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A pandas table of the rows, in ``SORTED_BY``'s order; units and meanings of the columns in its ``attrs``.

    Integers and truth values that may be missing are of pandas' "Int64" and "boolean", other missing numbers NaN.
    """
    nullable = {"int64": "Int64", "bool": "boolean"}
    optional = {c.name: nullable[c.type] for c in COLUMNS if c.type in nullable and not c.required}
    frame: pd.DataFrame = rows_to_table(rows).to_pandas().astype(optional)
    frame.attrs = {
        "schema": SCHEMA_VERSION,
        "units": {column.name: column.unit for column in COLUMNS},
        "meanings": {column.name: column.meaning for column in COLUMNS},
    }
    return frame


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows as Parquet; the bytes do not depend on their order."""
    import pyarrow.parquet as pq

    pq.write_table(rows_to_table(rows), path, compression="zstd", version="2.6", write_page_index=False)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Result rows of a file written by ``write_rows``.

    Raises:
        StoreError: the file is missing, or not a result table.
        IncomparableResults: a table of another schema version.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(
            f"{path}: cannot be read as a table of results ({error})",
            hint="copy it again; 'rppgbench run PROTOCOL' writes it anew from what is in the store",
        ) from error
    found = (table.schema.metadata or {}).get(b"rppgbench_schema_version", b"none").decode()
    if found != str(SCHEMA_VERSION):
        raise IncomparableResults(
            f"{path}: results of schema version {found}, expected {SCHEMA_VERSION}", hint="run the protocol again"
        )
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _arrow_schema() -> pa.Schema:
    import pyarrow as pa

    fields = [
        pa.field(
            column.name,
            getattr(pa, {"bool": "bool_"}.get(column.type, column.type))(),
            nullable=not column.required,
            metadata={"unit": column.unit, "meaning": column.meaning},
        )
        for column in COLUMNS
    ]
    return pa.schema(fields, metadata={"rppgbench_schema_version": str(SCHEMA_VERSION)})
