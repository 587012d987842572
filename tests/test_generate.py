"""Writing: the same seed gives the same text in whatever company, whole characters, and an end where one is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_causal
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from graft.backbone.sampling import Chooser
from graft.errors import RecipeError
from graft.generate import Writer
from graft.records import Said
from graft.records.writing import Fragment, Generation, Sampling

PROMPTS = ["the bread was", "a", "", "we waited an hour for cold rice and tea"]
FREE = Sampling(temperature=1.0, top_p=1.0, seed=3)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("causal")
    return {name: tiny_causal.make(name, root / name) for name in ("gpt2", "llama")}


def writer_of(folder: Path) -> Writer:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    return Writer(model, AutoTokenizer.from_pretrained(folder), tiny_causal.POSITIONS)


@pytest.fixture(params=["gpt2", "llama"])
def writer(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Writer:
    return writer_of(folders[request.param])


def texts(writer: Writer, prompts: str | list[str], **wanted: object) -> list[str]:
    return [found.text for found in writer.write(prompts, Generation(**wanted))]  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_text_twice_and_another_another(writer: Writer) -> None:
    first = texts(writer, PROMPTS, tokens=20, sampling=FREE)
    assert first == texts(writer, PROMPTS, tokens=20, sampling=FREE)
    other = Sampling(temperature=1.0, top_p=1.0, seed=4)
    assert first != texts(writer, PROMPTS, tokens=20, sampling=other)


def test_a_text_does_not_depend_on_its_company(writer: Writer) -> None:
    together = texts(writer, PROMPTS, samples=2, tokens=30, sampling=FREE)
    apart = [text for prompt in PROMPTS for text in texts(writer, prompt, samples=2, tokens=30, sampling=FREE)]
    assert together == apart
    assert together[0] != together[1]


def test_greedy_writing_is_the_librarys(writer: Writer) -> None:
    """Without a temperature, transformers' own `generate` gives the same tokens."""
    prompt = "the bread was"
    found = texts(writer, prompt, tokens=12, sampling=Sampling(temperature=0))[0]
    tokenizer, model = writer._tokenizer, writer.model
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(prompt, add_special_tokens=False).input_ids]])
    model.generation_config.pad_token_id = tokenizer.eos_token_id
    whole = model.generate(ids, max_new_tokens=12, do_sample=False)[0]
    written = tokenizer.decode(whole, skip_special_tokens=True)
    assert tokenizer.decode(ids[0], skip_special_tokens=True) + found == written


def test_pieces_add_up_and_the_last_one_says_how_it_ended(writer: Writer) -> None:
    wanted = Generation(samples=2, tokens=15, sampling=FREE)
    pieces = list(writer.generate(PROMPTS[:2], wanted))
    whole = {(found.prompt, found.sample) for found in pieces}
    assert whole == {(0, 0), (0, 1), (1, 0), (1, 1)}
    for place in whole:
        own = [found for found in pieces if (found.prompt, found.sample) == place]
        assert [found.ending != "" for found in own] == [False] * (len(own) - 1) + [True]
    assert all("\N{REPLACEMENT CHARACTER}" not in found.text for found in pieces)


def seed_of_a_long_text(writer: Writer, prompt: str, tokens: int) -> Sampling:
    """Drawing by which the model does not end the text itself before its length."""
    for seed in range(60):
        sampling = Sampling(temperature=1.0, top_p=1.0, seed=seed)
        if writer.write(prompt, Generation(tokens=tokens, sampling=sampling))[0].ending == "length":
            return sampling
    pytest.fail("every text ended early")


