"""Law 7: what is saved is an ordinary Hugging Face model, and comes back bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from graft.backbone import artefact
from graft.backbone.heads import PooledHead
from graft.backbone.model import HEAD
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.data.tokens.tokens import tokenize
from graft.errors import RunError
from graft.records import (
    Columns,
    DataSummary,
    HeadRecord,
    Manifest,
    Outcome,
    Recipe,
    Request,
    Truncation,
)

TEXTS = [
    "the bread was fresh",
    "",
    "[SEP] a bad [CLS] soup </s> cold <pad> rice [PAD] <s> [MASK] <mask> [UNK]",
    "good bread and bad soup " * 60,
    "two</s></s>ends",
    "Émile said: “naïve”",
]
LIMIT = 24


def manifest_of(backbone, machine, head=None, digests=None):
    data = DataSummary("data", "classification", Columns("text", "label", ""), CLASSES, (), (), 0, 0, ())
    cut = Truncation(LIMIT, 1, 0, 1, 0, 1)
    outcome = Outcome("fitted", artefact=digests or {})
    return Manifest("", Request("test", ""), data, backbone.record, Recipe("r", ()), head, cut, machine, {}, outcome)


CLASSES = ("bad", "good", "so-so")


def ours(backbone, machine):
    tokens, _ = tokenize(TEXTS, backbone.tokenizer.backend_tokenizer, LIMIT)
    *_, logits = predict_logits(ModelPath(backbone, machine), Feed(tokens), 3, "test")
    return logits


def trained(backbone):
    """As if trained: every weight moved a little."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return backbone


def test_plain_transformers_gives_the_same_logits(backbone, machine, tmp_path):
    expected = ours(trained(backbone), machine)
    artefact.save(backbone, tmp_path / "model", LIMIT)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert model.config.id2label == dict(enumerate(CLASSES))
    assert not model.config.to_dict().get("auto_map")
    with torch.no_grad():
        batch = tokenizer(TEXTS, truncation=True, padding=True, return_tensors="pt")
        together = model(**batch).logits
        alone = [model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0] for text in TEXTS]
    assert batch["input_ids"].shape[1] == LIMIT
    np.testing.assert_allclose(together.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(torch.stack(alone).numpy(), expected, atol=1e-5)
    assert expected.std(axis=0).min() > 1e-3


def test_a_pipeline_gives_the_same_answers(backbone, machine, tmp_path):
    from transformers import pipeline

    expected = torch.from_numpy(ours(trained(backbone), machine)).softmax(1)
    artefact.save(backbone, tmp_path / "model", LIMIT)
    answers = pipeline("text-classification", model=str(tmp_path / "model"), device="cpu")(
        TEXTS, top_k=None, truncation=True
    )
    for answer, shares in zip(answers, expected, strict=True):
        assert {score["label"]: score["score"] for score in answer} == pytest.approx(
            dict(zip(CLASSES, shares.tolist(), strict=True)), abs=1e-5
        )


def test_what_is_loaded_predicts_bit_for_bit_the_same(backbone, machine, tmp_path):
    expected = ours(trained(backbone), machine)
    digests = artefact.save(backbone, tmp_path, LIMIT)
    loaded = artefact.load(tmp_path, manifest_of(backbone, machine, digests=digests))
    assert not loaded.model.training
    np.testing.assert_array_equal(ours(loaded, machine), expected)


@pytest.mark.parametrize(("pooling", "depth"), [("token", 3), ("mean", 2), ("layers", 3)])
def test_a_pooled_head_comes_back_bit_for_bit(backbone, machine, tmp_path, pooling, depth):
    pooling = backbone.family.poolings[0] if pooling == "token" else pooling
    trained(backbone)
    head = PooledHead(backbone.record.width, 3, pooling, depth)
    head.mean.normal_()
    head.deviation.uniform_(0.5, 2)
    backbone.model.add_module(HEAD, head)
    expected = ours(backbone, machine)
    digests = artefact.save(backbone, tmp_path, LIMIT)
    record = HeadRecord("pooled", pooling, depth, "probe", "")
    loaded = artefact.load(tmp_path, manifest_of(backbone, machine, record, digests))
    np.testing.assert_array_equal(ours(loaded, machine), expected)
    assert expected.std(axis=0).min() > 1e-3


def test_the_saved_tokenizer_is_settled(backbone, tmp_path):
    artefact.save(backbone, tmp_path, LIMIT)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (config["split_special_tokens"], config["model_max_length"]) == (True, LIMIT)


@pytest.fixture
def saved(loaded, machine, tmp_path):
    backbone = loaded["bert"]
    digests = artefact.save(backbone, tmp_path, LIMIT)
    return tmp_path, manifest_of(backbone, machine, digests=digests)


def refused(folder, manifest):
    with pytest.raises(RunError) as caught:
        artefact.load(folder, manifest)
    assert caught.value.remedy
    return str(caught.value)


def test_a_missing_model(saved):
    folder, manifest = saved
    (folder / "model.safetensors").unlink()
    assert str(folder / "model.safetensors") in refused(folder, manifest)


def test_another_model_in_its_place(saved):
    folder, manifest = saved
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert f"{folder / 'model.safetensors'} is not the one that this run saved" in refused(folder, manifest)


def test_every_file_of_the_model_is_the_one_that_was_saved(saved):
    folder, manifest = saved
    names = {path.name for path in folder.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"} <= names
    assert set(manifest.outcome.artefact) == names
    for name in names:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        assert f"{folder / name} is not the one that this run saved" in refused(folder, manifest)
        (folder / name).unlink()
        assert f"{folder / name} is missing" in refused(folder, manifest)
        (folder / name).write_bytes(content)
    artefact.load(folder, manifest)


@pytest.mark.parametrize("damage", ["missing", "cut", "of another shape"])
def test_a_pooled_head_that_is_damaged(loaded, machine, tmp_path, damage):
    import copy
    import dataclasses

    from safetensors.torch import save_file

    backbone = dataclasses.replace(loaded["bert"], model=copy.deepcopy(loaded["bert"].model))
    backbone.model.add_module(HEAD, PooledHead(32, 3, "mean", 2))
    digests = artefact.save(backbone, tmp_path, LIMIT)
    path = tmp_path / artefact.HEAD_WEIGHTS
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:50])
    else:
        save_file({"linear.weight": torch.zeros(2, 2)}, path)
    manifest = manifest_of(backbone, machine, HeadRecord("pooled", "mean", 2, "probe", ""), digests)
    assert str(path) in refused(tmp_path, manifest)
