"""The model that a person takes away: an ordinary Hugging Face folder, written and read back.

With the native head it is complete. With a head of our own the folder holds the plain backbone, and the head lies
beside it in `graft_head.safetensors`, which graft reads. Where pairs are read apart, what the head reads of each text
is what sentence-transformers makes of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from graft import quiet
from graft.backbone.heads import OwnHead, PairedHead, PooledHead
from graft.backbone.model import HEAD, Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models.hub import Located
from graft.backbone.saved import HEAD_WEIGHTS, WEIGHTS, check
from graft.errors import RunError
from graft.files import digest_file
from graft.records import HeadRecord, Manifest
from graft.tasks.registry import task_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NOTHING: Mapping[str, float] = {}


def save(backbone: Backbone, folder: Path, limit: int, settled: Mapping[str, float] = NOTHING) -> dict[str, str]:
    """Write the model, its configuration and tokenizer into an empty folder; returns the sha256 of each file.

    `limit`: tokens that a text was cut to in training. The tokenizer is saved so that it cuts there, at the end, where
    it pads, too (whatever the backbone's own did), and so that special tokens within a text stay plain text. `settled`:
    thresholds and the like, which the configuration keeps as `graft_settled`.
    """
    head: OwnHead | None = getattr(backbone.model, HEAD, None)
    model = backbone.model if head is None else cast("PreTrainedModel", backbone.model.base_model)
    if settled:
        model.config.graft_settled = dict(settled)
    with quiet.MODELS:
        model.save_pretrained(folder, max_shard_size="100GB")
        backbone.tokenizer.save_pretrained(folder)
    if head is not None:
        save_file({name: tensor.contiguous() for name, tensor in head.state_dict().items()}, folder / HEAD_WEIGHTS)
    if isinstance(head, PairedHead) and not backbone.model.config.is_encoder_decoder:
        _describe_embedder(folder, backbone.record.width, limit)
    _settle_tokenizer(folder / "tokenizer_config.json", limit, tells_pairs(backbone), backbone.reads != "language")
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in files}


def _describe_embedder(folder: Path, width: int, limit: int) -> None:
    """The files that tell sentence-transformers how a text's vector is made: the mean over its tokens, of length 1.

    In the older of its two formats, which every release reads.
    """
    names = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{name}"}
        for place, (name, path) in enumerate(names)
    ]
    (folder / "1_Pooling").mkdir()
    _write_json(folder / "modules.json", modules)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": limit, "do_lower_case": False})
    pooling = {"word_embedding_dimension": width, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    _write_json(folder / "1_Pooling" / "config.json", pooling)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def tells_pairs(backbone: Backbone) -> bool:
    """Whether the model is told by token types which of two texts a token belongs to."""
    types = getattr(backbone.model.config, "type_vocab_size", 0) or 0
    return types > 1 and 1 in backbone.tokenizer.backend_tokenizer.encode("a", "b").type_ids


def _settle_tokenizer(path: Path, limit: int, typed: bool, reads: bool) -> None:
    """`typed`: the tokenizer gives token types, so that plain transformers reads pairs as training did; `reads`: texts
    are read to their end or the limit, and not written on, for which padding lies at the left."""
    config = json.loads(path.read_text(encoding="utf-8"))
    if reads:
        config["truncation_side"] = config["padding_side"] = "right"
    if typed:
        config["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    config["split_special_tokens"] = True
    config["model_max_length"] = limit
    for named in ("add_bos_token", "add_eos_token"):  # tokenizer.json says what is added, and these would overrule it
        config.pop(named, None)
    _write_json(path, config)


def load(folder: Path, manifest: Manifest) -> Backbone:
    """The saved model of a run.

    Raises RunError when a file of it is missing, or is not the one that the manifest names.
    """
    check(folder, manifest)
    located = Located(str(folder), folder, "folder", "", manifest.outcome.artefact.get(WEIGHTS, ""))
    backbone = load_model(located, manifest.data.classes, head=task_of(manifest).head)
    if manifest.head is not None and manifest.head.kind in ("pooled", "paired"):
        backbone.model.add_module(HEAD, _load_head(folder / HEAD_WEIGHTS, manifest, manifest.head))
        backbone.model.eval()
    return backbone


def _load_head(path: Path, manifest: Manifest, record: HeadRecord) -> OwnHead:
    kind = PairedHead if record.kind == "paired" else PooledHead
    head: OwnHead = kind(manifest.backbone.width, len(manifest.data.classes), record.pooling, record.depth)
    try:
        head.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise RunError(f"{path} is missing or damaged: {error}", "restore it from a backup, or run again.") from None
    return head
