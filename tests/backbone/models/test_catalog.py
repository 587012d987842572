"""The catalogue's facts agree with each other, with counts made from their sizes and with published ones."""

from __future__ import annotations

import dataclasses
import tomllib

import pytest

from graft.backbone.models import catalog as module
from graft.backbone.models.catalog import SUITS, TASKS, Architecture, Card, Catalog, Score, Shape, catalog, nearest
from graft.backbone.models.catalog_reasons import block_weights, count, reasons, warnings
from graft.backbone.models.catalog_search import Found

RAW = tomllib.loads(module.DATA.read_text(encoding="utf-8"))
CARDS = {card.name: card for card in catalog().model}
LICENCES = {"apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0"}
DOMAINS = {"general", "sentences", "science", "biomedicine", "medicine", "finance", "law", "code", "tweets"}
MEASURES = {"GLUE", "MNLI", "SST-2", "XNLI", "36 tasks"}
SIZES = ("blocks", "width", "heads", "inner", "vocabulary", "max_tokens")
WHOLE = [card for card in CARDS.values() if all(getattr(card.shape, size) for size in SIZES)]
ONE_HEAD_TABLE = 32  # buckets of relative positions, in MPNet and in each half of T5
PUBLISHED = {  # parameters as other projects give them; theirs may count a little more or less of the top
    "google/bert_uncased_L-2_H-128_A-2": 4.386e6,
    "google/bert_uncased_L-4_H-512_A-8": 28.76e6,
    "google/bert_uncased_L-8_H-512_A-8": 41.37e6,
    "google-bert/bert-base-uncased": 109.48e6,
    "google-bert/bert-base-chinese": 102.27e6,
    "google-bert/bert-base-multilingual-cased": 177.85e6,
    "google-bert/bert-large-uncased": 335.14e6,
    "distilbert/distilbert-base-uncased": 66.36e6,
    "FacebookAI/roberta-base": 124.05e6,
    "FacebookAI/roberta-large": 354.3e6,
    "FacebookAI/xlm-roberta-base": 277.45e6,
    "FacebookAI/xlm-roberta-large": 558.8e6,
    "google/electra-small-discriminator": 13.55e6,
    "google/electra-base-discriminator": 109.48e6,
    "google/electra-large-discriminator": 335.14e6,
    "microsoft/deberta-v3-xsmall": 70_682_112,
    "microsoft/deberta-v3-small": 141_304_320,
    "microsoft/deberta-v3-base": 183_831_552,
    "microsoft/deberta-v3-large": 434_012_160,
    "microsoft/mdeberta-v3-base": 278_218_752,
    "openai-community/gpt2": 124_439_808,
    "openai-community/gpt2-medium": 354_823_168,
    "openai-community/gpt2-large": 774_030_080,
    "facebook/bart-base": 139.42e6,
    "facebook/bart-large": 406.29e6,
    "sentence-transformers/all-MiniLM-L6-v2": 22.7e6,
    "sentence-transformers/all-MiniLM-L12-v2": 33.4e6,
    "sentence-transformers/all-mpnet-base-v2": 109e6,
    "intfloat/multilingual-e5-small": 118e6,
    "intfloat/multilingual-e5-base": 278e6,
}


def dense(inputs: int, outputs: int) -> int:
    """A linear layer with a bias."""
    return inputs * outputs + outputs


def block(width: int, inner: int, attentions: int = 1) -> int:
    """A block of the first transformer: attention and two dense layers, each with a norm that scales and shifts."""
    return attentions * (4 * dense(width, width) + 2 * width) + dense(width, inner) + dense(inner, width) + 2 * width


