"""Resolved protocols, their digests, and errors with their place."""

from __future__ import annotations

import pytest

from rppgbench.contracts import EnhancerSpec, MethodSpec
from rppgbench.errors import ProtocolError
from rppgbench.protocol.protocol_file import ProtocolFile
from rppgbench.protocol.protocol_library import builtin_protocols, find_protocol
from rppgbench.protocol.resolve import load_protocol, objections
from rppgbench.protocol.yaml_document import read_yaml
from rppgbench.registry import load_registry


def test_a_sweep_becomes_conditions(protocol):
    loaded = protocol()
    assert [c.id for c in loaded.conditions] == ["reference", "x264-250k", "x264-60k"]
    assert [c.nominal_bps for c in loaded.conditions] == [None, 250_000, 60_000]
    assert loaded.reference.codec.name == "original"


def test_entries_are_named_by_their_components(protocol):
    assert [entry.id for entry in protocol().entries] == ["pos", "chrom"]


@pytest.mark.parametrize(
    ("old", "new", "place", "message", "hint"),
    [
        ("folds:", "fodls:", "6:1", "unknown key 'fodls' (did you mean 'folds'?)", None),
        ("seed: 0}", "sede: 0}", "6:38", "unknown key 'sede' (did you mean 'seed'?)", None),
        ("k: 2", "k: two", "6:35", "folds.k: Input should be a valid integer", None),
        ("{use: synthetic,", "{use: synthetik,", "5:16", "no dataset is called 'synthetik'", "'synthetic'"),
        ("duration_s: 10.0}", "duration: 10.0}", "5:40", "unknown parameter 'duration'", "rppgbench show synthetic"),
        ("preset: ultrafast", "presett: ultrafast", "10:19", "unknown parameter 'presett'", "rppgbench show x264"),
        ("method: chrom", "method: chorm", "18:14", "no method is called 'chorm'", "did you mean 'chrom'"),
        ("[hr_mae_bpm, snr_db]", "[hr_mae_bpm, snr_bd]", "14:25", "no metric is called 'snr_bd'", "'snr_db'"),
        ("[250, 60]", "[]", "10:7", "sweep over 'bitrate_kbps' has no values", None),
        ("[250, 60]", "[60, 60]", "8:3", "condition 'x264-60k' stands there twice", "keep one"),
        ("name: tiny", "name: tiny\nname: tiny", "3:1", "duplicate key", "keep one"),
        ("rppgbench: 1\n", "", "1:1", "key 'rppgbench' is missing", None),
        ("rppgbench: 1", "rppgbench: 2", "1:12", "Input should be 1", None),
        ("primary: hr_mae_bpm", "primary: hr_r", "13:3", "primary metric 'hr_r' is not among the metrics", None),
        ("clips: {", "clips: {face: {detector: dlib}, ", "11:26", "no face detector is called 'dlib'", "lbp_frontal"),
        ("entries:", "  comparisons: [{of: chrom, against: poss}]\nentries:", "16:17", "no entry 'poss'", "'pos'"),
        ("entries:", "  comparisons: [{of: chrom, to: pos}]\nentries:", "16:29", "unknown key 'to'", None),
        ("version: 1", "version: [", "", "", "YAML 1.2"),
    ],
)  # fmt: skip
def test_an_error_has_its_place_and_the_nearest_name(protocol, text, old, new, place, message, hint):
    assert old in text
    with pytest.raises(ProtocolError) as caught:
        protocol(text.replace(old, new, 1))
    assert f"tiny.yaml:{place}" in caught.value.message
    assert message in caught.value.message
    assert hint is None or hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("length_s: 10.0", "length_s: .inf", "clips.length_s: Input should be a finite number"),
        ("fps_hz: 30.0", "fps_hz: 8", "clips.fps_hz is 8: rates up to 4 Hz need more than twice it"),
        ("length_s: 10.0", "length_s: 3", "clips.length_s is 3: rates from 0.7 Hz need 5.7 s"),
        ("clips: {", "clips: {size: [0, 128], ", "clips.size.0: Input should be greater than or equal to 1"),
        ("[250, 60]", "[.inf]", "bitrate_kbps: Input should be a finite number"),
        ("  primary:", "  joined_windows_s: [25]\n  primary:", "25 s is not two or more windows of clips.length_s"),
        ("  primary:", "  joined_windows_s: [10]\n  primary:", "10 s is not two or more windows of clips.length_s"),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(protocol, text, old, new, message):
    with pytest.raises(ProtocolError) as caught:
        protocol(text.replace(old, new, 1))
    assert message in caught.value.message


