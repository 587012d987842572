"""A training step's passes through the model as CUDA graphs: launched as one, not as a thousand small kernels.

At the sizes of fine-tuning a GPU is done with most kernels before the processor has launched the next. So the forward
and backward passes over a shape of batch are recorded once it has come up a few times, and replayed from then on;
batches have widths in steps (`STEP`), so that few shapes come up. What a recording cannot hold (a model that looks at
its own numbers to decide what to do) runs as before. Source: "CUDA Graphs", https://pytorch.org/docs/stable/notes/cuda.html.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from graft.backbone.sums import as_products
from graft.machine import is_out_of_memory

STEP = 8  # tokens between two widths of a batch; products are fastest at multiples of it, too
FIRST = 2  # batches of a shape that run as they are; they warm up whatever the recording needs

Inputs = tuple[Tensor | None, ...]
Shape = tuple[torch.Size | None, ...]


@dataclass(frozen=True, slots=True)
class _Recording:
    """Both passes over one shape of batch, and where they read and write."""

    inputs: Inputs
    forward: torch.cuda.CUDAGraph
    output: Tensor
    gradient: Tensor  # of the output
    backward: torch.cuda.CUDAGraph
    trained: tuple[tuple[nn.Parameter, Tensor], ...]  # and where their gradients are


class StepGraphs:
    """The recordings of one working model. Only passes on a GPU that gradients are wanted of are recorded."""

    def __init__(self, module: nn.Module, raw: Callable[..., Tensor]) -> None:
        self._module = module
        self._raw = raw
        self._met: Counter[Shape] = Counter()
        self._recordings: dict[Shape, _Recording] = {}
        self._gradients: dict[nn.Parameter, Tensor] = {}  # shared by all recordings, as one is replayed at a time
        self._pool: Any = None  # the memory of all recordings, likewise
        self._may_record = True

    def outputs(self, *inputs: Tensor | None) -> Tensor:
        """What `raw` says of the inputs."""
        on_gpu = inputs[0] is not None and inputs[0].is_cuda
        if not (on_gpu and self._may_record and torch.is_grad_enabled()):
            return self._raw(*inputs)
        shape = tuple(None if tensor is None else tensor.shape for tensor in inputs)
        self._met[shape] += 1
        if self._met[shape] <= FIRST:
            return self._raw(*inputs)
        if shape not in self._recordings:
            try:
                self._recordings[shape] = self._record(inputs)
            except RuntimeError as error:
                self.forget()
                _start_random_numbers_anew()
                if is_out_of_memory(error):
                    raise
                return self._raw(*inputs)
        found = self._recordings[shape]
        replayed: Tensor = _Replay.apply(found, found.gradient.new_zeros((), requires_grad=True), *inputs)  # type: ignore[no-untyped-call]
        return replayed

    def forget(self) -> None:
        """Give up recording and what was recorded, memory included."""
        self._may_record = False
        self._recordings.clear()
        self._gradients.clear()

    def _record(self, inputs: Inputs) -> _Recording:
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        held = tuple(None if tensor is None else tensor.clone() for tensor in inputs)
        parameters = [parameter for parameter in self._module.parameters() if parameter.requires_grad]
        for parameter in parameters:
            if parameter not in self._gradients:
                self._gradients[parameter] = torch.zeros_like(parameter)
        forward, backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with _leaves_of(self._module) as leaves, as_products(self._module):
            with torch.cuda.graph(forward, pool=self._pool):
                output = self._raw(*held)
            gradient = torch.zeros_like(output)
            with torch.cuda.graph(backward, pool=self._pool):
                found = torch.autograd.grad(output, [leaves[p] for p in parameters], gradient, allow_unused=True)
                pairs = [(p, g) for p, g in zip(parameters, found, strict=True) if g is not None]
                torch._foreach_copy_([self._gradients[p] for p, _ in pairs], [g for _, g in pairs])
        trained = tuple((p, self._gradients[p]) for p, _ in pairs)
        return _Recording(held, forward, output.detach(), gradient, backward, trained)


@contextmanager
def _leaves_of(module: nn.Module) -> Iterator[dict[nn.Parameter, nn.Parameter]]:
    """Within this context a model computes with new parameters over the same memory: autograd waits for the stream in
    which a parameter was first computed with, and a recording must wait for none but its own."""
    own = [(part, name, p) for part in module.modules() for name, p in part.named_parameters(recurse=False)]
    leaves = {p: nn.Parameter(p.detach(), p.requires_grad) for _, _, p in own}
    try:
        for part, name, parameter in own:
            setattr(part, name, leaves[parameter])
        yield leaves
    finally:
        for part, name, parameter in own:
            setattr(part, name, parameter)


def _start_random_numbers_anew() -> None:
    """A recording that broke off leaves the generator waiting for its end."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    other = torch.Generator(generator.device)
    other.manual_seed(generator.initial_seed())
    generator.graphsafe_set_state(other.graphsafe_get_state())


class _Replay(torch.autograd.Function):
    """A recording in autograd's place. The gradients lie in the parameters' `.grad` afterwards, until the next one."""

    @staticmethod
    def forward(ctx: Any, recording: _Recording, anchor: Tensor, *inputs: Tensor | None) -> Tensor:  # noqa: ARG004
        for held, given in zip(recording.inputs, inputs, strict=True):
            if held is not None and given is not None:
                held.copy_(given)
        recording.forward.replay()
        ctx.recording = recording
        return recording.output.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        recording = ctx.recording
        recording.gradient.copy_(gradient)
        recording.backward.replay()
        for parameter, found in recording.trained:
            parameter.grad = found
        return (None,) * (2 + len(recording.inputs))
