"""Embeddings under the name of the head that they are tied to are read as what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_causal
import torch
from safetensors.torch import load_file, save_file

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.errors import ModelError
from graft.tasks.writing_evidence import HEAD

EMBEDDINGS, TIED_TO = "model.embed_tokens.weight", "lm_head.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tied Llama whose one table is stored as that of its head, as safetensors' own `save_model` may do."""
    made = tiny_causal.make("llama", tmp_path / "model")
    weights = load_file(made / "model.safetensors")
    weights[TIED_TO] = weights.pop(EMBEDDINGS)
    save_file(weights, made / "model.safetensors", {"format": "pt", EMBEDDINGS: TIED_TO})
    return made


def embeddings_of(folder: Path, classes: tuple[str, ...]) -> torch.Tensor:
    head = {} if classes else {"head": HEAD}
    return load(hub.locate(str(folder)), classes, **head).model.get_input_embeddings().weight  # type: ignore


@pytest.mark.parametrize("classes", [("a", "b"), ()], ids=["classifier", "writer"])
def test_they_are_found(folder: Path, classes: tuple[str, ...]) -> None:
    assert torch.equal(embeddings_of(folder, classes), load_file(folder / "model.safetensors")[TIED_TO])


def test_fewer_blocks_have_them_too(folder: Path) -> None:
    assert torch.equal(embeddings_of(Path(f"{folder}@1"), ("a", "b")), embeddings_of(folder, ("a", "b")))


def test_a_head_that_is_not_tied_is_no_table_of_embeddings(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"embed_tokens\.weight is missing"):
        embeddings_of(folder, ("a", "b"))


def test_without_either_it_is_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights[TIED_TO]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"embed_tokens\.weight is missing"):
        embeddings_of(folder, ("a", "b"))
