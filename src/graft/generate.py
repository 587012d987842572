"""A language model that writes: prompts in, texts out, streamed in whole characters as they are written.

Texts of several prompts, and several texts of one, are written together, in one batch. A text depends on its prompt,
its number and the seed, not on what is written beside it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from graft.backbone import artefact
from graft.backbone.decode import KEPT, Stepper
from graft.backbone.language import fuse_gelu
from graft.backbone.marks import encode, marks_of
from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models import hub
from graft.backbone.sampling import Chooser
from graft.backbone.unfolding import Stopping, Unfolding
from graft.errors import RecipeError, RunError
from graft.folder import RunFolder
from graft.machine import Device, choose
from graft.records import Manifest, Said
from graft.records.writing import Ending, Fragment, Generation, Written
from graft.tasks.registry import task_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BATCH = 32  # texts that are written together
GENERATION = Generation()


class Writer:
    """Writes with a causal language model in eval mode. `window`: tokens that it can read."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, window: int) -> None:
        self.model = model
        self.window = window
        self._tokenizer = tokenizer
        self._marks = marks_of(model, tokenizer)

    def generate(self, prompts: str | Sequence[str], wanted: Generation = GENERATION) -> Iterator[Fragment]:
        """Pieces of the texts as they come; the last piece of each has its `ending`.

        Raises RecipeError for an empty prompt where the model has no token to begin from.
        """
        return (event for event in self.stream(prompts, wanted) if isinstance(event, Fragment))

    def write(self, prompts: str | Sequence[str], wanted: Generation = GENERATION) -> list[Written]:
        """The finished texts, by prompt and then by sample."""
        named = _listed(prompts)
        return gathered(self.generate(named, wanted), named)

    def stream(self, prompts: str | Sequence[str], wanted: Generation = GENERATION) -> Iterator[Fragment | Said]:
        """The same, with sentences about what the person should know: unknown characters, a window that is full."""
        rows: list[_Row] = []
        for number, prompt in enumerate(_listed(prompts)):
            ids = encode(self._tokenizer, prompt)
            yield from self._about(prompt, ids)
            opened = [*([self._marks.start] if self._marks.start is not None else []), *ids]
            if not opened:
                raise RecipeError("The prompt is empty, and this model has no token to begin from.", "give a prompt.")
            for sample in range(wanted.samples):
                unfolding = Unfolding(self._tokenizer, opened)
                seed = (zlib.crc32(prompt.encode("utf-8", "surrogatepass")), sample)
                rows.append(
                    _Row(number, sample, opened, seed, unfolding, Stopping((*wanted.stop, self._marks.spelled)))
                )
        for start in range(0, len(rows), BATCH):
            yield from self._together(rows[start : start + BATCH], wanted)

    def _about(self, prompt: str, ids: list[int]) -> Iterator[Said]:
        shown = f"“{prompt[:40]}…”" if len(prompt) > 40 else f"“{prompt}”"
        unknown = ids.count(self._marks.unknown) if self._marks.unknown is not None else 0
        if unknown:
            share = f"{unknown} of its {len(ids)} tokens" if len(ids) > unknown else "nothing of it"
            found = f"the model's tokenizer does not know {share}" if len(ids) > unknown else "the tokenizer knows "
            yield Said(f"Prompt {shown}: {found}{'' if len(ids) > unknown else share}; they are read as unknown.")
        room = int(self.window * KEPT)
        if len(ids) + 1 > room:
            said = f"its last {room} of {len(ids):,} tokens are read, as the model's window holds {self.window:,}"
            yield Said(f"Prompt {shown}: {said}.")

    def _together(self, rows: list[_Row], wanted: Generation) -> Iterator[Fragment | Said]:
        """Step until every row has ended."""
        stepper = Stepper(self.model, [row.ids for row in rows], self.window, self._marks.silent)
        chooser = Chooser(wanted.sampling, [row.seed for row in rows])
        seen = _Seen(rows, self._words) if wanted.sampling.repetition_penalty != 1 else None
        told = any(stepper.slid)
        for count in range(1, wanted.tokens + 1):
            ids = chooser(stepper.logits(), seen.flags_BV if seen else None).tolist()
            going: list[int] = []
            for place, (row, token) in enumerate(zip(rows, ids, strict=True)):
                piece = row.take(token, token in self._marks.ends, count == wanted.tokens)
                if piece.text or piece.ending:
                    yield piece
                if not piece.ending:
                    going.append(place)
            if not going:
                return
            rows, ids = [rows[place] for place in going], [ids[place] for place in going]
            stepper.keep(going)
            chooser.keep(going)
            stepper.append(ids)
            if seen:
                seen.step(going, ids)
            if any(stepper.slid) and not told:
                told = True
                yield Said(f"The model's window of {self.window:,} tokens is full: texts go on from their last part.")

    @property
    def _words(self) -> int:
        return int(self.model.config.get_text_config().vocab_size)


