"""Extraction: what comes out is the backbone's own, each row crosses once, and an interruption loses little."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import AWKWARD

from graft.backbone import features
from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.worth import SOONEST
from graft.cache.pace import Pace, Timed
from graft.cache.store import Store
from graft.data.tokens.tokens import tokenize
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


def same(first, second):
    """Whether two extractions gave the same, bit for bit."""
    pooled = all(torch.equal(values, second.pooled[depth]) for depth, values in first.pooled.items())
    states = ((states, second.boundaries[cut]) for cut, states in first.boundaries.items())
    return pooled and all(torch.equal(one.row(row), other.row(row)) for one, other in states for row in range(len(one)))


def test_pooled_and_boundaries_are_the_librarys_states(backbone, tokens, machine):
    found, _ = run(Extractor(backbone, machine, Store()), tokens)
    for row in range(len(tokens)):
        for depth in ALL.depths:
            states = naive(backbone, tokens, row, depth)
            if depth < 3 and backbone.family.norm:
                with torch.no_grad():
                    states = backbone.model.base_model.get_submodule(backbone.family.norm)(states)
            token = states[-1] if backbone.family.poolings[0] == "last" else states[0]
            torch.testing.assert_close(found.pooled[depth][row, 0], token, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.pooled[depth][row, 1], states.mean(0), rtol=1e-4, atol=1e-5)
        for cut in ALL.cuts:
            states = naive(backbone, tokens, row, cut)
            torch.testing.assert_close(found.boundaries[cut].row(row), states, rtol=1e-4, atol=1e-5)


def test_the_second_extraction_computes_nothing(backbone, tokens, machine):
    first, events = run(Extractor(backbone, machine, Store()), tokens)
    assert first.hits + first.extracted == len(tokens)
    assert events[-1].done == events[-1].total <= len(tokens.ids)  # two of the texts may be the same tokens
    again = Extractor(backbone, machine, Store())
    second, events = run(again, tokens)
    assert (second.hits, second.extracted, again.extracted, events) == (len(tokens), 0, 0, [])
    assert again._trunk is None  # not even a working copy was made
    assert second.bytes == first.bytes
    assert second.spared == second.whole > 0
    assert same(first, second)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(st.integers(0, 7), max_size=12), min_size=1, max_size=4))
def test_no_row_is_extracted_twice(loaded, machine, tmp_path_factory, rows):
    """In whatever splits, order and repetition rows come, each crosses the backbone once and keeps its first value."""
    backbone = loaded["bert"]
    every = tokenize(AWKWARD, backbone.tokenizer.backend_tokenizer, 64)[0]
    alike = [1 if row == 6 else row for row in range(len(every))]  # both of these are empty to the tokenizer
    store = Store(tmp_path_factory.mktemp("cache"))
    first: dict[int, torch.Tensor] = {}
    for part in rows:
        found, _ = run(Extractor(backbone, machine, store), every.take(np.array(part, dtype=np.int64)))
        named = [alike[row] for row in part]
        assert found.extracted == len({*named} - {*first})
        for place, row in enumerate(named):
            values = torch.cat([found.pooled[3][place].flatten(), found.boundaries[2].row(place).flatten()])
            assert torch.equal(first.setdefault(row, values), values)


def test_what_ranking_extracted_serves_the_run(backbone, tokens, machine):
    """A sample with all depths first; then all rows with one depth: the sample's rows are not computed again."""
    sample = Extractor(backbone, machine, Store())
    run(sample, tokens.take(np.array([7, 0, 3])), Wanted(depths=(1, 2, 3)))
    later, _ = run(Extractor(backbone, machine, Store()), tokens, Wanted(depths=(3,)))
    assert sample.extracted == later.hits - (len(tokens) - 3 - later.extracted) == 3


def test_a_row_that_lacks_one_kind_is_computed_only_as_deep_as_that(backbone, tokens, machine, monkeypatch):
    run(Extractor(backbone, machine, Store()), tokens, Wanted(depths=(3,)))
    extractor = Extractor(backbone, machine, Store())
    deepest = []
    states = extractor.trunk.states
    monkeypatch.setattr(extractor.trunk, "states", lambda *given: deepest.append(max(given[2])) or states(*given))
    run(extractor, tokens, Wanted(depths=(3,), cuts=(1,)))
    assert set(deepest) == {1}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_boundaries_are_kept_in_the_working_precision(backbone, tokens, machine, precision):
    extractor = Extractor(backbone, dataclasses.replace(machine, precision=precision), Store())
    found, _ = run(extractor, tokens)
    assert found.boundaries[1].dtype == extractor.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert found.pooled[1].dtype == torch.float32
    exact = naive(backbone, tokens, 0, 1)
    kept = found.boundaries[1].row(0).float()
    assert (kept - exact).abs().max() < (0.1 if precision == "bf16" else 1e-5) * exact.abs().max()


