"""Models that need no download: in folders, in the hub's cache, and the embedded one. Opens no socket.

Their facts come from their own `config.json` and from the headers of their weights.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft.backbone.models.catalog import Card, Shape, catalog
from graft.backbone.models.catalog_search import Found
from graft.backbone.models.hub import EMBEDDED, EMBEDDED_MODULE, Located, has_tokenizer

EMBEDDED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
LARGEST_HEADER = 100 * 2**20  # bytes; the format allows no more
OFFSET = 2  # positions that these families count but no token can take
WITH_OFFSET = ("roberta", "xlm-roberta", "camembert", "mpnet")
NAMES: dict[str, tuple[str, ...]] = {  # of one size in the configurations of different families
    "blocks": ("num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers"),
    "width": ("hidden_size", "d_model", "dim", "n_embd"),
    "heads": ("num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads"),
    "kv_heads": ("num_key_value_heads",),
    "head_width": ("head_dim", "d_kv"),
    "inner": ("intermediate_size", "hidden_dim", "n_inner", "d_ff", "ffn_dim", "encoder_ffn_dim"),
    "embedding": ("embedding_size",),
    "vocabulary": ("vocab_size",),
    "max_tokens": ("max_position_embeddings", "n_positions"),
}


def embedded() -> list[Found]:
    """The model inside its PyPI package, where that is installed."""
    spec = importlib.util.find_spec(EMBEDDED_MODULE)
    folders = spec.submodule_search_locations if spec else None
    return [Found(Card(EMBEDDED_NAME, "bert"), at_hand=EMBEDDED)] if folders else []


def cached(cache: Path | None = None) -> list[Found]:
    """The whole models in the hub's cache, or in another folder of the same make."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir(cache or constants.HF_HUB_CACHE).repos
    except (CacheNotFound, RuntimeError):  # RuntimeError: this user has no home folder
        return []
    found = []
    for repository in sorted(repositories, key=lambda one: one.repo_id):
        newest = sorted(repository.revisions, key=lambda one: one.last_modified, reverse=True)
        folders = (one.snapshot_path for one in newest) if repository.repo_type == "model" else ()
        whole = next((folder for folder in folders if is_model(folder)), None)
        if whole is not None and (card := card_of(whole, repository.repo_id)) is not None:
            found.append(Found(card, at_hand=str(whole)))
    return found


def in_folder(folder: Path) -> list[Found]:
    """The model that a folder is, or those in the folders right under it; names are paths, as --model takes them."""
    inside = [folder] if is_model(folder) else sorted(path for path in folder.iterdir() if is_model(path))
    cards = ((path, card_of(path, _as_path(path))) for path in inside)
    return [Found(card, at_hand=str(path)) for path, card in cards if card is not None]


def _as_path(path: Path) -> str:
    return str(path) if path.is_absolute() or str(path).startswith(".") else f"./{path}"


def is_model(folder: Path) -> bool:
    """Whether a folder holds a configuration, a tokenizer and safetensors weights."""
    return (folder / "config.json").is_file() and has_tokenizer(folder) and any(_weights(folder))


def languages(place: Located) -> tuple[str, ...]:
    """ISO 639 codes of the languages that a model was trained on, from the catalogue; none where they are not known."""
    known = catalog().get(EMBEDDED_NAME if place.source == "embedded" else place.name.partition("@")[0])
    return known.languages if known is not None and place.source != "folder" else ()


def embeds_by_mean(place: Located) -> bool:
    """Whether a whole model is a sentence embedder whose vector is the mean over tokens, scaled to length 1 or not, as
    the list of modules that sentence-transformers keeps beside it says."""
    listed = _read_json(place.folder / "modules.json")
    modules = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    kinds = [str(one.get("type")).rpartition(".")[2] for one in modules]
    if place.depth is not None or kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        return False
    pooling = _json(place.folder / Path(str(modules[1].get("path"))).name / "config.json")
    modes = [name for name, value in pooling.items() if name.startswith("pooling_mode_") and value is True]
    return modes == ["pooling_mode_mean_tokens"] or pooling.get("pooling_mode") == "mean"


def card_of(folder: Path, name: str) -> Card | None:
    """What a model's folder tells; None where its configuration is not that of a text model."""
    config = _json(folder / "config.json")
    family = config.get("model_type")
    if not isinstance(family, str) or not family.isprintable():
        return None
    sizes = {field: _first(config, keys) for field, keys in NAMES.items()}
    if sizes["vocabulary"] is None:
        return None
    if sizes["max_tokens"] and family in WITH_OFFSET:
        sizes["max_tokens"] -= OFFSET
    shape = Shape(**sizes, parameters=_parameters(folder))
    return Card(name, family, safetensors=True, shape=shape, sources=("the model's files on this machine",))


def _first(config: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    values = (config.get(key) for key in keys)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _weights(folder: Path) -> Iterator[Path]:
    """The files of weights: one, or all that the index lists; none where one of them is missing."""
    single = folder / "model.safetensors"
    if single.is_file():
        yield single
        return
    index = _json(folder / "model.safetensors.index.json").get("weight_map")
    shards = [folder / Path(str(name)).name for name in set(index.values())] if isinstance(index, dict) else []
    if all(shard.is_file() for shard in shards):
        yield from shards


def _parameters(folder: Path) -> int | None:
    """Numbers in the weights, heads included, counted from the files' headers; None where one cannot be read."""
    counts = [_count(path) for path in _weights(folder)]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _count(path: Path) -> int | None:
    """Numbers in one file. The format: 8 bytes with the header's length, then the header as JSON."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= LARGEST_HEADER else {}
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        return sum(math.prod(entry["shape"]) for entry in tensors if "F" in entry["dtype"]) or None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _json(path: Path) -> dict[str, Any]:
    value = _read_json(path)
    return value if isinstance(value, dict) else {}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