@dataclass
class _Row:
    """One text under way."""

    prompt: int
    sample: int
    ids: list[int]
    seed: tuple[int, int]
    unfolding: Unfolding
    stopping: Stopping

    def take(self, token: int, is_end: bool, is_last: bool) -> Fragment:
        """The piece that a token adds."""
        text = self.stopping.add("" if is_end else self.unfolding.add(token))
        ending: Ending = "stop" if self.stopping.met else "end" if is_end else "length" if is_last else ""
        if ending and ending != "stop":
            text += self.stopping.add(self.unfolding.rest())
            text += self.stopping.rest()
            ending = "stop" if self.stopping.met else ending
        return Fragment(self.prompt, self.sample, text, ending)


class _Seen:
    """Which tokens each row has, prompt included."""

    def __init__(self, rows: Sequence[_Row], words: int) -> None:
        self.flags_BV: Tensor = torch.zeros(len(rows), words, dtype=torch.bool)
        for flags_V, row in zip(self.flags_BV, rows, strict=True):
            flags_V[torch.tensor(row.ids)] = True

    def step(self, going: Sequence[int], ids: Sequence[int]) -> None:
        """Go on with some rows, each with one token more."""
        self.flags_BV = self.flags_BV[list(going)]
        self.flags_BV[torch.arange(len(ids)), torch.tensor(ids)] = True


def _listed(prompts: str | Sequence[str]) -> list[str]:
    listed = [prompts] if isinstance(prompts, str) else list(prompts)
    for prompt in listed:
        if not isinstance(prompt, str):
            raise TypeError(f"a prompt must be a str, not {type(prompt).__name__}")
    return listed


def load(run: str | Path, device: Device = "auto") -> Writer:
    """The model of a run that writes. Raises RunError when the folder holds no finished model of that task."""
    folder = RunFolder(run)
    manifest = folder.manifest()
    return _writer(artefact.load(folder.model, _checked(manifest, run)), manifest, device)


def untuned(run: str | Path, device: Device = "auto") -> Writer:
    """The model that a run started from. Raises ModelError where it is not at hand."""
    manifest = _checked(RunFolder(run).manifest(), run)
    located = hub.locate(manifest.backbone.name, manifest.backbone.revision or None)
    return _writer(load_model(located, (), head=task_of(manifest).head), manifest, device)


def _checked(manifest: Manifest, run: str | Path) -> Manifest:
    if task_of(manifest).head.reads != "language":
        raise RunError(f"{run} answers texts, it writes none.", f"graft predict {run} TEXT, or a run of --task write.")
    return manifest


def _writer(backbone: Backbone, manifest: Manifest, device: Device) -> Writer:
    return writer_of(backbone, choose(device, "fp32").device, manifest.backbone.max_tokens)


def gathered(pieces: Iterable[Fragment], prompts: Sequence[str]) -> list[Written]:
    """The finished texts of all pieces, by prompt and then by sample."""
    parts: dict[tuple[int, int], list[str]] = {}
    written: dict[tuple[int, int], Written] = {}
    for piece in pieces:
        place = piece.prompt, piece.sample
        parts.setdefault(place, []).append(piece.text)
        if piece.ending:
            written[place] = Written(prompts[piece.prompt], piece.sample, "".join(parts[place]), piece.ending)
    return [written[place] for place in sorted(written)]


def writer_of(backbone: Backbone, device: str, window: int) -> Writer:
    """A writer with a loaded model, which is moved to the device and made ready to step, in place."""
    model = cast(Any, backbone.model).to(device)
    model.config._attn_implementation = "sdpa"
    if device == "cpu":
        fuse_gelu(model)
    return Writer(model, backbone.tokenizer, window)
