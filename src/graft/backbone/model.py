"""Load a backbone, graft a classification head onto it, save it as an ordinary Hugging Face model.

The fp32 model here is the truth: training writes its trained weights back into it, and it is what is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from graft import quiet
from graft.backbone import decoders, outputs, tied
from graft.backbone.families import Family, depth_of, family_of
from graft.backbone.models import trust
from graft.backbone.models.hub import Located, described, has_tokenizer
from graft.backbone.outputs import REMEDY, WRITING
from graft.errors import GraftError, ModelError
from graft.machine import is_out_of_memory
from graft.records import BackboneRecord
from graft.tasks.task import ROW_HEAD, Head, Reads

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HEAD = "graft_head"  # where a pooled head hangs on the model
SPARE = 1 << 24  # numbers that a model may have beyond those of its weights' files: masks, a new head
TOKENIZER_LIMIT = 100_000  # a tokenizer without a limit of its own says 1e30


@dataclass(frozen=True, slots=True)
class Backbone:
    """A loaded classification model in fp32, its tokenizer and its record."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    family: Family
    record: BackboneRecord
    reads: Reads = "row"  # what its head reads
    knows: bool = False  # whether its head came with the weights, for these very outputs


def load(
    located: Located, classes: tuple[str, ...], seed: int = 0, pretrained: bool = True, head: Head = ROW_HEAD
) -> Backbone:
    """Load a located model with a native head for `classes`; without `pretrained`, all weights are random.

    `classes` name the head's outputs in order; `head` is the kind that the task asks for. A head that came with the
    weights goes on where it answers these classes in this order; else its layer of outputs is drawn by the seed.

    Dropout is set by the stages of a recipe, so it is off here. Raises ModelError for anything that is not a text model
    with a classification head, a fast tokenizer and finite weights.
    """
    from transformers import AutoTokenizer

    trust.check(located.folder, located.name)
    if not has_tokenizer(located.folder):
        raise ModelError(f"{located.name} has no tokenizer in {located.folder}.", REMEDY)
    with quiet.MODELS:
        try:
            config = trust.configuration(located.folder, located.name)
            outputs.refuse_unfit(config, located, head)
            _keep_blocks(config, located)
            same = head.reads in WRITING or outputs.name_outputs(config, classes, head)
            _refuse_larger(config, located, head)
            torch.manual_seed(seed)  # a new head's random weights
            model, new = _pretrained(located, config, head) if pretrained else (_random(config, head), set())
            if pretrained and not same:
                outputs.renew(model, new)
            tokenizer = AutoTokenizer.from_pretrained(located.folder, local_files_only=True, trust_remote_code=False)
        except (GraftError, MemoryError):
            raise
        except Exception as error:  # whatever the library makes of a stranger's files
            if is_out_of_memory(error):
                raise MemoryError from None
            raise ModelError(
                f"{located.name} cannot be loaded as a {outputs.KINDS[head.reads]}: {_first_line(error)}",
                outputs.remedy(head),
            ) from None
    if not tokenizer.is_fast:
        raise ModelError(f"{located.name} has no fast tokenizer (tokenizer.json).", REMEDY)
    _check_vocabulary(located, model, tokenizer)
    family = family_of(model)
    if family.poolings[0] == "last" and head.reads not in WRITING:
        decoders.settle(tokenizer, model.config, located.name)
    model.eval()
    knows = pretrained and same and outputs.kept(model, new)
    return Backbone(model, tokenizer, family, _record(located, model, tokenizer, family), head.reads, knows)


def _refuse_larger(config: Any, located: Located, head: Head) -> None:
    """A line of a configuration must not ask for more memory than the weights take: counted before any is taken.

    Whatever does not fit its weights would be made, filled with random numbers, and only then be refused.
    """
    with torch.device("meta"):
        model = _random(config, head)
    wanted = sum(one.numel() for one in (*model.parameters(), *model.buffers()))
    if wanted > trust.most_elements(located.folder) + SPARE:
        raise ModelError(
            f"{located.folder / 'config.json'} describes a model of {wanted:,} numbers, which its weights cannot hold.",
            "download the model again, or name another.",
        )