@pytest.mark.parametrize("seeds", ["[-1]", "[a]", "[]"])
def test_an_invalid_item_is_reported_once_and_not_as_a_short_list(protocol, text, seeds):
    with pytest.raises(ProtocolError) as caught:
        protocol(text.replace("entries:", f"training: {{methods_learn_from: reference, seeds: {seeds}}}\nentries:", 1))
    (line,) = caught.value.message.splitlines()
    assert ("at least 1 item" in line) == (seeds == "[]")


def test_every_swept_param_is_in_the_condition_id(protocol, text):
    swept = text.replace("preset: ultrafast, sweep: {", "sweep: {preset: [ultrafast, fast], ")
    names = [condition.id for condition in protocol(swept).conditions]
    assert names[1:] == [f"x264-{k}k-preset={preset}" for preset in ("ultrafast", "fast") for k in (250, 60)]


@pytest.mark.parametrize(
    ("spec", "objection"),
    [
        (MethodSpec(name="m", factory="a:B", input="trace", summary="", fps_hz=20.0), "demands fps_hz 20.0"),
        (MethodSpec(name="m", factory="a:B", input="video", summary="", frames=64), "the clips have 300"),
        (MethodSpec(name="m", factory="a:B", input="trace", summary="", learns=True), "are no rppgbench.learning."),
        (MethodSpec(name="m", factory="a:B", input="trace", summary="", pretrained_on=("synthetic",)), "that saw"),
        (EnhancerSpec(name="e", factory="a:B", summary="", learns=True), "are no rppgbench.learning."),
        (MethodSpec(name="m", factory="a:B", input="trace", summary="", fps_hz=30.0, frames=300), None),
    ],
)  # fmt: skip
def test_a_component_that_does_not_fit_the_protocol_is_refused(text, tmp_path, spec, objection):
    path = tmp_path / "tiny.yaml"
    path.write_text(text)
    found = list(objections(spec, ProtocolFile.model_validate(read_yaml(path).tree)))
    assert (objection is None and not found) or objection in found[0]


def test_the_digest_changes_with_the_meaning_and_with_nothing_else(protocol, text):
    digest = protocol().digest
    assert protocol("# a comment\n" + text.replace("A protocol to spoil", "Another title")).digest == digest
    assert protocol(text.replace("  - {method: chrom}\n", "")).digest == digest, "entries are outside the digest"
    assert protocol(text.replace("clips: {", "clips: {size: [128, 128], ")).digest == digest, "a default, spelt out"
    compared = text.replace("entries:", "  comparisons: [{of: chrom, against: pos}]\nentries:")
    assert protocol(compared).digest != digest, "what is compared was asked beforehand, or it is another question"
    more = compared.replace("against: pos}", "against: pos}, {of: chrom, against: pos, conditions: each}")
    assert protocol(more).digest not in (digest, protocol(compared).digest)
    assert "comparisons" not in protocol().resolved()["evaluation"], "older digests stay what they are"
    joined = text.replace("  primary:", "  joined_windows_s: [20]\n  primary:")
    assert protocol(joined).digest != digest
    for old, new in [("seed: 0", "seed: 1"), ("60]", "61]"), ("length_s: 10.0", "length_s: 9.0"), ("0.7", "0.65")]:
        assert protocol(text.replace(old, new)).digest != digest


def test_yaml_1_2_reads_no_as_a_word_and_octal_as_a_number(protocol, text):
    assert protocol(text.replace("title: A protocol to spoil", "title: no")).title == "no"


@pytest.mark.parametrize("path", builtin_protocols().values(), ids=lambda path: path.stem)
def test_every_protocol_that_comes_along_loads_and_is_named_after_its_file(path):
    loaded = load_protocol(path, load_registry())
    assert loaded.name == path.stem


def test_a_protocol_is_found_by_name_and_a_typo_is_answered():
    assert find_protocol("smoke") == builtin_protocols()["smoke"]
    with pytest.raises(ProtocolError) as caught:
        find_protocol("smok")
    assert caught.value.hint == "did you mean 'smoke'?"


def test_a_missing_file_is_answered_with_its_neighbour(tmp_path):
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(ProtocolError) as caught:
        find_protocol(str(tmp_path / "mien.yaml"))
    assert caught.value.hint == "did you mean 'mine.yaml'?"


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "video.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProtocolError, match="not UTF-8"):
        load_protocol(path, load_registry())
