"""Components with the weights they learnt, on the device of their task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rppgbench.contracts import FittedMethod
from rppgbench.learning.recipe import LearnerParams, NetworkCost
from rppgbench.pipeline.stage_context import StageContext
from rppgbench.pipeline.stage_settings import ComponentSettings

if TYPE_CHECKING:
    from rppgbench.protocol.resolved_component import ResolvedComponent

WEIGHTS = "state.safetensors"


def load_component(context: StageContext[Any], settings: ComponentSettings) -> Any:
    """Method or enhancer with the weights in the input "<kind> state", where there are any."""
    component = context.component(settings)
    state = f"{settings.kind} state"
    if not context.has_input(state):
        return component
    path = context.input(state) / WEIGHTS
    if isinstance(component, FittedMethod):
        from safetensors.numpy import load_file

        component.load(load_file(path))
        return component
    from safetensors.torch import load_file as load_tensors

    from rppgbench.learning.reproducibility import set_inference_mode

    set_inference_mode()
    component.module.load_state_dict(load_tensors(path))
    component.module.to(torch_device(context)).eval()
    return component


def torch_device(context: StageContext[Any]) -> Any:
    """Device of the task's kind on this machine; the worker's own where that is of the kind.

    Raises:
        TrainingFailed: there is no such device here.
    """
    from rppgbench.learning.reproducibility import find_device

    kind = context.settings.device or "cpu"
    return find_device(context.device if context.device.partition(":")[0] == kind else kind)


def network_cost(component: ResolvedComponent) -> NetworkCost:
    """Cost that a learner's params state of it; a small network's where they are no learner's."""
    return component.params.cost() if isinstance(component.params, LearnerParams) else NetworkCost()
