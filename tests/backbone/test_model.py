"""Loading: a classifier in fp32 with the person's classes, or one clear message."""

from __future__ import annotations

import contextlib
import json
import shutil

import pytest
import torch

from graft.backbone.families import FAMILIES, family_of
from graft.backbone.model import load, max_tokens
from graft.backbone.models import hub
from graft.backbone.trunk import Trunk
from graft.errors import ModelError

RELATIVE = (
    "deberta-v2",
    "modernbert",
    "gpt_neox",
    "llama",
    "qwen2",
    "qwen3",
    "t5",
    "mt5",
)  # without a table of positions that could end


@pytest.fixture
def folder(folders, tmp_path):
    return shutil.copytree(folders["bert"], tmp_path / "model")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_record_says_what_was_loaded(backbone):
    record = backbone.record
    assert (record.source, record.blocks, record.width, record.max_tokens) == ("folder", 3, 32, 64)
    assert record.family in FAMILIES
    assert record.parameters == sum(p.numel() for p in backbone.model.parameters())
    assert backbone.model.config.id2label == {0: "bad", 1: "good", 2: "so-so"}
    assert backbone.model.config.label2id == {"bad": 0, "good": 1, "so-so": 2}
    assert not backbone.model.training
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}


def test_the_longest_input_runs_and_one_more_token_would_not(backbone):
    ids = torch.full((1, backbone.record.max_tokens + 1), 10)
    ids[:, -2:] = backbone.tokenizer.eos_token_id or 10  # which encoder-decoders look for
    relative = backbone.family.name in RELATIVE
    with torch.no_grad():
        assert backbone.model(input_ids=ids[:, :-1]).logits.isfinite().all()
        with contextlib.nullcontext() if relative else pytest.raises((IndexError, RuntimeError)):
            backbone.model(input_ids=ids)


def test_the_tokenizers_own_limit_holds_when_it_is_less(backbone):
    backbone.tokenizer.model_max_length, before = 20, backbone.tokenizer.model_max_length
    try:
        assert max_tokens(backbone.model.config, backbone.tokenizer) == 20
    finally:
        backbone.tokenizer.model_max_length = before


def test_a_head_repeats_with_its_seed(folder):
    located = hub.locate(str(folder))
    same, again, other = (load(located, ("a", "b"), seed).model.classifier.weight for seed in (1, 1, 2))
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


def test_without_pretraining_all_weights_are_random(folder):
    located = hub.locate(str(folder))
    pretrained, random = (load(located, ("a", "b"), seed=5, pretrained=flag) for flag in (True, False))
    assert pretrained.record.parameters == random.record.parameters
    for (name, ours), theirs in zip(random.model.named_parameters(), pretrained.model.parameters(), strict=True):
        if ours.dim() > 1:
            assert not torch.equal(ours, theirs) or name.startswith("classifier"), name


def test_the_head_of_a_model_of_other_classes_is_replaced(folder, tmp_path):
    load(hub.locate(str(folder)), ("a", "b", "c")).model.save_pretrained(tmp_path / "three")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, tmp_path / "three")
    found = load(hub.locate(str(tmp_path / "three")), ("x", "y", "z", "w"))
    assert found.model.classifier.out_features == 4
    assert found.model.config.id2label[3] == "w"


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "t5", "modernbert"])
def test_a_head_goes_on_only_where_it_answers_the_same(folders, tmp_path, family):
    """As many classes that mean something else, or the same in another order, are other outputs."""
    trained = load(hub.locate(str(folders[family])), ("bad", "good"), seed=3)
    trained.model.save_pretrained(tmp_path / "trained")
    trained.tokenizer.save_pretrained(tmp_path / "trained")

    def loaded(classes, seed=0):
        found = load(hub.locate(str(tmp_path / "trained")), classes, seed)
        inside = {id(parameter) for parameter in found.model.base_model.parameters()}
        own = {name: one for name, one in found.model.named_parameters() if id(one) not in inside}
        return found.knows, torch.cat([one.flatten() for one in own.values() if len(one) == 2 and one.ndim == 2])

    knows, same = loaded(("bad", "good"), seed=5)
    swapped, other, again = (loaded(("good", "bad"), seed) for seed in (0, 1, 1))
    assert knows
    assert not swapped[0]
    assert torch.equal(loaded(("bad", "good"))[1], same)
    assert not torch.equal(swapped[1], same)
    assert not torch.equal(swapped[1], other[1])
    assert torch.equal(other[1], again[1])


