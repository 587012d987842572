"""How many tokens of a step go through the model at once, where memory is limited beforehand.

A process that grows beyond its control group's limit is killed, and nothing can be caught. So the batch is planned: a
step with more tokens is done in parts, with the same gradients.
"""

from __future__ import annotations

from graft import machine
from graft.backbone.heads import PairedHead
from graft.backbone.model import HEAD
from graft.records import Stage
from graft.train.groups import cut_of
from graft.train.material import Material
from graft.train.weights import FlatWeights

SHARE = 0.8  # of the limit that is planned with; the rest is for what no plan knows of


def planned(material: Material, stage: Stage, weights: FlatWeights) -> tuple[int, str]:
    """Padded tokens per forward pass, and why so few where they are fewer than the recipe's; at least one text."""
    limit = machine.memory_limit() if material.machine.device == "cpu" else None
    wanted = stage.batches.tokens
    decoder = material.backbone.reads == "decoder"
    if limit is None or (stage.unfrozen == 0 and not decoder):  # a head alone needs next to nothing
        return wanted, ""
    apart = isinstance(getattr(material.backbone.model, HEAD, None), PairedHead)
    longest = max(int(material.train.feed().widths(apart).max(initial=1)), 1)
    moments = 8 * sum(flat.numel() for flat in weights.flat)  # Adam's two, which come with the first step
    room = int(SHARE * limit) - machine.resident_memory() - moments
    tokens = max(room // per_token(material, stage, longest), longest)
    if tokens >= wanted:
        return wanted, ""
    return tokens, f"in parts of {tokens:,} tokens: {limit / 2**30:.1f} GiB of memory are allowed"


def per_token(material: Material, stage: Stage, longest: int) -> int:
    """Bytes that a token's activations take until the backward pass, at most.

    34 bytes per block and unit of width in 16 bits, and 5 per attention head and token attended to: Korthikanti et al.
    2022, "Reducing Activation Recomputation in Large Transformer Models", section 4. Twice that in fp32.
    """
    record = material.backbone.record
    config = material.backbone.model.config
    heads = int(getattr(config, "num_attention_heads", None) or max(record.width // 64, 1))
    decoders = int(getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", None) or 0)
    blocks = max(record.blocks - cut_of(stage, record.blocks), 1)
    blocks += 2 * decoders if material.backbone.reads == "decoder" else 0  # they attend to both sides
    sixteen = blocks * (34 * record.width + 5 * heads * longest)
    return sixteen if material.machine.precision == "bf16" else 2 * sixteen
