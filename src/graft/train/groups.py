"""What a stage thaws: which parameters train, and at what share of the stage's rate.

`Stage.unfrozen` alone decides. Whatever lies below the cut stays frozen, with everything that a frozen block reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from graft.backbone.families import Family
from graft.backbone.model import HEAD, Backbone
from graft.records import Stage
from graft.train.weights import Group

ABOVE = ("pooler.", "decoder.", "lm_head.")  # parts of a base model that belong to the head


def cut_of(stage: Stage, blocks: int) -> int:
    """How many blocks lie below the stage's cut."""
    return 0 if stage.unfrozen == "all" else blocks - stage.unfrozen


def groups(backbone: Backbone, stage: Stage) -> list[Group]:
    """Parameter groups of a stage: per level (head, blocks from the top, embeddings) with and without weight decay."""
    settings = stage.optimiser
    blocks = backbone.record.blocks
    cut = cut_of(stage, blocks)
    assert not backbone.family.shared or cut in (0, blocks), "shared blocks thaw together"
    found: list[Group] = []
    for level, names in levels(backbone.model, backbone.family, blocks):
        if not _thawed(level, cut, stage) or _reach(backbone) < level <= blocks:
            continue
        if level > blocks:
            scale = (settings.head_lr or settings.lr) / settings.lr
            names = _used_head(names, backbone)
        else:
            scale = settings.layer_decay ** (blocks - level)
        found.extend(_by_decay(backbone.model, names, scale, settings.weight_decay))
    return found


def _reach(backbone: Backbone) -> int:
    """The highest block that the head reads through; those above would only decay."""
    head = getattr(backbone.model, HEAD, None)
    return backbone.record.blocks if head is None else int(head.depth)


def _used_head(names: list[str], backbone: Backbone) -> list[str]:
    """A pooled head takes the native one's place, which then stays as it was."""
    return [name for name in names if name.startswith(f"{HEAD}.")] if hasattr(backbone.model, HEAD) else names


def trains(name: str, backbone: Backbone, stage: Stage) -> bool:
    """Whether the module or parameter of this name trains in a stage."""
    blocks = backbone.record.blocks
    prefix = _prefix(backbone.model)
    return _thawed(_level(name, prefix, backbone.family, blocks), cut_of(stage, blocks), stage)


def _thawed(level: int, cut: int, stage: Stage) -> bool:
    return level > cut if level > 0 else stage.unfrozen == "all"


def levels(model: nn.Module, family: Family, blocks: int) -> Iterator[tuple[int, list[str]]]:
    """Parameter names by level: blocks + 1 the head (with the pooler), blocks … 1 the blocks (the final norm with the
    last), 0 all that lies below them."""
    prefix = _prefix(model)
    by_level: dict[int, list[str]] = {level: [] for level in range(blocks + 1, -1, -1)}
    for name, _ in model.named_parameters():
        by_level[_level(name, prefix, family, blocks)].append(name)
    for level, names in by_level.items():
        if names:
            yield level, names


def _prefix(model: nn.Module) -> str:
    """What the names of the base model's parameters begin with; "" where the model is its own base, as T5 is with its
    language model's head."""
    return "" if getattr(model, "base_model", None) is model else getattr(model, "base_model_prefix", "")


def _level(name: str, prefix: str, family: Family, blocks: int) -> int:
    within, _, rest = name.partition(".") if prefix else ("", "", name)
    if within != prefix or f"{rest}.".startswith(ABOVE):
        return blocks + 1
    address = family.blocks + "."
    if rest.startswith(address):
        return blocks if family.shared else int(rest.removeprefix(address).split(".")[0]) + 1
    return blocks if family.norm and f"{rest}.".startswith(family.norm + ".") else 0


def _by_decay(model: nn.Module, names: list[str], scale: float, weight_decay: float) -> Iterator[Group]:
    """Biases and norms are not decayed."""
    shapes = {name: parameter.dim() for name, parameter in model.named_parameters()}
    decayed = tuple(name for name in names if shapes[name] > 1)
    plain = tuple(name for name in names if shapes[name] <= 1)
    if decayed:
        yield Group(decayed, scale, weight_decay)
    if plain:
        yield Group(plain, scale, 0.0)
