"""Law 2 for heads that read words: beside other texts, and through windows. Law 1 stands in test_laws.py."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch
from tiny import AWKWARD

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.data.asked import asked
from graft.data.tokens.encode import encode
from graft.data.tokens.longtexts import Limits
from graft.errors import ModelError
from graft.tasks.task import Head

TAGS = ("O", "B-PER", "I-PER")
HEAD = Head("AutoModelForTokenClassification", "", "token")


ENCODER_DECODERS = ("t5", "mt5", "bart")


@pytest.fixture(params=[name for name in tiny.FAMILIES if name not in ENCODER_DECODERS])
def tagger(request, folders):
    return load(hub.locate(str(folders[request.param])), TAGS, head=HEAD)


@pytest.fixture
def feed(tagger):
    (rows,) = asked(AWKWARD, "words")
    read = encode(rows, tagger.tokenizer.backend_tokenizer, Limits(20, "windows", 6))
    assert len(read.tokens) > len(read.layout)  # one of them takes several windows
    return Feed(read.tokens, None, read.layout)


def path_of(tagger, machine):
    path = ModelPath(tagger, machine)
    path.module.double()
    return path


def test_words_do_not_depend_on_their_neighbours(tagger, feed, machine):
    path = path_of(tagger, machine)
    *_, together = predict_logits(path, feed, len(TAGS), "test")
    words = feed.layout.words
    assert together.shape == (words[-1], len(TAGS))
    with torch.no_grad():
        for row in range(len(feed)):
            alone = path.logits(feed, np.array([row])).float().numpy()
            np.testing.assert_allclose(together[words[row] : words[row + 1]], alone, rtol=1e-5, atol=1e-6)


def test_the_heads_last_layer_is_found(tagger):
    from graft.backbone import heads

    assert heads.last_layer(tagger).out_features == len(TAGS)


@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_an_encoder_decoder_is_refused(name, folders):
    with pytest.raises(ModelError, match="cannot train to tag words"):
        load(hub.locate(str(folders[name])), TAGS, head=HEAD)