def test_batches_are_padded_with_zeros(backbone, tokens, machine):
    states = run(Extractor(backbone, machine, Store()), tokens)[0].boundaries[1]
    rows = np.array([4, 3, 4])
    batch = states.batch(rows)
    assert batch.shape == (3, tokens.lengths[3], backbone.record.width)
    for place, row in enumerate(rows):
        assert torch.equal(batch[place, : tokens.lengths[row]], states.row(row))
        assert not batch[place, tokens.lengths[row] :].any()
    assert torch.equal(states.flat(rows), torch.cat([states.row(row) for row in rows]))


def test_a_stopped_extraction_keeps_what_was_done(backbone, tokens, machine, monkeypatch):
    monkeypatch.setattr(features, "batch_tokens_for", lambda _: 70)
    whole, _ = run(Extractor(backbone, machine, Store(limit=0)), tokens, Wanted(depths=(1, 3)))
    under_way = Extractor(backbone, machine, Store())
    stopped = under_way.run(tokens, ALL)
    assert isinstance(next(stopped), Progress)
    stopped.close()
    assert under_way.extracted == 1
    assert not list(Store().folder.glob("*/.*"))
    found, _ = run(Extractor(backbone, machine, Store()), tokens)
    assert found.extracted == whole.extracted - 1
    assert same(whole, found)


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from graft.backbone import features
from graft.backbone.models import hub
from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import load
from graft.backbone.model import load
from graft.cache import filling
from graft.cache.store import Store
from graft.data.tokens.tokens import tokenize
from graft.records import MachineRecord
folder, cache, kill, *texts = sys.argv[1:]
features.batch_tokens_for, filling.COMMIT_SECONDS = (lambda _: 70), 0.0
backbone = load(hub.locate(folder), ("bad", "good", "so-so"))
tokens = tokenize(texts, backbone.tokenizer.backend_tokenizer, 64)[0]
extractor = Extractor(backbone, MachineRecord("cpu", "test", 2, "fp32", "test"), Store(Path(cache)))
for number, _ in enumerate(extractor.run(tokens, Wanted((1, 3), (1, 2)))):
    if number == int(kill):
        os.kill(os.getpid(), signal.SIGKILL)
