"""How a tokenizer spells a person's words: into how many tokens, and how many of these stand for what it does not know.

Tokens per word say how well a tokenizer, and so its model, knows a language (Rust et al. 2021, section 3.1, call it
fertility): English in an English vocabulary takes about 1.3, another language often twice as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.data.table import Texts
from graft.data.tokens.language import count_words, languages
from graft.records import Spelling

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SAMPLE = 2000  # texts: enough for two digits
LONGEST = 2000  # characters that are read of each, as a text may be a book
CHUNK = 256  # encoded at a time


def spell(texts: Texts, tokenizer: Tokenizer, unknown: int | None, trained: tuple[str, ...] = ()) -> Spelling:
    """A tokenizer's spelling of texts at equal distances. `unknown`: the id of the token for unknown characters;
    `trained`: languages that the model was trained on, as far as they are known.

    Truncation and padding of the fast backend are switched off.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    chosen = np.arange(0, len(texts), max(1, len(texts) // SAMPLE), dtype=np.int64)
    sample = [text[:LONGEST] for text in texts.take(chosen)]
    tokens = missing = 0
    for start in range(0, len(sample), CHUNK):
        for encoding in tokenizer.encode_batch_fast(sample[start : start + CHUNK], add_special_tokens=False):
            tokens += len(encoding.ids)
            missing += encoding.ids.count(unknown) if unknown is not None else 0
    return Spelling(sum(map(count_words, sample)), tokens, missing, languages(sample), trained)
