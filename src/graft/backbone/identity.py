"""All that shapes a frozen backbone's states besides a row's tokens, by name: the key of what is kept of them.

The states after a block depend on nothing above it, so neither does their key: a model kept up to block k (`name@k`)
finds what the whole model left, and training the upper blocks leaves the states of the lower ones true.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import torch
import transformers
from torch import Tensor

from graft.backbone.model import Backbone
from graft.records import MachineRecord

OF_THE_TASK = {"id2label", "label2id", "problem_type", "num_labels", "_name_or_path", "architectures"}
OF_THE_DEPTH = {"num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "layer_types"}
OF_THE_HEAD = "pooler."

Sums = list[tuple[str, list[int], int]]


def fields(backbone: Backbone, machine: MachineRecord, dtype: torch.dtype, attention: str) -> dict[str, str]:
    """The weights' file, configuration, libraries, device, dtype, attention: all but the weights in memory (`below`)
    and what a configuration says block by block (`kinds_below`).

    Not among them: how many blocks stand above the one that is read, so that a model kept up to a block finds what the
    whole model left. Nor how rows were batched: a row's states can differ in their last bits with the batch that it was
    computed in; what is kept is what was computed first.
    """
    config = {
        name: value for name, value in backbone.model.config.to_dict().items() if name not in OF_THE_TASK | OF_THE_DEPTH
    }
    return {
        "weights": backbone.record.digest,
        "config": hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest(),
        "libraries": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "device": f"{machine.device}, {machine.name}",
        "dtype": str(dtype).removeprefix("torch."),
        "attention": attention,
    }


def kinds_below(backbone: Backbone, depth: int) -> dict[str, str]:
    """What each block up to there attends to, where the configuration tells it block by block."""
    listed = getattr(backbone.model.config, "layer_types", None)
    return {"blocks": ", ".join(map(str, listed[:depth]))} if listed else {}


@torch.no_grad()
def sums(backbone: Backbone) -> Sums:
    """Of each tensor of the backbone, as it is in memory, its name, its shape and a checksum, which is nearly as fast
    as memory is read. It tells apart weights that were changed after loading (trained, or random from the start) from
    those of the file."""
    base = backbone.model.base_model
    named = {**dict(base.named_parameters()), **dict(base.named_buffers())}
    kept = {name: one for name, one in named.items() if not name.startswith(OF_THE_HEAD)}
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # a long checksum lets other threads run
        found = pool.map(_sum, kept.values())
        return [(name, list(one.shape), value) for (name, one), value in zip(kept.items(), found, strict=True)]


def below(found: Sums, blocks: str, depth: int) -> str:
    """A digest of the tensors that states after `depth` blocks can depend on: any changed bit of one changes it.

    `blocks`: the address of the list of blocks; those from `depth` on stand above.
    """
    start = f"{blocks}."
    above = (name.startswith(start) and int(name[len(start) :].split(".")[0]) >= depth for name, _, _ in found)
    kept = [one for one, is_above in zip(found, above, strict=True) if not is_above]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _sum(tensor: Tensor) -> int:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data) if flat.numel() else 0
