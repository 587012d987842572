"""What an encoder-decoder writes for each source: greedy or by beams, by the library's own `generate`.

How it writes is kept in the model's generation settings, which are saved with it: plain transformers writes the same.
Sources of like length are answered together. Tokens that have no characters are never written, and of a character that
was not finished nothing is shown.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache, EncoderDecoderCache

from graft.backbone.batch import by_length, in_halves
from graft.backbone.marks import marks_of
from graft.backbone.paths import Feed, Rows
from graft.backbone.seq2seq import Seq2SeqPath, start_of
from graft.backbone.unfolding import BROKEN
from graft.records import Progress

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

Outputs = NDArray[np.object_]  # rows: str
READ_TOKENS = 8192  # padded tokens of the sources that are answered together
MOST_ROWS = 64  # rows times beams that grow together


def settings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, beams: int, tokens: int) -> GenerationConfig:
    """The model's own settings with so many beams (1: greedy) and at most `tokens` tokens, the closing one included."""
    found = copy.deepcopy(model.generation_config)
    assert found is not None, "an encoder-decoder with a head can generate"
    found.update(
        do_sample=False, num_beams=beams, max_new_tokens=tokens, max_length=None, min_length=0, use_cache=True,
        early_stopping=beams > 1, suppress_tokens=silent(model, tokenizer) or None,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=model.config.eos_token_id or tokenizer.eos_token_id,
        decoder_start_token_id=start_of(model),
    )  # fmt: skip
    return found


def memory(model: PreTrainedModel) -> EncoderDecoderCache | None:
    """What a decoder keeps of the tokens before; None: what the library makes.

    For T5 that has as many layers as the encoder has blocks, and fails where the decoder is deeper (transformers 5.23).
    """
    config = model.config
    decoder = getattr(config, "num_decoder_layers", None) or 0
    if decoder <= config.num_hidden_layers:
        return None
    return EncoderDecoderCache(DynamicCache(), DynamicCache())


def silent(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens that are never written: special ones, but those that the tokenizer puts around a text, and numbers that
    no token has."""
    around = tokenizer.backend_tokenizer.encode("").ids
    return [token for token in marks_of(model, tokenizer).silent if token not in around]


class Rewriter:
    """Writes with a path's model. `wanted`: how; by default as the model's own settings say."""

    def __init__(
        self, path: Seq2SeqPath, tokenizer: PreTrainedTokenizerBase, wanted: GenerationConfig | None = None
    ) -> None:
        self.path = path
        self._tokenizer = tokenizer
        self._wanted = wanted or path.module.generation_config

    def write(self, feed: Feed, phase: str) -> Iterator[Progress | Outputs]:
        """A text for each row of the feed, in its order; the last value yielded is the array."""
        self.path.module.eval()
        found = np.full(len(feed), "", dtype=object)
        lengths, done, total = feed.tokens.lengths, 0, len(feed.tokens.ids)

        def answer(rows: Rows) -> None:
            found[rows] = self._texts(feed, rows)

        for rows in by_length(lengths, READ_TOKENS, max(1, MOST_ROWS // self._wanted.num_beams)):
            in_halves(rows, answer)
            done += int(lengths[rows].sum())
            yield Progress(phase, done, total)
        yield found

    @torch.inference_mode()
    def _texts(self, feed: Feed, rows: Rows) -> list[str]:
        ids_BT, mask_BT = self.path.sources(feed, rows)
        mask_BT = torch.ones_like(ids_BT) if mask_BT is None else mask_BT
        module: Any = self.path.module
        written_BS = module.generate(
            input_ids=ids_BT, attention_mask=mask_BT, generation_config=self._wanted, past_key_values=memory(module)
        )
        return [self._text(ids) for ids in written_BS.tolist()]

    def _text(self, ids: list[int]) -> str:
        text = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text.replace(BROKEN, "").strip()
