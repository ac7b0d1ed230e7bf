"""Components with their trained weights, on the device of their task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rppgbench.contracts import FittedMethod
from rppgbench.learning.recipe import LearnerParams, NetworkCost
from rppgbench.pipeline.stage_context import StageContext
from rppgbench.pipeline.stage_settings import ComponentSettings, StageSettings

if TYPE_CHECKING:
    import torch

    from rppgbench.protocol.resolved_component import ResolvedComponent

WEIGHTS = "state.safetensors"


def load_component(context: StageContext[StageSettings], settings: ComponentSettings) -> Any:
    """Method or enhancer, with the weights in the input "<kind> state" if there is one."""
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


def torch_device(context: StageContext[StageSettings]) -> torch.device:
    """Device of the task's kind on this machine; the worker's own if it is of the kind.

    Raises:
        TrainingFailed: there is no such device here.
    """
    from rppgbench.learning.reproducibility import find_device

    kind = context.settings.device or "cpu"
    return find_device(context.device if context.device.partition(":")[0] == kind else kind)


def network_cost(component: ResolvedComponent) -> NetworkCost:
    """Cost of a network by its learner's params; that of a small network for other params."""
    return component.params.cost() if isinstance(component.params, LearnerParams) else NetworkCost()