def encoder(shape: Shape, family: str) -> int:
    """BERT and those that differ from it in their embeddings or their pooler alone."""
    width, inner, embedding = shape.width, shape.inner, shape.embedding or shape.width
    extra = 2 if family in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0
    types = {"bert": 2, "electra": 2, "albert": 2, "roberta": 1, "xlm-roberta": 1, "camembert": 1}.get(family, 0)
    positions = 0 if family == "deberta-v2" else shape.max_tokens + extra
    total = (shape.vocabulary + positions + types + 2) * embedding
    total += (1 if family == "albert" else shape.blocks) * block(width, inner)
    total += dense(embedding, width) if embedding != width else 0
    total += dense(width, width) if family not in ("electra", "distilbert", "deberta-v2") else 0
    total += ONE_HEAD_TABLE * shape.heads if family == "mpnet" else 0
    return total + ((2 * 256 + 2) * width if family == "deberta-v2" else 0)


def modernbert(shape: Shape) -> int:
    """No biases; the first block has no norm before its attention."""
    width, inner = shape.width, shape.inner
    return shape.vocabulary * width + width + shape.blocks * (4 * width**2 + 3 * width * inner + 2 * width)


def decoder(shape: Shape, family: str) -> int:
    """GPT-2 and those that differ from it in their positions or in biases."""
    width = shape.width
    positions = {"gpt2": shape.max_tokens, "gpt_neo": shape.max_tokens, "opt": shape.max_tokens + 2, "gpt_neox": 0}
    missing = 3 * width if family == "gpt_neo" else 0  # no biases of queries, keys and values
    blocks = shape.blocks * (block(width, shape.inner) - missing)
    return (shape.vocabulary + positions[family]) * width + blocks + 2 * width


def llama(shape: Shape, biases: bool) -> int:
    width, head = shape.width, shape.head_width or shape.width // shape.heads
    projections = head * (shape.heads + 2 * shape.kv_heads)
    each = width * projections + head * shape.heads * width + 3 * width * shape.inner + 2 * width
    return shape.vocabulary * width + shape.blocks * (each + (projections if biases else 0)) + width


def t5(shape: Shape, gated: bool) -> int:
    width, head = shape.width, shape.head_width or shape.width // shape.heads
    attention = 4 * width * shape.heads * head
    forward = (3 if gated else 2) * width * shape.inner
    blocks = shape.blocks * ((attention + forward + 2 * width) + (2 * attention + forward + 3 * width))
    return shape.vocabulary * width + blocks + 2 * (width + ONE_HEAD_TABLE * shape.heads)


def bart(shape: Shape) -> int:
    width, inner = shape.width, shape.inner
    halves = 2 * ((shape.max_tokens + 2) * width + 2 * width)
    return shape.vocabulary * width + halves + shape.blocks * (block(width, inner) + block(width, inner, attentions=2))


def parameters(card: Card) -> int | None:
    """Counted from the sizes by the architecture's definition; None for MobileBERT, made otherwise."""
    match card.family:
        case "mobilebert":
            return None
        case "modernbert":
            return modernbert(card.shape)
        case "gpt2" | "gpt_neo" | "gpt_neox" | "opt" as family:
            return decoder(card.shape, family)
        case "llama" | "qwen2":
            return llama(card.shape, biases=card.family == "qwen2")
        case "t5":
            return t5(card.shape, gated="flan" in card.name or "v1_1" in card.name)
        case "bart":
            return bart(card.shape)
    return encoder(card.shape, card.family)


def fields(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def test_there_are_many_models_and_each_is_told_once():
    assert len(CARDS) == len(RAW["model"]) >= 60
    assert len({card.short.lower() for card in CARDS.values()}) == len(CARDS)
    assert {card.family for card in CARDS.values()} == set(catalog().architecture)
    assert {catalog().kind(card) for card in CARDS.values()} == set(SUITS)


def test_the_file_holds_only_fields_that_are_read():
    assert set(RAW) == fields(Catalog)
    assert all(set(entry) <= fields(Architecture) for entry in RAW["architecture"].values())
    for entry in RAW["model"]:
        assert set(entry) <= fields(Card), entry["name"]
        assert set(entry.get("shape", ())) <= fields(Shape), entry["name"]
        assert all(set(score) == fields(Score) for score in entry.get("scores", ())), entry["name"]


@pytest.mark.parametrize("card", WHOLE, ids=lambda card: card.short)
def test_parameters_follow_from_the_sizes(card):
    computed = parameters(card)
    assert computed is None or card.shape.parameters == computed


def test_few_models_lack_a_size():
    assert len(WHOLE) >= 70
    assert all(card.shape.parameters for card in WHOLE)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_that_others_publish(name):
    assert CARDS[name].shape.parameters == pytest.approx(PUBLISHED[name], rel=0.01)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.short)
