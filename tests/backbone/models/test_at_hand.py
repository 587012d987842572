"""Models that need no download: found in folders and in the hub's cache, their facts read from their files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open

from graft.backbone.models import at_hand
from graft.backbone.models.at_hand import cached, card_of, embedded, embeds_by_mean, in_folder, is_model
from graft.backbone.models.hub import locate

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def in_cache(model: Path, cache: Path, name: str, commit: str = COMMIT) -> Path:
    """A copy of a model as the hub's client keeps it; returns the snapshot."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    return Path(shutil.copytree(model, repository / "snapshots" / commit))


MEAN, CLS = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, {"pooling_mode_cls_token": True}


@pytest.mark.parametrize(
    ("kinds", "pooling", "told"),
    [
        (("Transformer", "Pooling", "Normalize"), MEAN, True),
        (("Transformer", "Pooling"), {"pooling_mode": "mean"}, True),
        (("Transformer", "Pooling"), CLS, False),
        (("Transformer", "Pooling"), MEAN | CLS, False),
        (("Transformer", "Pooling"), {"pooling_mode": "cls"}, False),
        (("Transformer", "Pooling", "Dense", "Normalize"), MEAN, False),
        (("Transformer",), MEAN, False),
        ((), MEAN, False),
    ],
)
def test_a_sentence_embedder_by_the_mean_is_known_by_its_modules(folders, tmp_path, kinds, pooling, told):
    folder = Path(shutil.copytree(folders["bert"], tmp_path / "model"))
    assert not embeds_by_mean(locate(str(folder)))
    places = [{"type": f"sentence_transformers.models.{kind}", "path": f"{at}_{kind}"} for at, kind in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(places))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    assert embeds_by_mean(locate(str(folder))) is told
    assert not embeds_by_mean(locate(f"{folder}@2"))


@pytest.mark.parametrize("content", ["", "{}", "3", "[3]", '[{"type": 1}, {}]', "[" * 100_000])
def test_modules_that_are_none_are_no_sentence_embedder(folders, tmp_path, content):
    folder = Path(shutil.copytree(folders["bert"], tmp_path / "model"))
    (folder / "modules.json").write_text(content)
    assert not embeds_by_mean(locate(str(folder)))


def test_the_embedded_model_is_a_sentence_embedder():
    assert embeds_by_mean(locate())


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_facts_are_read_from_the_folder(folders, family):
    folder = folders[family]
    config = json.loads((folder / "config.json").read_text())
    card = card_of(folder, "it")
    assert (card.family, card.safetensors, card.licence) == (family, True, None)
    assert card.shape.blocks == config.get("num_hidden_layers", config.get("n_layers"))
    assert card.shape.width == config.get("hidden_size", config.get("dim"))
    assert card.shape.vocabulary == config["vocab_size"]
    assert card.shape.max_tokens == config["max_position_embeddings"] - (2 if family == "roberta" else 0)
    with safe_open(folder / "model.safetensors", "np") as weights:
        sizes = [weights.get_tensor(name).size for name in weights.keys()]  # noqa: SIM118 - no mapping
    assert card.shape.parameters == sum(sizes)


def test_a_folder_is_a_model_or_holds_some(folders, tmp_path, monkeypatch):
    for family in ("bert", "roberta"):
        shutil.copytree(folders[family], tmp_path / "models" / family)
    (tmp_path / "models" / "notes").mkdir()
    (tmp_path / "models" / "notes.txt").write_text("none")
    monkeypatch.chdir(tmp_path)
    assert [entry.card.name for entry in in_folder(Path("models"))] == ["./models/bert", "./models/roberta"]
    (entry,) = in_folder(Path("models/bert"))
    assert (entry.card.name, entry.at_hand) == ("./models/bert", "models/bert")
    assert in_folder(Path("models/notes")) == []


def test_whole_models_of_the_cache_are_found(folders, tmp_path):
    there = in_cache(folders["bert"], tmp_path, "someone/tiny")
    (in_cache(folders["bert"], tmp_path, "someone/halved") / "model.safetensors").unlink()
    (entry,) = cached(tmp_path)
    assert (entry.card.name, entry.card.family, entry.at_hand) == ("someone/tiny", "bert", str(there))


def test_no_cache_is_no_model(tmp_path):
    assert cached(tmp_path / "nothing") == []


def test_the_embedded_model_goes_by_its_name_on_the_hub(monkeypatch):
    assert [entry.at_hand for entry in embedded()] in ([], ["embedded"])
    monkeypatch.setattr(at_hand, "EMBEDDED_MODULE", "not_installed_at_all")
    assert embedded() == []


@pytest.mark.parametrize("damage", [b"", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0[]", b'\x10\0\0\0\0\0\0\0{"a": {"x": 1}} '])
def test_damaged_weights_have_no_count(folders, tmp_path, damage):
    folder = Path(shutil.copytree(folders["bert"], tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(damage)
    assert card_of(folder, "it").shape.parameters is None


def test_weights_in_parts_are_counted_together(folders, tmp_path):
    folder = Path(shutil.copytree(folders["bert"], tmp_path / "model"))
    whole = card_of(folder, "it").shape.parameters
    (folder / "model.safetensors").rename(folder / "part-1.safetensors")
    shutil.copy(folder / "part-1.safetensors", folder / "part-2.safetensors")
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert card_of(folder, "it").shape.parameters == 2 * whole
    (folder / "part-2.safetensors").unlink()
    assert not is_model(folder)


@pytest.mark.parametrize(
    "config", ["[]", "no json", '{"model_type": 3}', '{"model_type": "clip"}', '{"vocab_size": 9}']
)
def test_what_is_no_text_model_has_no_card(folders, tmp_path, config):
    folder = Path(shutil.copytree(folders["bert"], tmp_path / "model"))
    (folder / "config.json").write_text(config)
    assert card_of(folder, "it") is None
    assert in_folder(folder) == []


def test_a_hub_cache_in_a_home_that_nobody_has_holds_nothing():
    assert cached(Path("~nobody-has-this-name/hub")) == []