def _keep_blocks(config: Any, located: Located) -> None:
    """Make the configuration that of a model with the located depth; the weights of the other blocks are not read."""
    blocks, depth = int(config.num_hidden_layers), located.depth
    if depth is None:
        return
    if not 1 <= depth <= blocks:
        name = located.name.removesuffix(f"@{depth}")
        raise ModelError(f"{name} has {blocks} blocks, so there is no {located.name}.", f"name {name}@1 … @{blocks}.")
    config.num_hidden_layers = depth
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:depth]


def _pretrained(located: Located, config: Any, head: Head) -> tuple[PreTrainedModel, set[str]]:
    """The model, and the names of what its files lack."""
    model, loading = _auto(head).from_pretrained(
        located.folder,
        config=config,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        dtype=torch.float32,
        attn_implementation="eager",
        ignore_mismatched_sizes=True,  # the head of a model fine-tuned on other classes is replaced
        output_loading_info=True,
    )
    new = {*loading["missing_keys"], *(key[0] for key in loading["mismatched_keys"])}
    _check_weights(located, model, tied.fill_embeddings(model, located.folder, new))
    return model, new


def _check_weights(located: Located, model: PreTrainedModel, new: set[str]) -> None:
    """Only the head may be new; the library fills every other gap with random numbers as well."""
    prefix = model.base_model_prefix
    absent = sorted(name for name in new if name.startswith(f"{prefix}.") and not name.startswith(f"{prefix}.pooler."))
    if model.config.is_encoder_decoder and model.can_generate():  # nothing of it is new, the head neither
        absent = sorted(new - {"final_logits_bias"})
    if absent:
        raise ModelError(
            f"The weights of {located.name} do not fit its config.json: {absent[0]} is missing or of another shape"
            + (f", and {len(absent) - 1} more." if len(absent) > 1 else "."),
            "download the model again, or name another.",
        )
    for name, parameter in model.named_parameters():
        if not _is_finite(parameter.detach()):
            raise ModelError(f"The weights of {located.name} are not finite: {name}.", "download the model again.")


def _is_finite(tensor: Tensor) -> bool:
    """Whether all numbers are: where their sum is, which is sooner known, they are."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def _check_vocabulary(located: Located, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Special tokens that are added behind the vocabulary may lack a row: texts do not reach them."""
    known = tokenizer.backend_tokenizer.get_vocab_size(False)
    rows = int(cast(Any, model.get_input_embeddings()).weight.shape[0])
    if known > rows:
        raise ModelError(
            f"The tokenizer of {located.name} knows {known:,} tokens, but its weights have embeddings for {rows:,}: "
            "they belong to different models.",
            "download the model again, with its own tokenizer, or name another.",
        )


def _auto(head: Head) -> Any:
    import transformers

    return getattr(transformers, head.auto)


def _random(config: Any, head: Head) -> PreTrainedModel:
    return _auto(head).from_config(  # type: ignore[no-any-return]
        config, dtype=torch.float32, attn_implementation="eager", trust_remote_code=False
    )


def _record(located: Located, model: PreTrainedModel, tokenizer: Any, family: Family) -> BackboneRecord:
    config = model.config
    return BackboneRecord(
        name=located.name,
        source=located.source,
        revision=located.revision,
        digest=located.digest,
        family=family.name,
        blocks=depth_of(model, family),
        width=int(config.hidden_size),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        max_tokens=max_tokens(config, tokenizer),
        files=described(located.folder),
    )


def max_tokens(config: Any, tokenizer: Any) -> int:
    """The longest input in tokens: the tokenizer's limit and the position table's, whichever is less.

    RoBERTa's and MPNet's positions start after the padding index, so their tables of 514 hold 512 tokens.
    Raises ModelError where one of them is no number of tokens.
    """
    positions = int(getattr(config, "max_position_embeddings", TOKENIZER_LIMIT))
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= int(config.pad_token_id or 0) + 1
    elif config.model_type == "mpnet":
        positions -= 2  # its padding index is fixed
    limit = tokenizer.model_max_length
    if not isinstance(limit, int | float) or not limit >= 1 or positions < 1:
        raise ModelError(
            f"{tokenizer.name_or_path} reads no tokens: model_max_length is {limit!r}, its positions are {positions}.",
            "mend model_max_length in tokenizer_config.json, or download the model again.",
        )
    return min(positions, int(min(limit, TOKENIZER_LIMIT)))


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