def test_loading_says_nothing(folder, capfd):
    load(hub.locate(str(folder)), ("a", "b"))
    assert capfd.readouterr() == ("", "")


def refused(folder):
    with pytest.raises(ModelError) as caught:
        load(hub.locate(str(folder)), ("a", "b"))
    assert caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize("model_type", ["no-such-model", "vit"])
def test_a_model_that_is_no_text_classifier(folder, model_type):
    edit(folder / "config.json", model_type=model_type, architectures=None)
    found = refused(folder)
    assert "cannot be loaded" in found or "cannot train as a classifier" in found


def test_weights_cut_short(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    assert "cannot be loaded" in refused(folder)


def test_weights_that_are_no_weights(folder):
    (folder / "model.safetensors").write_bytes(b"not weights at all, but long enough to look at")
    assert "cannot be loaded" in refused(folder)


def test_weights_of_another_width(folder):
    edit(folder / "config.json", hidden_size=48)
    assert "do not fit its config.json" in refused(folder)


def test_weights_that_lack_a_block(folder):
    edit(folder / "config.json", num_hidden_layers=4)
    assert "encoder.layer.3" in refused(folder)


def test_weights_that_are_not_finite(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"][3, 5] = float("nan")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert "not finite" in refused(folder)


def test_a_folder_without_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    assert "without its tokenizer" in refused(folder)


def test_the_tokenizer_of_another_model(folders, folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folders["roberta"] / name, folder)
    with pytest.raises(ModelError, match="knows 400 tokens, but its weights have embeddings for 280"):
        load(hub.locate(str(folder)), ("a", "b"))


def test_an_unknown_architecture_is_found_by_its_shape():
    from transformers import NystromformerConfig, NystromformerForSequenceClassification

    config = NystromformerConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=5,
        num_attention_heads=2,
        intermediate_size=8,
    )
    family = family_of(NystromformerForSequenceClassification(config))
    assert (family.blocks, family.head, family.known) == ("encoder.layer", None, False)


def test_a_model_without_blocks_is_refused():
    from transformers import BertConfig, BertForSequenceClassification

    model = BertForSequenceClassification(
        BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=2, num_attention_heads=1, intermediate_size=4)
    )
    model.config.model_type = "other"
    model.config.num_hidden_layers = 7
    with pytest.raises(ModelError, match="blocks of a 'other' model"):
        family_of(model)


def test_a_model_up_to_a_block_is_the_whole_models_states_at_that_block(folders):
    for name in folders:
        whole = load(hub.locate(str(folders[name])), ("a", "b"))
        kept = load(hub.locate(f"{folders[name]}@2"), ("a", "b"))
        ids = torch.randint(5, 60, (3, 9))
        with torch.no_grad():
            trunk = Trunk(whole.model, whole.family)
            states = trunk.normed(trunk.states(ids, None, [2])[0])
            last = kept.model.base_model.get_submodule(kept.family.runs)(input_ids=ids)[0]
        torch.testing.assert_close(last, states, rtol=1e-4, atol=1e-5)
        assert kept.record.blocks == 2
        assert kept.model.config.num_hidden_layers == 2


@pytest.mark.parametrize("depth", [0, 4])
def test_a_depth_that_a_model_has_not_is_refused(folder, depth):
    with pytest.raises(ModelError, match=rf"3 blocks, so there is no .*@{depth}.*\n.*@1 … @3"):
        load(hub.locate(f"{folder}@{depth}"), ("a", "b"))
