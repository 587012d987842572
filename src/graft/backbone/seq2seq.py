"""An encoder-decoder as a stage trains it: through the whole model, or above a cut in its encoder from cached states.

Teacher forcing: the decoder reads each reply moved one place to the right, behind the token that starts it, and is
asked for the reply. The library's own forward pass is kept; what would fill the memory is its output layer over the
vocabulary, so a stand-in takes that layer's slot and hands on the states that it is given, and the loss is taken from
them in chunks (`vocabulary.py`).

Shapes: replies_BS (token ids of what is to be written), hidden_ND the states that predict, N the tokens asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from graft.backbone.batch import Collator, by_length, in_halves
from graft.backbone.model import Backbone
from graft.backbone.paths import Feed, Rows, attention_for, set_attention
from graft.backbone.vocabulary import IGNORED, summed_loss, token_losses
from graft.backbone.working import WorkingModel
from graft.errors import ModelError
from graft.records import MachineRecord, Progress

SCORED_TOKENS = 8192  # of one forward pass without gradients, both sides


class Seq2SeqPath(WorkingModel):
    """A working copy of an encoder-decoder with its language model's head."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, copied: bool = True) -> None:
        super().__init__(backbone, machine, copied)
        set_attention(self.module, attention_for(machine))
        self.pad = int(backbone.tokenizer.pad_token_id or 0)
        self._start = start_of(self.module)
        self._output = OutputLayer(self.module)

    def sources(self, feed: Feed, rows: Rows) -> tuple[Tensor, Tensor | None]:
        """ids_BT and mask_BT of these rows; above a cut, their cached states are put in their place."""
        windows = feed.windows(rows)  # one each
        ids_BT, mask_BT = Collator(feed.tokens, self.pad, self.device)(windows)
        boundary = self.boundary(feed.cached)
        if boundary is not None:
            self.put(boundary.batch(windows))
        return ids_BT, mask_BT

    def logits(self, feed: Feed, rows: Rows) -> Tensor:
        """logits_NV of every token of these rows' replies."""
        hidden_ND, _, _ = self._asked(feed, rows)
        return cast(Tensor, self._output.projection(hidden_ND))

    def loss(self, feed: Feed, rows: Rows, smoothing: float = 0.0) -> Tensor:
        """The summed cross-entropy (nats) of the tokens of these rows' replies."""
        hidden_ND, targets_N, _ = self._asked(feed, rows)
        return summed_loss(hidden_ND, self._output.projection, targets_N, smoothing=smoothing)

    def nats(self, feed: Feed, phase: str) -> Iterator[Progress | NDArray[np.float64]]:
        """Of each row, the summed cross-entropy of its reply; the last value yielded."""
        self.module.eval()
        found = np.zeros(len(feed))
        lengths, done, total = feed.lengths, 0, int(feed.lengths.sum())

        def score(rows: Rows) -> None:
            with torch.inference_mode():
                hidden_ND, targets_N, owner_N = self._asked(feed, rows)
                losses_N = token_losses(hidden_ND, self._output.projection, targets_N).double().cpu().numpy()
            found[rows] = np.bincount(owner_N.numpy(), losses_N, minlength=len(rows))

        for rows in by_length(lengths, SCORED_TOKENS):
            in_halves(rows, score)
            done += int(lengths[rows].sum())
            yield Progress(phase, done, total)
        yield found

    def _asked(self, feed: Feed, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """(hidden_ND, targets_N, owner_N) of the tokens of these rows' replies."""
        assert feed.replies is not None, "teacher forcing needs replies"
        replies_BS, _ = Collator(feed.replies, IGNORED, self.device)(rows)
        ids_BT, mask_BT = self.sources(feed, rows)
        hidden_BSD = self._output.states(
            {"input_ids": ids_BT, "attention_mask": mask_BT, "decoder_input_ids": self._shifted(replies_BS)}
        )
        asked_BS = replies_BS != IGNORED
        return hidden_BSD[asked_BS], replies_BS[asked_BS], asked_BS.nonzero()[:, 0].cpu()

    def _shifted(self, replies_BS: Tensor) -> Tensor:
        """What the decoder reads: the start, then the reply without its last token; padding is never asked about."""
        start_B1 = replies_BS.new_full((len(replies_BS), 1), self._start)
        read_BS = torch.cat([start_B1, replies_BS[:, :-1]], dim=1)
        return read_BS.masked_fill(read_BS == IGNORED, self.pad)


def start_of(model: nn.Module) -> int:
    """The token that a decoder reads first. Raises ModelError where the model names none."""
    places = (
        ("config", "decoder_start_token_id"),
        ("generation_config", "decoder_start_token_id"),
        ("config", "bos_token_id"),
    )
    for where, name in places:
        found = getattr(getattr(model, where, None), name, None)  # T5's configuration has no opening token at all
        if found is not None:
            return int(found)
    raise ModelError("The model does not say which token its decoder starts from.", "choose another model.")


class OutputLayer:
    """The layer over the vocabulary of an encoder-decoder: what it is given, and what it is."""

    def __init__(self, model: nn.Module) -> None:
        self._model = cast(Any, model)
        layer = self._model.get_output_embeddings()
        parent, _, self._name = next(name for name, module in model.named_modules() if module is layer).rpartition(".")
        self._parent, self._layer = model.get_submodule(parent), layer
        bias_1V = getattr(model, "final_logits_bias", None)  # BART's and Marian's, which is not the layer's own
        biased = _Biased(layer, bias_1V[0]) if bias_1V is not None and bool(bias_1V.any()) else layer
        self.projection = cast(nn.Linear, biased)

    def states(self, inputs: dict[str, Tensor | None]) -> Tensor:
        """hidden_BSD: what the model hands to its output layer, which does not run."""
        listener = _Listener()
        setattr(self._parent, self._name, listener)
        try:
            self._model(**inputs, use_cache=False)
        finally:
            setattr(self._parent, self._name, self._layer)
        assert listener.heard is not None
        return listener.heard


class _Listener(nn.Module):
    """Takes the output layer's slot and keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Tensor | None = None

    def forward(self, hidden_BSD: Tensor) -> Tensor:
        self.heard = hidden_BSD
        return hidden_BSD.new_zeros(1, 1)  # stands for logits: a bias over the vocabulary can be added to it


class _Biased(nn.Module):
    """A linear layer with a bias that the model keeps apart from it, which does not train."""

    def __init__(self, layer: nn.Linear, bias_V: Tensor) -> None:
        super().__init__()
        self._layer = (layer,)  # in a tuple: its parameters are the model's
        self.bias = bias_V

    @property
    def weight(self) -> Tensor:
        return self._layer[0].weight

    def forward(self, hidden_ND: Tensor) -> Tensor:
        return nn.functional.linear(hidden_ND, self.weight, self.bias)
