"""All that shapes the states of a frozen backbone besides a row's tokens, by name: the key of what is kept of it."""

from __future__ import annotations

import hashlib
import json
import zlib

import torch
import transformers
from torch import Tensor

from graft.backbone.model import Backbone
from graft.records import MachineRecord

OF_THE_TASK = {"id2label", "label2id", "problem_type", "num_labels", "_name_or_path", "architectures"}
OF_THE_HEAD = "pooler."


def fields(backbone: Backbone, machine: MachineRecord, dtype: torch.dtype, attention: str) -> dict[str, str]:
    """Weights (their file's digest, and what is in memory now), configuration, libraries, device, dtype, attention.

    Not among them: how rows were batched. A row's states can differ in their last bits with the batch that it was
    computed in; what is kept is what was computed first.
    """
    config = {name: value for name, value in backbone.model.config.to_dict().items() if name not in OF_THE_TASK}
    return {
        "weights": backbone.record.digest,
        "in memory": fingerprint(backbone),
        "config": hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest(),
        "libraries": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "device": f"{machine.device}, {machine.name}",
        "dtype": str(dtype).removeprefix("torch."),
        "attention": attention,
    }


@torch.no_grad()
def fingerprint(backbone: Backbone) -> str:
    """A digest of the backbone's weights as they are in memory: any one changed bit changes it.

    Of each tensor its name, its shape and a checksum, which is nearly as fast as memory is read. It tells apart weights
    that were changed after loading (trained, or random from the start) from those of the file.
    """
    base = backbone.model.base_model
    named = {**dict(base.named_parameters()), **dict(base.named_buffers())}
    sums = [(name, list(one.shape), _sum(one)) for name, one in named.items() if not name.startswith(OF_THE_HEAD)]
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _sum(tensor: Tensor) -> int:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data) if flat.numel() else 0
