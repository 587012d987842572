"""Extraction: what comes out is the backbone's own, comes once, and leaves nothing behind when it is stopped."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from graft.backbone import features
from graft.backbone.features import Extractor, Wanted
from graft.backbone.store import Store
from graft.records import Progress

ALL = Wanted(depths=(1, 3), cuts=(1, 2))


def run(extractor, tokens, wanted=ALL):
    events = list(extractor.run(tokens, wanted))
    return extractor.features, events


def naive(backbone, tokens, row, depth):
    """One row's states after `depth` blocks, from the library's own forward pass in fp32.

    After the last block they have passed the final norm.
    """
    ids = torch.from_numpy(tokens.ids[tokens.starts[row] : tokens.starts[row + 1]]).long()[None]
    with torch.no_grad():
        runs = backbone.model.base_model.get_submodule(backbone.family.runs)
        return runs(input_ids=ids, output_hidden_states=True).hidden_states[depth][0]


def test_pooled_and_boundaries_are_the_librarys_states(backbone, tokens, machine):
    found, _ = run(Extractor(backbone, machine, Store()), tokens)
    for row in range(len(tokens)):
        span = slice(tokens.starts[row], tokens.starts[row + 1])
        for depth in ALL.depths:
            states = naive(backbone, tokens, row, depth)
            if depth < 3 and backbone.family.norm:
                with torch.no_grad():
                    states = backbone.model.base_model.get_submodule(backbone.family.norm)(states)
            token = states[-1] if backbone.family.poolings[0] == "last" else states[0]
            torch.testing.assert_close(found.pooled[depth][row, 0], token, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.pooled[depth][row, 1], states.mean(0), rtol=1e-4, atol=1e-5)
        for cut in ALL.cuts:
            torch.testing.assert_close(
                found.boundaries[cut][span], naive(backbone, tokens, row, cut), rtol=1e-4, atol=1e-5
            )


def test_the_second_extraction_computes_nothing(backbone, tokens, machine):
    first, events = run(Extractor(backbone, machine, Store()), tokens)
    assert first.hits == 0
    assert events[-1].done == events[-1].total == len(tokens.ids)
    again = Extractor(backbone, machine, Store())
    second, events = run(again, tokens)
    assert (second.hits, events) == (4, [])
    assert again._trunk is None  # not even a working copy was made
    assert second.bytes == first.bytes
    for kind in ("pooled", "boundaries"):
        for level, values in getattr(first, kind).items():
            assert torch.equal(values, getattr(second, kind)[level])


def test_only_what_is_missing_is_computed(backbone, tokens, machine):
    run(Extractor(backbone, machine, Store()), tokens, Wanted(depths=(1,)))
    found, events = run(Extractor(backbone, machine, Store()), tokens)
    assert found.hits == 1
    assert events
    assert Store().usage().entries == 4


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_boundaries_are_kept_in_the_working_precision(backbone, tokens, machine, precision):
    extractor = Extractor(backbone, dataclasses.replace(machine, precision=precision), Store())
    found, _ = run(extractor, tokens)
    assert found.boundaries[1].dtype == extractor.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert found.pooled[1].dtype == torch.float32
    exact = naive(backbone, tokens, 0, 1)
    kept = found.boundaries[1][: len(exact)].float()
    assert (kept - exact).abs().max() < (0.1 if precision == "bf16" else 1e-5) * exact.abs().max()


def test_precisions_are_not_mixed_up(backbone, tokens, machine):
    run(Extractor(backbone, machine, Store()), tokens)
    found, _ = run(Extractor(backbone, dataclasses.replace(machine, precision="bf16"), Store()), tokens)
    assert found.hits == 0


def test_a_stopped_extraction_leaves_no_file(backbone, tokens, machine, monkeypatch):
    monkeypatch.setattr(features, "BATCH_TOKENS", 70)
    store = Store()
    under_way = Extractor(backbone, machine, store).run(tokens, ALL)
    assert isinstance(next(under_way), Progress)
    assert len(list(store.folder.iterdir())) == 4
    under_way.close()
    assert list(store.folder.iterdir()) == []
    assert store.usage().entries == 0


def test_a_damaged_entry_is_computed_again(backbone, tokens, machine):
    first, _ = run(Extractor(backbone, machine, Store()), tokens, Wanted(cuts=(2,)))
    expected = first.boundaries[2].clone()
    (path,) = Store().folder.glob("*.npy")
    path.write_bytes(path.read_bytes()[:-100])
    found, events = run(Extractor(backbone, machine, Store()), tokens, Wanted(cuts=(2,)))
    assert found.hits == 0
    assert events
    assert torch.equal(found.boundaries[2], expected)


def test_extraction_leaves_the_model_as_it_was(backbone, tokens, machine):
    backbone.model.train()
    before = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}
    run(Extractor(backbone, dataclasses.replace(machine, precision="bf16"), Store()), tokens)
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.model.state_dict().items())
    assert backbone.model.training


def test_views_name_every_pooling_and_depth(backbone, tokens, machine):
    depths = features.all_depths(backbone)
    assert depths == (1, 2, 3)
    found, _ = run(Extractor(backbone, machine, Store()), tokens, Wanted(depths=depths))
    token, mean = backbone.family.poolings
    found_views = features.views(found.pooled, depths, backbone.family.poolings)
    seen = {(pooling, depth): values for pooling, depth, values in found_views}
    assert set(seen) == {(pooling, depth) for pooling in (token, mean) for depth in depths} | {("layers", 3)}
    assert torch.equal(seen[token, 2], found.pooled[2][:, 0])
    mean = (found.pooled[1][:, 1] + found.pooled[2][:, 1] + found.pooled[3][:, 1]) / 3
    torch.testing.assert_close(seen["layers", 3], mean)
    assert all(values.shape == (len(tokens), backbone.record.width) for values in seen.values())
    assert np.isfinite(seen["layers", 3].numpy()).all()
