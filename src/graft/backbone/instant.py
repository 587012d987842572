"""A saved BERT-like classifier in numpy: the first answers of a process, sooner than torch can be imported.

torch and transformers take seconds to import, and a few short texts cross a small encoder in milliseconds. So the first
texts that a predictor is asked about are answered here, in fp32, those of one length together; the logits are those of
the saved model, to rounding. `load` gives None for whatever is not of this kind, `Instant.affords` says when torch is
worth its import.

Shapes: ids_BT of texts of one length, so that nothing is padded, states_BTD; H heads of width d.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft.backbone import saved
from graft.backbone.families import FAMILIES
from graft.backbone.instant_heads import Array, NativeReader, PairedReader, PooledReader, Weights, gelu, linear
from graft.data.tokens.tokens import Tokens
from graft.records import HeadRecord, Manifest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HEADS = ("native", "pooled", "paired")
TOGETHER = 1024  # tokens of texts that cross together
LARGEST = 600_000_000  # bytes of weights: of larger models, too few texts could be answered to make up for reading them
WORK = 1e11  # operations of a predictor that are done here: what torch's import costs on two cores


@dataclass(frozen=True, slots=True)
class _Names:
    """What a family calls a block's layers, and where its positions begin."""

    triple: tuple[str, str, str]  # query, key, value
    layers: tuple[str, str, str]  # after the attention, up, down
    norms: tuple[str, str]  # after the attention, after the feed-forward part
    activation: str = "hidden_act"  # what a configuration calls it
    eps: float | None = None  # of the norms; None: as the configuration has it
    pads_first: bool = False  # positions count real tokens, from the padding index on


_BERT = _Names(
    ("attention.self.query", "attention.self.key", "attention.self.value"),
    ("attention.output.dense", "intermediate.dense", "output.dense"),
    ("attention.output.LayerNorm", "output.LayerNorm"),
)
_ROBERTA = _Names(_BERT.triple, _BERT.layers, _BERT.norms, pads_first=True)
_DISTILBERT = _Names(
    ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
    ("attention.out_lin", "ffn.lin1", "ffn.lin2"),
    ("sa_layer_norm", "output_layer_norm"),
    "activation",
    1e-12,
)
NAMES = {"bert": _BERT, "electra": _BERT, "roberta": _ROBERTA, "xlm-roberta": _ROBERTA, "distilbert": _DISTILBERT}


@dataclass(frozen=True, slots=True)
class _Constants:
    """What the arithmetic needs to know beside the weights."""

    heads: int
    eps: float
    pad: int | None  # the padding index, where positions count from it
    typed: bool  # whether token types tell the texts of a pair apart


class Instant:
    """A saved model, and what it may still do."""

    def __init__(self, tokenizer: Tokenizer, trunk: _Trunk, head: NativeReader | PooledReader | PairedReader) -> None:
        self.tokenizer = tokenizer
        self._trunk = trunk
        self._head = head
        self._left = WORK

    def affords(self, tokens: Tokens) -> bool:
        """Whether these rows are few enough to be answered here; if so they count. Texts without tokens are not."""
        lengths = (tokens.apart if isinstance(self._head, PairedReader) else tokens).lengths
        work = self._trunk.work(lengths)
        if work > self._left or not lengths.all():
            return False
        self._left -= work
        return True

    def logits(self, tokens: Tokens) -> Array:
        """logits (rows × classes, fp32)."""
        if isinstance(self._head, PairedReader):  # each text of a pair crosses by itself
            return self._head(self._each(tokens.apart, self._head.vectors))
        return self._each(tokens, self._head)

    def _each(self, tokens: Tokens, read: Callable[[list[Array]], Array]) -> Array:
        """What is read of each row's states, row by row."""
        found: list[tuple[NDArray[np.int64], Array]] = []
        for rows in _of_one_length(tokens.lengths):
            places_BT = tokens.starts[rows, None] + np.arange(int(tokens.lengths[rows[0]]))
            firsts_B1 = np.inf if tokens.firsts is None else tokens.firsts[rows, None]
            types_BT = (places_BT - tokens.starts[rows, None] >= firsts_B1).astype(np.int64)
            found.append((rows, read(self._trunk.states(tokens.ids[places_BT], types_BT))))
        order = np.argsort(np.concatenate([rows for rows, _ in found]))
        read_BC: Array = np.concatenate([values for _, values in found])[order].astype(np.float32)
        return read_BC


