"""Against section 4.1 of Yu et al., ICCV 2019."""

from __future__ import annotations

from rppgbench.learning.enhancer_recipes import ONE_CPU_CORE, PUBLISHED


def test_published_recipes_are_section_4_1() -> None:
    assert (PUBLISHED.alone.iterations, PUBLISHED.alone.learning_rate, PUBLISHED.alone.frames) == (20_000, 1e-4, 64)
    assert (PUBLISHED.joint.epochs, PUBLISHED.joint.learning_rate, PUBLISHED.joint.reconstruction) == (10, 1e-4, 1e-4)


def test_small_recipes_are_as_long_alone_as_joint() -> None:
    alone, joint = ONE_CPU_CORE.alone, ONE_CPU_CORE.joint
    assert (alone.iterations, alone.batch) == (joint.iterations, joint.batch)
