"""Models of a claims file: its keys, their types and meanings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rppgbench.protocol.protocol_file import Frozen

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
# One value, or a list of alternatives; null is a value: "has none".
AnyOf = str | None | list[str | None]

Direction = Literal["lower", "higher"]
Role = Literal["decides", "guards", "shows"]


class EntrySelector(Frozen):
    """Selector of entries by columns of the results; a key that is not given matches every value.

    ``learnt_codecs`` are the codecs that the enhancer learnt from, comma-joined in alphabetical order; the other keys
    are columns of the results. Only the ``params`` named must be equal.
    """

    method: AnyOf = None
    enhancer: AnyOf = None
    train: AnyOf = None
    methods_learn_from: AnyOf = None
    enhancers_learn_from: AnyOf = None
    learnt_codecs: AnyOf = None
    params: dict[Literal["method", "enhancer"], dict[str, Any]] = Field(default_factory=dict)

    def __str__(self) -> str:
        """Text in the style of a board: ``stven + rppgnet(ablation=full) [train separate]``."""
        given = {key: getattr(self, key) for key in type(self).model_fields if key in self.model_fields_set}
        named = {kind: _listed(given.pop(kind)) for kind in ("enhancer", "method") if given.get(kind)}
        given.pop("enhancer", None)
        for kind, wanted in given.pop("params", {}).items():
            named[kind] = f"{named.get(kind, kind)}({', '.join(f'{key}={value}' for key, value in wanted.items())})"
        notes = [f"{key} {_listed(value)}" for key, value in given.items()]
        return " + ".join(named.values()) + (f" [{', '.join(notes)}]" if notes else "")


class ConditionSelector(Frozen):
    """Selector of conditions. ``condition_learnt`` and ``codec_learnt``: whether the enhancer learnt from it."""

    condition: AnyOf = None
    codec: AnyOf = None
    reference: bool | None = None
    condition_learnt: bool | None = None
    codec_learnt: bool | None = None

    def __str__(self) -> str:
        given = self.model_dump(include=self.model_fields_set)
        words = {"reference": ("the reference", "compressed")}
        words |= {f"{x}_learnt": (f"{x}s learnt from", f"{x}s not learnt from") for x in ("condition", "codec")}
        named = [words[key][not value] if key in words else f"{key} {_listed(value)}" for key, value in given.items()]
        return ", ".join(named) or "all conditions"


class Part(Frozen):
    """Contrasts that one sentence of a claim makes, paired by subject.

    Every name in ``of`` is contrasted with every name in ``against``, or taken by itself without any, once for each
    group of conditions in ``each``.
    """

    measure: Literal["error", "snr", "psnr_gain", "psnr_flicker"]
    of: Names
    against: Names | None = None
    over: Annotated[
        Literal["mean", "halving", "steps"],
        Field(
            description="mean over the conditions; change a halving of the bitrate; or from each rate to the next lower"
        ),
    ] = "mean"
    where: ConditionSelector = ConditionSelector()
    each: Annotated[
        dict[Literal["codec", "bitrate_kbps", "condition"], tuple[str | float, ...] | Literal["any"]],
        Field(
            default_factory=dict,
            max_length=1,
            description="groups of conditions, by name so that a missing one is noticed, or any",
        ),
    ]
    claimed: Direction
    role: Annotated[
        Role,
        Field(description="decides: must be so; guards: must not be the opposite; shows: for the reader alone"),
    ] = "decides"

    @model_validator(mode="before")
    @classmethod
    def _single_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        listed = {key: [value[key]] for key in ("of", "against") if isinstance(value.get(key), str)}
        return {**value, **listed}

    @model_validator(mode="after")
    def _check_consistency(self) -> Part:
        if self.measure in ("error", "snr") and self.over == "mean" and self.against is None:
            raise ValueError(f"the mean {self.measure} of one entry says nothing by itself: say against what")
        if self.over != "mean" and self.each.keys() & {"bitrate_kbps", "condition"}:
            raise ValueError(f"over: {self.over} needs several bitrates, and each: {next(iter(self.each))} parts them")
        return self


class Claim(Frozen):
    """Claim of a paper, supported when all its parts are.

    ``unjudged`` is the reason why no results can be evidence for or against it.
    """

    id: Name
    text: str
    source: str = ""
    parts: tuple[Part, ...] = ()
    unjudged: str = ""

    @model_validator(mode="after")
    def _parts_or_a_reason(self) -> Claim:
        if bool(self.parts) == bool(self.unjudged):
            raise ValueError("expected either parts or, in unjudged, why there are none")
        if self.parts and all(part.role != "decides" for part in self.parts):
            raise ValueError("no part decides: the claim could not come out either way")
        return self


class DecisionRules(Frozen):
    """Decision rules, declared before any contrast is computed."""

    alpha: Annotated[float, Field(gt=0, lt=0.5, description="chance of any wrong verdict on these networks")] = 0.05
    level: Annotated[float, Field(gt=0, lt=1, description="coverage aimed at by the intervals")] = 0.95
    bootstrap: Annotated[int, Field(ge=100, description="draws of subjects")] = 10_000
    seed: int = 0
    error_floor_bpm: Annotated[
        float, Field(gt=0, description="added to a subject's mean absolute error before logarithms are taken")
    ] = 0.5


class ClaimsFile(Frozen):
    """A claims file as written."""

    rppgbench_claims: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    cite: str = ""
    rules: DecisionRules = DecisionRules()
    entries: dict[Name, EntrySelector]
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]


def _listed(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    return " or ".join("none" if one is None else str(one) for one in values)