def _of_one_length(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows of the same number of tokens, some at a time."""
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length).astype(np.int64)
        yield from np.array_split(rows, min(len(rows), -(-len(rows) * int(length) // TOGETHER)))


class _Trunk:
    """Embeddings and blocks, as far up as the head reads."""

    def __init__(self, weights: Weights, names: _Names, blocks: list[str], constants: _Constants) -> None:
        self._constants = constants
        self._words, self._positions = (weights.table(f"embeddings.{name}_embeddings") for name in ("word", "position"))
        typed = weights.has("embeddings.token_type_embeddings")
        self._types = weights.table("embeddings.token_type_embeddings") if typed else None
        self._norm = weights.layer("embeddings.LayerNorm")
        self._project = weights.layer("embeddings_project") if weights.has("embeddings_project") else None
        self._blocks = [_Block(weights, names, block, constants) for block in blocks]

    def work(self, lengths: NDArray[np.int64]) -> float:
        """Operations that rows of these lengths take, 2 per product and sum."""
        block, width = self._blocks[0].size, self._blocks[0].width
        return 2.0 * len(self._blocks) * float(block * lengths.sum() + 2 * width * (lengths**2).sum())

    def _places(self, ids_BT: NDArray[np.int32]) -> NDArray[np.int64]:
        """Where in the table of positions: RoBERTa's count the tokens that are no padding, whoever wrote them."""
        pad = self._constants.pad
        if pad is None:
            return np.arange(ids_BT.shape[1])
        real_BT = ids_BT != pad
        places: NDArray[np.int64] = np.cumsum(real_BT, axis=1) * real_BT + pad
        return places

    def states(self, ids_BT: NDArray[np.int32], types_BT: NDArray[np.int64]) -> list[Array]:
        """states_BTD after each block."""
        states_BTD = self._words[ids_BT] + self._positions[self._places(ids_BT)]
        if self._types is not None:
            states_BTD = states_BTD + self._types[types_BT if self._constants.typed else np.zeros_like(types_BT)]
        states_BTD = _normed(states_BTD, self._norm, self._constants.eps)
        if self._project is not None:
            states_BTD = linear(states_BTD, self._project)
        found = []
        for block in self._blocks:
            states_BTD = block(states_BTD)
            found.append(states_BTD)
        return found


class _Block:
    """norm(x + attention(x)), then norm(x + down(gelu(up(x))))."""

    def __init__(self, weights: Weights, names: _Names, place: str, constants: _Constants) -> None:
        self._triple = [weights.layer(f"{place}.{name}") for name in names.triple]
        self._out, self._up, self._down = (weights.layer(f"{place}.{name}") for name in names.layers)
        self._norms = [weights.layer(f"{place}.{name}") for name in names.norms]
        self._constants = constants
        self.width = self._out[0].shape[0]
        self.size = sum(weight.size for weight, _ in (*self._triple, self._out, self._up, self._down))

    def __call__(self, states_BTD: Array) -> Array:
        eps = self._constants.eps
        states_BTD = _normed(states_BTD + linear(self._attended(states_BTD), self._out), self._norms[0], eps)
        inner_BTF = gelu(linear(states_BTD, self._up))
        return _normed(states_BTD + linear(inner_BTF, self._down), self._norms[1], eps)

    def _attended(self, states_BTD: Array) -> Array:
        batch, length, width = states_BTD.shape
        heads = self._constants.heads
        q, k, v = (linear(states_BTD, layer).reshape(batch, length, heads, -1).swapaxes(1, 2) for layer in self._triple)
        scores_BHTT = q @ k.swapaxes(2, 3) / np.float32((width // heads) ** 0.5)
        shares_BHTT = np.exp(scores_BHTT - scores_BHTT.max(axis=3, keepdims=True))
        shares_BHTT /= shares_BHTT.sum(axis=3, keepdims=True)
        attended_BTD: Array = (shares_BHTT @ v).swapaxes(1, 2).reshape(batch, length, width)
        return attended_BTD


def _normed(states_BTD: Array, layer: tuple[Array, Array], eps: float) -> Array:
    centred_BTD = states_BTD - states_BTD.mean(axis=2, keepdims=True)
    variance_BT1 = np.square(centred_BTD).mean(axis=2, keepdims=True)
    result: Array = centred_BTD / np.sqrt(variance_BT1 + np.float32(eps)) * layer[0] + layer[1]
    return result


def load(folder: Path, manifest: Manifest) -> Instant | None:
    """The saved model of a run whose head reads whole texts; None where the model is of another kind. Raises RunError
    when a file is missing, or not the one that the manifest names."""
    family, head = manifest.backbone.family, manifest.head
    weights = folder / saved.WEIGHTS
    small = not weights.is_file() or weights.stat().st_size <= LARGEST
    if family not in NAMES or head is None or head.kind not in HEADS or not small:
        return None
    saved.check(folder, manifest)
    try:
        return _loaded(folder, family, head)
    except MemoryError:
        raise
    except Exception:  # whatever a stranger's files do to these libraries: torch's path says what is wrong with them
        return None


def _loaded(folder: Path, family: str, head: HeadRecord) -> Instant | None:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if not _is_plain(config, NAMES[family]):
        return None
    names, entry, base = NAMES[family], FAMILIES[family], family.removeprefix("xlm-")
    weights = Weights(load_file(folder / saved.WEIGHTS), base)
    depth = _number(config, "num_hidden_layers", "n_layers") if head.kind == "native" else head.depth
    blocks = [f"{entry.blocks}.{block}" for block in range(depth)]
    trunk = _Trunk(weights, names, blocks, _constants(config, names))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if head.kind != "native":
        tensors = load_file(folder / saved.HEAD_WEIGHTS)
        return Instant(
            tokenizer, trunk, PairedReader(tensors) if head.kind == "paired" else PooledReader(tensors, head)
        )
    assert entry.head is not None, "these families have native heads"
    return Instant(tokenizer, trunk, NativeReader(weights, entry.head, base))


def _is_plain(config: dict[str, Any], names: _Names) -> bool:
    """Whether the blocks are as they are written here."""
    exact = config.get(names.activation) == "gelu"
    return exact and not config.get("is_decoder") and config.get("position_embedding_type", "absolute") == "absolute"


def _constants(config: dict[str, Any], names: _Names) -> _Constants:
    pad = int(config["pad_token_id"]) if names.pads_first else None
    typed = int(config.get("type_vocab_size") or 0) > 1
    heads = _number(config, "num_attention_heads", "n_heads")
    return _Constants(heads, float(config["layer_norm_eps"]) if names.eps is None else names.eps, pad, typed)


def _number(config: dict[str, Any], *names: str) -> int:
    """The one of these that a family has. Raises KeyError where there is none."""
    found = next((config[name] for name in names if name in config), None)
    if found is None:
        raise KeyError(names[0])
    return int(found)
