"""Sessions of MAHNOB-HCI: the published ones, and the ``session.xml`` of one."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rppgbench_datasets.layout import renamed
from rppgbench_datasets.presence import Unusable

# The frames that are scored: the first, and one past the last.
PART = (306, 2136)

PARTICIPANTS = (*range(1, 12), 13, 14, *range(16, 26), *range(27, 31))
_TRIALS = 20
_FEWER_TRIALS = {3: 17, 9: 14, 16: 16}
_TAGGERS = tuple(sorted((*PARTICIPANTS, 12, 26)))
_TAGGINGS = 28
# A participant's ids start at 130 (p - 1); each kind of tagging session has a stretch of its own in them.
_IDS_EACH = 130
_TAGGING_STARTS = (41, 71, 101)

_STEM = re.compile(r"Part_(\d+)_S_Trial(\d+)_emotion\.bdf", re.IGNORECASE)


@dataclass(frozen=True)
class Stimulus:
    """A session in which a participant watched an emotional film: ``trial`` counts from 1."""

    participant: int
    trial: int

    @property
    def id(self) -> str:
        return str(_IDS_EACH * (self.participant - 1) + 2 * self.trial)

    @property
    def subject(self) -> str:
        return f"P{self.participant}"

    @property
    def section(self) -> int:
        """Number at the end of the video's name."""
        return 2 * self.trial

    @property
    def bdf_name(self) -> str:
        return f"Part_{self.participant}_S_Trial{self.trial}_emotion.bdf"


def stimuli() -> list[Stimulus]:
    """The 527 sessions of Li et al. (CVPR 2014) and of all who report "527 videos of 27 subjects", by id."""
    return [
        Stimulus(participant, trial)
        for participant in PARTICIPANTS
        for trial in range(1, _FEWER_TRIALS.get(participant, _TRIALS) + 1)
    ]


def other_ids() -> frozenset[str]:
    """Ids of the 2,963 other published sessions: a neutral one before each stimulus, and three kinds of tagging."""
    neutral = {int(stimulus.id) - 1 for stimulus in stimuli()}
    tagging = {
        _IDS_EACH * (participant - 1) + start + trial
        for participant in _TAGGERS
        for start in _TAGGING_STARTS
        for trial in range(1, _TAGGINGS + 1)
    }
    return frozenset(map(str, neutral | tagging))


@dataclass(frozen=True)
class SessionFile:
    """Content of the ``session.xml`` at ``path`` of a stimulus session."""

    path: Path
    video: Path
    bdf: Path
    video_hz: float
    attributes: Mapping[str, str]


def read_session(folder: Path, stimulus: Stimulus) -> SessionFile:
    """Content of the ``session.xml`` in ``folder``, which must be that of ``stimulus``.

    Raises:
        Unusable: it is missing or no XML, lacks an attribute or a track, describes another session, or names a video or
            a BDF that is not there.
    """
    path = folder / "session.xml"
    if not folder.is_dir():
        # No near name: that of every other session is one digit away.
        raise Unusable(folder, "no such folder", "copy the session")
    _demand(path, lambda _: False)
    root = _parsed(path)
    found = root.get("sessionId", stimulus.id)
    if found != stimulus.id:
        raise Unusable(path, f"is of session {found}, expected {stimulus.id}", "was its folder renamed?")
    own_files = {path, *(folder / track.get("filename", "") for track in root.iter("track"))}
    bdf = _track(path, root, "physiology", {"type": "Physiological"})
    stem = _STEM.fullmatch(bdf)
    if stem is None or (int(stem[1]), int(stem[2])) != (stimulus.participant, stimulus.trial):
        raise Unusable(path, f"names {bdf}, expected {stimulus.bdf_name}", "was its folder renamed?")
    video = _track(path, root, "the colour camera", {"type": "Video", "color": "1"})
    _demand(folder / bdf, own_files.__contains__)
    _demand(folder / video, own_files.__contains__)
    return SessionFile(
        path=path,
        video=folder / video,
        bdf=folder / bdf,
        video_hz=_rate_hz(path, root),
        attributes=dict(root.attrib),
    )


def _demand(path: Path, belongs: Callable[[Path], bool]) -> None:
    if not path.exists():
        raise Unusable(path, "no such file", renamed(path, belongs) or "copy the session again")
    if path.is_file() and not path.stat().st_size:
        raise Unusable(path, "is empty (0 bytes)", "copy the session again")


def _parsed(path: Path) -> ET.Element:
    try:
        return ET.parse(path).getroot()
    except ET.ParseError as error:
        raise Unusable(path, f"is no XML ({error})", "copy the session again") from None
    except OSError as error:
        raise Unusable(path, f"cannot be read ({error.strerror})", "check its permissions") from None


def _rate_hz(path: Path, root: ET.Element) -> float:
    text = root.get("vidRate")
    if text is None:
        raise Unusable(path, "has no attribute vidRate, the video's frame rate", "copy the session again")
    try:
        rate_hz = float(text)
    except ValueError:
        rate_hz = math.nan
    if not 0 < rate_hz < math.inf:
        raise Unusable(path, f"vidRate is {text!r}, expected a rate in Hz", "copy the session again")
    return rate_hz


def _track(path: Path, root: ET.Element, of: str, wanted: Mapping[str, str]) -> str:
    """File name of the only track with the attributes ``wanted``."""
    tracks = [track for track in root.iter("track") if all(track.get(key) == wanted[key] for key in wanted)]
    names: Sequence[str] = [name for track in tracks if (name := track.get("filename"))]
    if len(names) != 1:
        what = " ".join(f'{key}="{value}"' for key, value in wanted.items())
        raise Unusable(path, f"has {len(names)} tracks of {of} ({what}), expected 1", "copy the session again")
    return names[0]