def test_facts_are_consistent(card):
    shape = card.shape
    if shape.width and shape.heads and not shape.head_width:
        assert shape.width % shape.heads == 0
    if shape.heads and shape.kv_heads:
        assert shape.heads % shape.kv_heads == 0
    for size in dataclasses.astuple(shape):
        assert size is None or size > 0
    assert shape.max_tokens is None or 128 <= shape.max_tokens <= 2**20
    assert shape.vocabulary is None or 20_000 <= shape.vocabulary <= 300_000
    assert card.year is None or 2018 <= card.year <= 2026
    assert card.licence is None or card.licence in LICENCES
    assert card.domain in DOMAINS
    assert card.languages
    assert all(code.isalpha() and code.islower() and len(code) in (2, 3) for code in card.languages)
    assert len(card.languages) > 8 or set(card.languages) <= set(catalog().names)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.short)
def test_every_score_and_every_model_names_its_source(card):
    assert card.sources
    assert set(card.sources) <= set(catalog().sources)
    for score in card.scores:
        assert score.source in catalog().sources
        assert score.of in MEASURES
        assert 50 < score.value < 100
    told = [(score.of, score.split, score.source) for score in card.scores]
    assert len(set(told)) == len(told)


def test_every_source_is_used():
    used = {key for card in CARDS.values() for key in (*card.sources, *(score.source for score in card.scores))}
    assert used == set(catalog().sources)


def test_a_score_on_development_rows_is_preferred():
    card = Card("a/b", "bert", scores=(Score("MNLI", "test", 80.0, "x"), Score("MNLI", "dev", 81.0, "y")))
    assert card.score() == 81.0
    assert card.score("GLUE") is None


def test_a_model_is_found_by_its_full_or_short_name():
    known = catalog()
    assert known.get("bert-base-uncased") is known.get("Google-BERT/BERT-base-uncased") is not None
    assert known.get("someone/bert-base-uncased") is None
    assert nearest("robert-base", CARDS)[0] == "FacebookAI/roberta-base"
    assert nearest("zzzzzzzz", CARDS) == []


def test_languages_and_families_have_several_names():
    known = catalog()
    assert (known.language("German"), known.language("DE"), known.language("sw")) == ("de", "de", "sw")
    assert (known.family("deberta"), known.family("GPT-Neo"), known.family("bert")) == ("deberta-v2", "gpt_neo", "bert")


def test_tasks_follow_from_the_kind():
    known = catalog()
    assert {task for card in CARDS.values() for task in known.tasks(card)} == set(TASKS)
    assert known.tasks(Card("a/b", "unheard-of")) == ()


def test_reasons_follow_from_the_facts():
    known = catalog()
    for card in CARDS.values():
        said = reasons(card, known)
        assert 2 <= len(said) <= 3
        assert all(sentence.endswith(".") and "None" not in sentence for sentence in said)
    assert (
        "none of the catalogue's models that are no larger scores higher"
        in reasons(CARDS["microsoft/deberta-v3-xsmall"], known)[-1]
    )
    assert "it is beaten by" in reasons(CARDS["google-bert/bert-base-uncased"], known)[-1]
    assert "0.5 times the work" in reasons(CARDS["distilbert/distilbert-base-uncased"], known)[-1]


