"""Pydantic models of a protocol file; docs/protocols.md explains the keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rppgbench.contracts import AS_RECORDED
from rppgbench.evaluation.family import Comparison
from rppgbench.signal.heart_rate import PERIODS_NEEDED, HeartRateSettings


class Frozen(BaseModel):
    """Base of the models: immutable, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Component(BaseModel):
    """A component by name, its params beside the name: ``{use: x264, preset: superfast}`` or ``x264``."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class GridItem(Component):
    """A codec swept over values of one or more params: each combination is a condition."""

    sweep: dict[str, list[Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_sweep(self) -> GridItem:
        for name, values in self.sweep.items():
            if not values:
                raise ValueError(f"sweep over {name!r} has no values")
            if name in self.params:
                raise ValueError(f"{name!r} is both given and swept")
        return self


class Folds(Frozen):
    """Test subjects of each fold: ``k`` folds dealt out by a hash, given lists of subjects, or one subject a fold."""

    scheme: Literal["subject_kfold", "subject_lists", "leave_one_subject_out"] = "subject_kfold"
    k: Annotated[int | None, Field(ge=2, description="number of folds")] = None
    seed: int = 0
    lists: Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] | None, Field(min_length=2)] = None

    @model_validator(mode="after")
    def _check_scheme_keys(self) -> Folds:
        for key, of in (("k", "subject_kfold"), ("lists", "subject_lists")):
            given = getattr(self, key) is not None
            if given != (self.scheme == of):
                raise ValueError(f"scheme {self.scheme!r} {'takes no' if given else 'needs'} {key!r}")
        named = [subject for subjects in self.lists or () for subject in subjects]
        twice = sorted({subject for subject in named if named.count(subject) > 1})
        if twice:
            raise ValueError(f"subjects stand in the lists twice: {', '.join(twice)}")
        return self

    def described(self) -> dict[str, Any]:
        """The keys that the scheme uses, as plain data for the digest."""
        keys = {"subject_kfold": ("k", "seed"), "subject_lists": ("lists",)}.get(self.scheme, ())
        return self.model_dump(mode="json", include={"scheme", *keys})


class Conditions(Frozen):
    reference: Component = Component(use=AS_RECORDED)
    grid: tuple[GridItem, ...] = ()


class Face(Frozen):
    """Face detection. One box per recording, found on the reference video, serves all conditions."""

    detector: str = "lbp_frontal"
    every_s: Annotated[float, Field(gt=0, description="seconds between detections")] = 1.0
    boxes_from: Literal["reference"] = "reference"
    margin: Annotated[float, Field(ge=0, le=1, description="added on every side, as a share of the box")] = 0.25


class Skin(Frozen):
    threshold: Annotated[float, Field(gt=0, lt=1, description="probability above which a pixel is skin")] = 0.3


class Clips(Frozen):
    """Consecutive windows of ``length_s`` at ``fps_hz``, and the face clips cut from them."""

    length_s: Annotated[float, Field(gt=0)] = 30.0
    fps_hz: Annotated[float, Field(gt=0)] = 30.0
    size: Annotated[
        tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
        Field(description="height, width of a face clip in pixels"),
    ] = (128, 128)
    face: Face = Face()
    skin: Skin = Skin()


# Training conditions: "all", for methods also "reference" or "condition", or names of conditions and of codecs (all
# their conditions). Enhancers are trained on pairs of compressed and reference clips.
LearnFrom = str | Annotated[tuple[str, ...], Field(min_length=1)]


class Training(Frozen):
    """Training conditions and seeds of the learners; only training subjects of a fold are used.

    ``condition`` trains one method per tested condition on that condition; ``all`` trains one on all conditions, the
    reference included. An entry may override this, which its id shows. ``conditions`` are for training only. With
    ``methods_learn_on`` or ``enhancers_learn_on`` the training set is all subjects of another dataset.
    """

    methods_learn_from: LearnFrom = "reference"
    enhancers_learn_from: LearnFrom = "all"
    select: Annotated[Literal["last"], Field(description="which weights are kept: the last")] = "last"
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=2**31)], ...],
        Field(min_length=1, description="each learner is trained once a seed"),
    ] = (0,)
    methods_learn_on: Component | None = None
    enhancers_learn_on: Component | None = None
    conditions: tuple[GridItem, ...] = ()

    @model_validator(mode="after")
    def _check_seeds(self) -> Training:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} are not all different")
        return self


class Interval(Frozen):
    bootstrap: Annotated[int, Field(ge=100, description="number of draws")] = 10_000
    unit: Literal["subject"] = "subject"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: int = 0


class Evaluation(Frozen):
    heart_rate: HeartRateSettings = HeartRateSettings()
    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = ("hr_mae_bpm", "hr_rmse_bpm", "hr_r", "snr_db")
    primary: str = "hr_mae_bpm"
    interval: Interval = Interval()
    joined_windows_s: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...],
        Field(description="longer windows, made of consecutive ones, over which variability is derived as well"),
    ] = ()
    comparisons: Annotated[
        tuple[Comparison, ...], Field(description="the family of tests between entries; none: every pair, exploratory")
    ] = ()

    @model_validator(mode="after")
    def _check_primary(self) -> Evaluation:
        if self.primary not in self.metrics:
            raise ValueError(f"primary metric {self.primary!r} is not among the metrics {list(self.metrics)}")
        return self


class EntryComponent(Component):
    """A component of an entry. ``recipe`` overrides keys of the recipe that its params give."""

    recipe: dict[str, Any] = Field(default_factory=dict)


class Entry(Frozen):
    """One entry: a method, behind an enhancer or none.

    ``train: joint`` continues the enhancer's training in front of the frozen method once both are trained; ``joint``
    overrides keys of that recipe.
    """

    method: EntryComponent
    enhancer: EntryComponent | None = None
    train: Literal["separate", "joint"] = "separate"
    joint: dict[str, Any] = Field(default_factory=dict)
    methods_learn_from: LearnFrom | None = None
    enhancers_learn_from: LearnFrom | None = None


class ProtocolFile(Frozen):
    """A protocol file as written; `rppgbench.protocol.resolve.load_protocol` makes a ``Protocol`` of it."""

    rppgbench: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Annotated[int, Field(ge=1)]
    title: str
    cite: str = ""
    dataset: Component
    folds: Folds
    conditions: Conditions
    clips: Clips = Clips()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    entries: Annotated[tuple[Entry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_clips(self) -> ProtocolFile:
        low_hz, high_hz = self.evaluation.heart_rate.band_hz
        if self.clips.fps_hz <= 2 * high_hz:
            raise ValueError(
                f"clips.fps_hz is {self.clips.fps_hz:g}: rates up to {high_hz:g} Hz need more than twice it"
            )
        if self.clips.length_s < PERIODS_NEEDED / low_hz:
            raise ValueError(
                f"clips.length_s is {self.clips.length_s:g}: "
                f"rates from {low_hz:g} Hz need {PERIODS_NEEDED / low_hz:.1f} s"
            )
        return self