def test_a_stop_string_ends_the_text_and_is_not_shown(writer: Writer) -> None:
    sampling = seed_of_a_long_text(writer, "a", 30)
    whole = texts(writer, "a", tokens=30, sampling=sampling)[0]
    stop = whole[len(whole) // 2 :][:3]
    found = writer.write("a", Generation(tokens=30, stop=(stop,), sampling=sampling))[0]
    assert found.ending == "stop"
    assert found.text == whole[: whole.index(stop)]


def test_an_end_token_in_characters_ends_a_text_too(writer: Writer) -> None:
    """As tinystories-656k writes `<|end_story|>`, in four tokens."""
    sampling = seed_of_a_long_text(writer, "a", 30)
    whole = texts(writer, "a", tokens=30, sampling=sampling)[0]
    spelled = whole[len(whole) // 2 :][:3]
    writer._marks = replace(writer._marks, spelled=spelled)
    assert texts(writer, "a", tokens=30, sampling=sampling) == [whole[: whole.index(spelled)]]


def test_a_token_that_ends_ends(folders: dict[str, Path]) -> None:
    writer = writer_of(folders["gpt2"])
    head = writer.model.get_output_embeddings()
    assert head is not None
    head.weight.data[0] = 0  # the end token's logit is 0, all others' below
    bias = torch.nn.Parameter(torch.full((head.weight.shape[0],), -1e4, dtype=torch.float64))
    bias.data[0] = 0
    head.bias = bias
    assert writer.write("the", Generation(tokens=5))[0].ending == "end"
    assert writer.write("the", Generation(tokens=5))[0].text == ""


def test_a_text_goes_on_past_the_window_and_says_so(writer: Writer) -> None:
    tokens = tiny_causal.POSITIONS + 30
    sampling = seed_of_a_long_text(writer, "the", tokens)
    events = list(writer.stream("the", Generation(tokens=tokens, sampling=sampling)))
    said = [event.text for event in events if isinstance(event, Said)]
    assert said == ["The model's window of 64 tokens is full: texts go on from their last part."]
    assert isinstance(events[-1], Fragment)
    assert events[-1].ending == "length"


def test_a_prompt_longer_than_the_window_is_read_from_its_end(writer: Writer) -> None:
    long = "the bread was good and the soup was warm " * 20
    events = list(writer.stream(long, Generation(tokens=3, sampling=FREE)))
    assert isinstance(events[0], Said)
    assert "its last 48 of" in events[0].text


def test_characters_that_the_tokenizer_does_not_have_are_said(folders: dict[str, Path]) -> None:
    events = list(writer_of(folders["llama"]).stream("the Ωμέγα bread", Generation(tokens=2, sampling=FREE)))
    assert isinstance(events[0], Said)
    assert "does not know 1 of its" in events[0].text
    bytes_events = list(writer_of(folders["gpt2"]).stream("the Ωμέγα bread", Generation(tokens=2, sampling=FREE)))
    assert all(isinstance(event, Fragment) for event in bytes_events)


def test_special_tokens_within_a_prompt_are_characters(folders: dict[str, Path]) -> None:
    writer = writer_of(folders["gpt2"])
    with_mark, without = (texts(writer, text, tokens=5, sampling=FREE) for text in ("a<|endoftext|>", "a"))
    assert with_mark != without
    assert len(list(writer.stream("<|endoftext|>", Generation(tokens=1, sampling=FREE)))) >= 1


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(RecipeError, match="temperature cannot be -1"):
        Sampling(temperature=-1)
    with pytest.raises(RecipeError, match="top_p cannot be 0"):
        Sampling(top_p=0)
    with pytest.raises(RecipeError, match="at least one text"):
        Generation(samples=0)
    with pytest.raises(RecipeError, match="seed"):
        Sampling(seed=-1)
    with pytest.raises(RecipeError, match="temperature cannot be 1e"):
        Sampling(temperature=1e300)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Generation(stop="night"),
        lambda: Generation(stop=("",)),
        lambda: Generation(tokens=2.5),
        lambda: Generation(stop=(5,)),
        lambda: Sampling(seed=1.5),
        lambda: Sampling(seed=2**63),
        lambda: Sampling(temperature="a"),
        lambda: Sampling(top_k=True),
    ],
)
def test_values_of_another_kind_are_refused(made: Callable[[], object]) -> None:
    with pytest.raises(RecipeError, match=r"cannot be|one character or more"):
        made()


def test_numbers_of_numpy_are_numbers() -> None:
    assert Sampling(temperature=np.float32(0.5), seed=np.int64(3)).seed == 3
    assert Generation(tokens=np.int32(5)).tokens == 5


@pytest.mark.parametrize("temperature", [0.0, 1e-38, 1e-5])
def test_next_to_no_temperature_takes_the_likeliest(temperature: float) -> None:
    choose = Chooser(Sampling(temperature=temperature, top_p=1.0), [(0,)])
    assert choose(torch.tensor([[1.0, 20.0, 3.0, -5.0]])).tolist() == [1]


def test_a_prompt_is_text(writer: Writer) -> None:
    with pytest.raises(TypeError, match="a prompt must be a str, not int"):
        list(writer.generate([3]))  # type: ignore[list-item]
