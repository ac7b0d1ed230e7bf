"""Rendered cohorts: where their faces come from."""

from __future__ import annotations

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import UnknownName
from rppgbench.registry import Registry, load_registry
from rppgbench.testing.rendered_cohort import COHORT_PARAMS, cohort_spec


def test_the_installed_cohort_takes_the_params_of_one() -> None:
    spec = cohort_spec(load_registry())
    assert not spec.needs_files
    assert set(COHORT_PARAMS) <= set(spec.params.model_fields)


def test_without_a_dataset_that_renders_the_error_says_so() -> None:
    class Plugin:
        @staticmethod
        def rppgbench_datasets() -> list[DatasetSpec]:
            return [DatasetSpec(name="filed", factory="nowhere:Filed", summary="files")]

    for registry in (Registry(), Registry.from_plugins(other=Plugin)):
        with pytest.raises(UnknownName, match="no dataset that renders faces"):
            cohort_spec(registry)
