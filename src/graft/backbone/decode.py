"""Rows of tokens that grow together, step by step, with cached keys and values.

Rows of different length are padded on the left; each keeps its own positions. A row that has filled the model's window
goes on from the last part of itself. Shapes: ids_BT and mask_BT are int64, logits_BV fp32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from graft.backbone.growing import cache_for

KEPT = 0.75  # of a full window that a row goes on from: more would cost passes, less would forget


class Stepper:
    """Some rows under way. `model`: a causal language model in eval mode; `window`: tokens that it can read; `silent`:
    tokens that are never to be written.

    At each step: read `logits`, `append` one token per row, and `keep` the rows that are to go on.
    """

    def __init__(
        self, model: PreTrainedModel, rows: Sequence[Sequence[int]], window: int, silent: Sequence[int] = ()
    ) -> None:
        if not rows or not all(rows):
            raise ValueError("a row needs a token to start from")
        self._model = cast(Any, model)
        self._head = cast(nn.Module, model.get_output_embeddings())
        self._device = model.device
        self._silent = torch.tensor(silent, dtype=torch.long)
        self._window = window
        self._rows = [list(row) for row in rows]
        self._read = [min(len(row), self._room) for row in self._rows]  # the last tokens of each that are in the cache
        self.slid = [len(row) > self._room for row in self._rows]  # whether a row's beginning has been left behind
        self._cache: DynamicCache | None = None
        self._mask_BT: Tensor | None = None
        self._hidden_BD = self._read_all()

    @property
    def _room(self) -> int:
        """The most tokens that a row goes on from when its beginning is left behind."""
        return max(1, int(self._window * KEPT))

    def __len__(self) -> int:
        return len(self._rows)

    @torch.inference_mode()
    def logits(self) -> Tensor:
        """logits_BV of each row's next token, on the CPU; minus infinity for what is never written."""
        logits_BV = cast(Tensor, self._head(self._hidden_BD)).float().cpu()
        return logits_BV.index_fill_(1, self._silent, -torch.inf)

    @torch.inference_mode()
    def append(self, ids: Sequence[int]) -> None:
        """Let each row grow by its token."""
        for row, token in zip(self._rows, ids, strict=True):
            row.append(token)
        if max(self._read) < self._window:
            self._read = [length + 1 for length in self._read]
            self._hidden_BD = self._read_one(ids)
            return
        for number, length in enumerate(self._read):
            full = length >= self._window
            self._read[number] = self._room if full else length + 1
            self.slid[number] = self.slid[number] or full
        self._hidden_BD = self._read_all()

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only, in this order."""
        if len(rows) == len(self._rows):
            return
        chosen = torch.tensor(rows, dtype=torch.long, device=self._device)
        self._rows = [self._rows[row] for row in rows]
        self._read = [self._read[row] for row in rows]
        self.slid = [self.slid[row] for row in rows]
        self._hidden_BD = self._hidden_BD[chosen]
        if self._mask_BT is not None:
            self._mask_BT = self._mask_BT[chosen]
        if self._cache is not None:
            self._cache.batch_select_indices(chosen)

    @torch.inference_mode()
    def _read_all(self) -> Tensor:
        """The rows' last tokens into a new cache. Returns hidden_BD at each row's last token."""
        width = max(self._read)
        ids = [[0] * (width - length) + row[-length:] for row, length in zip(self._rows, self._read, strict=True)]
        ids_BT = torch.tensor(ids, device=self._device)
        lengths_B1 = torch.tensor(self._read, device=self._device).unsqueeze(1)
        places_BT = torch.arange(width, device=self._device) - (width - lengths_B1)
        self._mask_BT = (places_BT >= 0).long() if min(self._read) < width else None
        self._cache = cache_for(self._model.config)
        return self._states(ids_BT, places_BT.clamp_min(0))

    def _read_one(self, ids: Sequence[int]) -> Tensor:
        if self._mask_BT is not None:
            self._mask_BT = nn.functional.pad(self._mask_BT, (0, 1), value=1)
        places_B1 = torch.tensor(self._read, device=self._device).unsqueeze(1) - 1
        return self._states(torch.tensor(ids, device=self._device).unsqueeze(1), places_B1)

    def _states(self, ids_BT: Tensor, places_BT: Tensor) -> Tensor:
        found = self._model.base_model(
            input_ids=ids_BT,
            attention_mask=self._mask_BT,
            position_ids=places_BT,
            past_key_values=self._cache,
            use_cache=True,
        )
        return cast(Tensor, found.last_hidden_state[:, -1])
