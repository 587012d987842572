"""Token types by the separators: two texts in one row need no more than their ids.

In BERT's and its relatives' templates everything up to and with the first separator is of type 0, what follows of
type 1. No separator stands within a person's text (`data/tokens.py`), so the types follow from the ids, and neither
token rows nor caches have to carry them. A row with one text has its only separator at the end, and all types 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def types_of(ids_BT: Tensor, separator: int) -> Tensor:
    """types_BT: 0 up to and with the first separator, then 1; 0 again for what follows the second one (padding)."""
    before_BT = (ids_BT == separator).cumsum(1) - (ids_BT == separator).long()
    return (before_BT == 1).long()


def type_by_separators(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """From now on the model sees the token types of what it is given; nothing changes where its pairs have none."""
    separator: Any = tokenizer.sep_token_id
    if separator is None or 1 not in tokenizer.backend_tokenizer.encode("a", "b").type_ids:
        return

    def typed(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        ids_BT = named.get("input_ids", args[0] if args else None)
        if torch.is_tensor(ids_BT) and named.get("token_type_ids") is None and len(args) < 3:
            named = named | {"token_type_ids": types_of(ids_BT, separator)}
        return args, named

    model.base_model.register_forward_pre_hook(typed, with_kwargs=True)
