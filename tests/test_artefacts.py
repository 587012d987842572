"""Law 7 by task: a saved model loads by the class that docs/artefact.md names, says the same, answers in a pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
import transformers
from transformers import AutoTokenizer, pipeline

from graft.backbone import artefact
from graft.backbone.heads import PairedHead
from graft.backbone.language import LanguagePath
from graft.backbone.model import HEAD, Backbone, load
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath
from graft.data.asked import asked
from graft.data.tokens.encode import encode
from graft.data.tokens.longtexts import Limits
from graft.records import MachineRecord
from graft.tasks.registry import TASKS

LIMIT = 24
TEXTS = ["the bread was fresh", "[SEP] bad soup </s> cold <pad> rice", "good bread and bad soup " * 30]
PAIRS = list(zip(TEXTS, ["the soup was cold", "one [SEP] two", "a kind waiter " * 20], strict=True))
ROWS = {
    "classification": ("a", "b", "c"),
    "multi-label": ("a", "b", "c"),
    "regression": ("score",),
}
MACHINE = MachineRecord("cpu", "test", 1, "fp32", "test")


def made(family: str, task: str, names: tuple[str, ...], folder: Path) -> Backbone:
    """A model of the family with the task's head, as if trained: every weight moved a little."""
    backbone = load(hub.locate(str(tiny.make(family, folder / "pretrained", layers=2))), names, head=TASKS[task].head)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return backbone


def ours(backbone: Backbone, given: list, kind: str, way: str = "joined") -> torch.Tensor:
    (rows,) = asked(given, kind)  # type: ignore[arg-type]
    limits = Limits(LIMIT, "windows" if kind == "words" else "truncate")
    read = encode(rows, backbone.tokenizer.backend_tokenizer, limits, way)  # type: ignore[arg-type]
    with torch.no_grad():
        return ModelPath(backbone, MACHINE).logits(Feed(read.tokens, None, read.layout), np.arange(len(given)))


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "t5"])
@pytest.mark.parametrize("kind", ["texts", "pairs"])
@pytest.mark.parametrize("task", ROWS)
def test_one_answer_per_row(task: str, kind: str, family: str, tmp_path: Path) -> None:
    backbone = made(family, task, ROWS[task], tmp_path)
    given: list = TEXTS if kind == "texts" else PAIRS
    logits = ours(backbone, given, kind)
    folder = tmp_path / "model"
    artefact.save(backbone, folder, LIMIT)
    model = getattr(transformers, TASKS[task].head.auto).from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    columns = [given] if kind == "texts" else [list(side) for side in zip(*given, strict=True)]
    batch = tokenizer(*columns, truncation=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(model(**batch).logits, logits, rtol=1e-4, atol=1e-5)
    shares = {"classification": logits.softmax(1), "multi-label": logits.sigmoid(), "regression": logits}[task]
    asked_for = {"function_to_apply": "none"} if task == "regression" else {}
    each = given if kind == "texts" else [{"text": one, "text_pair": other} for one, other in given]
    found = pipeline("text-classification", model=str(folder), device="cpu")(
        each, top_k=None, truncation=True, **asked_for
    )
    for answer, expected in zip(found, shares, strict=True):
        by_name = {one["label"]: one["score"] for one in answer}
        assert [by_name[name] for name in ROWS[task]] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_a_tokenizer_that_cut_and_padded_at_the_left_does_so_at_the_right(family: str, tmp_path: Path) -> None:
    folder = tiny.make(family, tmp_path / "left", layers=2)
    own = AutoTokenizer.from_pretrained(folder, truncation_side="left", padding_side="left")
    own.save_pretrained(folder)
    backbone = load(hub.locate(str(folder)), ROWS["classification"])
    texts = ["good " * 20 + "bad " * 20, "soup"]
    logits = ours(backbone, texts, "texts")
    artefact.save(backbone, tmp_path / "model", LIMIT)
    batch = AutoTokenizer.from_pretrained(tmp_path / "model")(texts, truncation=True, padding=True, return_tensors="pt")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    with torch.no_grad():
        torch.testing.assert_close(model(**batch).logits, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_names_in_texts(family: str, tmp_path: Path) -> None:
    backbone = made(family, "token-classification", ("O", "B-PER", "I-PER"), tmp_path)
    logits = ours(backbone, TEXTS[:1], "words")
    folder = tmp_path / "model"
    artefact.save(backbone, folder, LIMIT)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    batch = AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt")
    words = [word for word in batch.word_ids() if word is not None]
    firsts = [batch.word_ids().index(word) for word in sorted(set(words))]
    with torch.no_grad():
        torch.testing.assert_close(model(**batch).logits[0, firsts], logits, rtol=1e-4, atol=1e-5)
    found = pipeline("token-classification", model=str(folder), device="cpu", ignore_labels=[])(TEXTS[0])
    assert {one["entity"] for one in found} <= set(model.config.id2label.values())


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_style(family: str, tmp_path: Path) -> None:
    backbone = made(family, "write", (), tmp_path)
    (rows,) = asked(TEXTS[:1], "texts")
    tokens = encode(rows, backbone.tokenizer.backend_tokenizer, Limits(LIMIT, "truncate")).tokens
    with torch.no_grad():
        logits = LanguagePath(backbone, MACHINE, LIMIT).logits(Feed(tokens), np.array([0]))
    folder = tmp_path / "model"
    artefact.save(backbone, folder, LIMIT)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        theirs = model(torch.from_numpy(tokens.ids.astype(np.int64))[None]).logits[0, :-1]
    torch.testing.assert_close(theirs, logits, rtol=1e-4, atol=1e-5)
    (written,) = pipeline("text-generation", model=str(folder), device="cpu")("the bread", max_new_tokens=3)
    assert written["generated_text"].startswith("the bread")


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_pairs_read_apart_end_as_an_encoder_that_embeds(family: str, tmp_path: Path) -> None:
    """AutoModel loads it, and sentence-transformers gives the vectors that the head reads."""
    library = pytest.importorskip("sentence_transformers")
    backbone = made(family, "regression", ("score",), tmp_path)
    head = PairedHead(backbone.record.width, 1, "mean", 2)
    backbone.model.add_module(HEAD, head)
    expected = ours(backbone, PAIRS, "pairs", "apart")
    folder = tmp_path / "model"
    digests = artefact.save(backbone, folder, LIMIT)
    assert {"modules.json", "1_Pooling/config.json", "graft_head.safetensors"} <= set(digests)
    encoder = library.SentenceTransformer(str(folder), device="cpu")
    u, v = (encoder.encode(list(side), convert_to_tensor=True) for side in zip(*PAIRS, strict=True))
    torch.testing.assert_close(u.norm(dim=1), torch.ones(len(u)))
    with torch.no_grad():
        torch.testing.assert_close(head(torch.cat((u, v), dim=1)), expected, rtol=1e-4, atol=1e-4)
    states = pipeline("feature-extraction", model=str(folder), device="cpu")("the bread was fresh")
    assert len(states[0][0]) == backbone.record.width
