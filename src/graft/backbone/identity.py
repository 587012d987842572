"""All that shapes a frozen backbone's states besides a row's tokens, by name: the key of what is kept of them.

The states after a block depend on nothing above it, so neither does their key: a model kept up to block k (`name@k`)
finds what the whole model left, and training the upper blocks leaves the states of the lower ones true.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib

import torch
import transformers
from torch import Tensor

from graft.backbone.model import Backbone
from graft.records import MachineRecord

OF_THE_TASK = {"id2label", "label2id", "problem_type", "num_labels", "_name_or_path", "architectures"}
OF_THE_DEPTH = {"num_hidden_layers", "n_layers", "n_layer", "num_layers", "layer_types"}
OF_THE_HEAD = "pooler."


class Identity:
    """What the states of one backbone depend on, as it is now in memory."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, dtype: torch.dtype, attention: str) -> None:
        config = backbone.model.config
        said = {name: value for name, value in config.to_dict().items() if name not in OF_THE_TASK | OF_THE_DEPTH}
        self._layers = list(getattr(config, "layer_types", None) or ())
        self._block = re.compile(re.escape(backbone.family.blocks) + r"\.(\d+)\.")
        self.sums = checksums(backbone)
        self._fields = {
            "weights": backbone.record.digest,
            "config": _digest(said),
            "libraries": f"torch {torch.__version__}, transformers {transformers.__version__}",
            "device": f"{machine.device}, {machine.name}",
            "dtype": str(dtype).removeprefix("torch."),
            "attention": attention,
        }

    def fields(self, depth: int) -> dict[str, str]:
        """The key of the states after `depth` blocks: weights (their file's, and those in memory), configuration,
        libraries, device, dtype, attention.

        Not among them: how rows were batched. A row's states can differ in their last bits with the batch that it was
        computed in; what is kept is what was computed first.
        """
        below = {name: found for name, found in self.sums.items() if not self._is_above(name, depth)}
        return self._fields | {"in memory": _digest([self._layers[:depth], below])}

    def _is_above(self, name: str, depth: int) -> bool:
        block = self._block.match(name)
        return block is not None and int(block[1]) >= depth


@torch.no_grad()
def checksums(backbone: Backbone) -> dict[str, tuple[list[int], int]]:
    """Shape and checksum of each of the backbone's tensors as they are in memory: any changed bit changes one.

    It tells weights that were changed after loading (trained, or random from the start) from those of the file, nearly
    as fast as memory is read.
    """
    base = backbone.model.base_model
    named = {**dict(base.named_parameters()), **dict(base.named_buffers())}
    return {name: (list(one.shape), _sum(one)) for name, one in named.items() if not name.startswith(OF_THE_HEAD)}


def _sum(tensor: Tensor) -> int:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data) if flat.numel() else 0


def _digest(made: object) -> str:
    return hashlib.sha256(json.dumps(made, sort_keys=True, default=str).encode()).hexdigest()