def test_what_is_not_known_is_said():
    known = catalog()
    bare = Found(Card("someone/something", None, safetensors=False), gated=True)
    assert reasons(bare.card, known) == ["something is a model of the family -, of which the catalogue knows no more."]
    own = reasons(Card("/models/mine", "t5"), known)  # the catalogue knows the family, not what this one learned from
    assert own[0].startswith("mine is an encoder-decoder of the family t5, which began so: ")
    assert own[1].startswith("What it was trained on was not found; it suits ")
    told = " ".join(warnings(bare, known))
    assert all(word in told for word in ("safetensors", "terms", "licence was not found"))
    assert not [line for line in warnings(dataclasses.replace(bare, at_hand="here"), known) if "safetensors" in line]


def test_the_work_of_blocks_is_that_of_their_matrices():
    known = catalog()
    assert block_weights(CARDS["google-bert/bert-base-uncased"], known) == 12 * 12 * 768**2
    albert = CARDS["albert/albert-base-v2"]
    assert block_weights(albert, known) == 12 * 12 * 768**2  # one set of weights, used twelve times
    assert block_weights(CARDS["google-t5/t5-small"], known) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (999, "999"), (4_385_920, "4.39M"), (999_600_000, "1B"), (109_482_240, "109M"), (1.5e9, "1.5B")],
)
def test_counts_in_words(number, text):
    assert count(number) == text


@pytest.mark.parametrize("card", WHOLE, ids=lambda card: card.short)
def test_parameters_are_those_of_the_library(card):
    """The library builds each backbone from the sizes, without any memory for its weights."""
    import torch
    from transformers import AutoConfig, AutoModel

    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.for_model(card.family, **settings(card)))
    assert sum(weights.numel() for weights in model.parameters()) == card.shape.parameters


def settings(card: Card) -> dict[str, object]:
    """A card's sizes under the names of its family's configuration."""
    shape, family = card.shape, card.family
    extra = 2 if family in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0
    common = {"vocab_size": shape.vocabulary}
    match family:
        case "distilbert":
            return common | {
                "dim": shape.width,
                "n_layers": shape.blocks,
                "n_heads": shape.heads,
                "hidden_dim": shape.inner,
            }
        case "gpt2":
            sizes = {"n_embd": shape.width, "n_layer": shape.blocks, "n_head": shape.heads}
            return common | sizes | {"n_positions": shape.max_tokens}
        case "gpt_neo":
            sizes = {"hidden_size": shape.width, "num_layers": shape.blocks, "num_heads": shape.heads}
            kinds = [[["global", "local"], shape.blocks // 2]]
            return common | sizes | {"max_position_embeddings": shape.max_tokens, "attention_types": kinds}
        case "t5":
            sizes = {"d_model": shape.width, "num_layers": shape.blocks, "num_heads": shape.heads, "d_ff": shape.inner}
            gated = "gated-gelu" if "flan" in card.name or "v1_1" in card.name else "relu"
            return common | sizes | {"d_kv": shape.head_width or shape.width // shape.heads, "feed_forward_proj": gated}
        case "bart":
            halves = {
                f"{half}_{name}": size
                for half in ("encoder", "decoder")
                for name, size in (("layers", shape.blocks), ("attention_heads", shape.heads), ("ffn_dim", shape.inner))
            }
            return common | halves | {"d_model": shape.width, "max_position_embeddings": shape.max_tokens}
    sizes = {
        "hidden_size": shape.width,
        "num_hidden_layers": shape.blocks,
        "num_attention_heads": shape.heads,
        "ffn_dim" if family == "opt" else "intermediate_size": shape.inner,
        "max_position_embeddings": shape.max_tokens + extra,
    }
    if family in ("roberta", "xlm-roberta", "camembert"):
        sizes["type_vocab_size"] = 1
    if family in ("electra", "albert", "mobilebert"):
        sizes["embedding_size"] = shape.embedding or shape.width
    if family in ("llama", "qwen2"):
        sizes["num_key_value_heads"] = shape.kv_heads
    if family == "deberta-v2":
        sizes |= {"type_vocab_size": 0, "relative_attention": True, "position_buckets": 256, "share_att_key": True}
        sizes |= {"norm_rel_ebd": "layer_norm", "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}
    return common | sizes