found = extractor.features
states = [states.flat(np.arange(len(tokens))).view(-1).numpy() for states in found.boundaries.values()]
np.savez(sys.argv[2] + f"/of-{os.getpid()}.npz", *(values.numpy() for values in found.pooled.values()), *states)
"""


def started(folder, cache, kill):
    return subprocess.Popen([sys.executable, "-c", KILLED, str(folder), str(cache), str(kill), *AWKWARD])


def test_a_killed_extraction_is_continued_and_nothing_is_left_behind(folders, loaded, machine, tmp_path):
    backbone = loaded["bert"]
    tokens = tokenize(AWKWARD, backbone.tokenizer.backend_tokenizer, 64)[0]
    assert started(folders["bert"], tmp_path, 2).wait() == -signal.SIGKILL
    assert list(tmp_path.glob("*/.*"))
    whole, _ = run(Extractor(backbone, machine, Store(limit=0)), tokens)
    found, _ = run(Extractor(backbone, machine, Store(tmp_path)), tokens)
    assert 0 < found.extracted < whole.extracted
    assert all(torch.allclose(values, found.pooled[depth], atol=1e-5) for depth, values in whole.pooled.items())
    assert not list(tmp_path.glob("*/.*"))


@pytest.mark.slow
def test_two_writers_in_two_processes_give_the_same(folders, tmp_path):
    writers = [started(folders["bert"], tmp_path, -1) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert started(folders["bert"], tmp_path, -1).wait() == 0
    first, *others = (np.load(path) for path in tmp_path.glob("of-*.npz"))
    assert len(others) == 2
    assert all(np.array_equal(first[name], other[name]) for name in first.files for other in others)


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "tail"])
def test_a_damaged_shard_is_noticed_and_said_and_computed_again(backbone, tokens, machine, damage):
    first, _ = run(Extractor(backbone, machine, Store()), tokens, Wanted(cuts=(2,)))
    (path,) = Store().folder.glob("*/*.shard")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 1
    path.unlink()  # the first extraction still reads the old file
    damaged = {"cut": whole[:-100], "bit": whole, "empty": b"", "tail": bytes(whole[:-1]) + b"?"}
    path.write_bytes(damaged[damage])
    found, events = run(Extractor(backbone, machine, Store()), tokens, Wanted(cuts=(2,)))
    assert found.extracted == first.extracted
    assert events
    assert len(found.notes) == 1
    assert str(path) in found.notes[0]
    assert same(first, found)
    again, _ = run(Extractor(backbone, machine, Store()), tokens, Wanted(cuts=(2,)))
    assert (again.extracted, again.notes) == (0, ())


def test_without_room_pooled_states_are_given_and_token_states_are_not(backbone, tokens, machine):
    found, _ = run(Extractor(backbone, machine, Store(limit=100)), tokens)
    assert sorted(found.pooled) == [1, 3]
    assert found.boundaries == {}
    assert "no room" in found.notes[0]
    kept, _ = run(Extractor(backbone, machine, Store()), tokens)
    assert same(found, kept)


def test_a_cache_that_cannot_be_written_is_said_and_done_without(backbone, tokens, machine, tmp_path):
    (tmp_path / "file").write_text("")
    found, _ = run(Extractor(backbone, machine, Store(tmp_path / "file")), tokens)
    assert sorted(found.pooled) == [1, 3]
    assert all("cannot be written" in note for note in found.notes)
    assert found.notes


@contextmanager
def slow(pace: Pace) -> Iterator[Timed]:
    """A disk that takes a second for a byte, whatever is done."""
    pace.seconds_a_byte = 1.0
    yield Timed()


@pytest.mark.parametrize(("passes", "kept"), [((9,), False), ((0,), True), ((), True)])
def test_states_that_are_cheaper_to_compute_are_not_kept(backbone, tokens, machine, monkeypatch, passes, kept):
    """On a disk so slow that an epoch's reading takes hours; what is asked for in any case is kept all the same."""
    monkeypatch.setattr(features, "batch_tokens_for", lambda _: 64)
    monkeypatch.setattr(Pace, "of", slow)
    found, _ = run(Extractor(backbone, machine, Store()), tokens, Wanted((3,), (2,), passes))
    assert list(found.boundaries) == ([2] if kept else [])
    assert (found.worth[2].reading, found.notes) == (4.0 * backbone.record.width, ())
    kinds = [entry.kind for entry in Store().usage().entries]
    assert sorted(kinds) == ["pooled after block 3", *(["states after block 2"] if kept else [])]


def test_extraction_of_nothing_but_what_is_not_worth_keeping_ends_early(backbone, tokens, machine, monkeypatch):
    monkeypatch.setattr(features, "batch_tokens_for", lambda _: 64)
    monkeypatch.setattr(Pace, "of", slow)
    found, events = run(Extractor(backbone, machine, Store()), tokens, Wanted((), (2,), (9,)))
    assert SOONEST <= found.extracted < len(tokens) - 1
    assert found.boundaries == {}
    assert len(events) > SOONEST


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


def test_blocks_that_attend_otherwise_are_other_blocks(folders, machine, tmp_path):
    """The same weights, but what a configuration says block by block differs; below that block nothing does."""
    found = {}
    for name, types in (("full", ["full_attention"] * 3), ("mixed", ["full_attention", *["sliding_attention"] * 2])):
        folder = shutil.copytree(folders["qwen2"], tmp_path / name)
        config = json.loads((folder / "config.json").read_text())
        config |= {"use_sliding_window": True, "sliding_window": 4, "layer_types": types}
        (folder / "config.json").write_text(json.dumps(config))
        model = load(hub.locate(str(folder)), ("a", "b"))
        tokens = tokenize(["the bread was fresh and the waiter kind"], model.tokenizer.backend_tokenizer, 64)[0]
        found[name] = [run(Extractor(model, machine, Store()), tokens, Wanted((depth,)))[0] for depth in (1, 3)]
    assert [one.hits for one in found["full"]] == [0, 0]
    assert [one.hits for one in found["mixed"]] == [1, 0]
    assert not torch.allclose(found["full"][1].pooled[3], found["mixed"][1].pooled[3])
