"""A plugin for tests of the pipeline: learners of a handful of weights, and a codec whose error is known."""

from __future__ import annotations

from rppgbench.contracts import CodecSpec, EnhancerSpec, MethodSpec, Params
from rppgbench.hookspecs import hookimpl
from rppgbench.learning.recipe import JointRecipe, LearnerParams, Recipe

# As they are named on a board, and as they are written.
ENTRIES = {
    "green": "{method: green}",
    "rate": "{method: rate}",
    "pulse": "{method: pulse}",
    "masked": "{method: masked}",
    "drift": "{method: drift}",
    "pulse [method from condition]": "{method: pulse, methods_learn_from: condition}",
    "pulse [method from all]": "{method: pulse, methods_learn_from: all}",
    "same + green": "{enhancer: same, method: green}",
    "same + pulse": "{enhancer: same, method: pulse}",
    "mixer + green": "{enhancer: mixer, method: green}",
    "mixer + pulse": "{enhancer: mixer, method: pulse}",
    "mixer + pulse [joint]": "{enhancer: mixer, method: pulse, train: joint}",
}


class TinyParams(LearnerParams):
    def recipe(self) -> Recipe:
        return Recipe(iterations=3, batch=2, frames=16, learning_rate=0.01)

    def joint_recipe(self) -> JointRecipe:
        return JointRecipe(iterations=2, batch=2, frames=16, learning_rate=0.01)


class BrighterParams(Params):
    levels: int


@hookimpl
def rppgbench_methods():
    networks = {"pulse": "Pulse", "masked": "Masked", "drift": "Drift"}
    for name, factory in networks.items():
        yield MethodSpec(
            name=name, factory=f"tiny_networks:{factory}", input="video", learns=True, skin_labels=name == "masked",
            params=TinyParams, summary="",
        )  # fmt: skip


@hookimpl
def rppgbench_enhancers():
    yield EnhancerSpec(name="same", factory="tiny_networks:Same", control=True, summary="")
    yield EnhancerSpec(
        name="mixer", factory="tiny_networks:Mixer", learns=True, pairs=True, conditional=True, params=TinyParams,
        summary="",
    )  # fmt: skip


@hookimpl
def rppgbench_codecs():
    yield CodecSpec(
        name="brighter", factory="tiny_networks:Brighter", params=BrighterParams, summary="", encoder="brighter",
        label="brighter-{levels}",
    )  # fmt: skip
