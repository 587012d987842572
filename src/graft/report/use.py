"""The section that shows how to use what was made: lines to copy, in the terms of the task."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from graft.records import Manifest
from graft.report import words
from graft.report.blocks import Block, Code, Prose, Section

_GIVEN_WORDS = (
    "The model learnt from words that were given, and was evaluated on such words. In a plain text graft takes each "
    "run of letters and digits for a word, and each symbol for another: it makes several of a name such as U.N. or "
    "Al-Ain, so that fewer names are found right. Where you know the words, give lists of them, or a file like that of "
    "train."
)

# What an answer is asked for, by task.
_ASKED = {
    "classification": "answer.label, round(answer.probability, 3)",
    "multi-label": "answer.labels",
    "regression": "round(answer.value, 3)",
    "token-classification": "[(name.text, name.label) for name in answer.names]",
}
_PIPELINES = {
    "classification": 'pipeline("text-classification", model="model")',
    "multi-label": 'pipeline("text-classification", model="model", top_k=None)',
    "regression": 'pipeline("text-classification", model="model", function_to_apply="none")',
    "token-classification": 'pipeline("token-classification", model="model", aggregation_strategy="first")',
}
_WINDOWED = ("token-classification", "question-answering")  # tasks that read long texts through windows by default


@dataclass(frozen=True, slots=True)
class Lines:
    """What to copy: on the command line, in Python with graft, and without it where there is such a way."""

    cli: str
    face: str
    plain: str = ""
    what: str = "the model is an ordinary one of transformers"


def section(manifest: Manifest) -> Section:
    """On the command line, in Python, and in plain transformers where the head is one of theirs."""
    shown = _OF_TASKS.get(manifest.data.task, _labelling)(manifest)
    blocks: list[Block] = [Code("On the command line", shown.cli, "sh"), Code("In Python", shown.face, "python")]
    if manifest.data.columns.words:
        blocks.append(Prose(_GIVEN_WORDS))
    if shown.plain:
        blocks.append(Code(f"In Python without graft: {shown.what}", shown.plain, "python"))
        blocks += [Prose(said)] if (said := _long_texts(manifest)) else []
    return Section("use", "Using the model", "From the folder that holds this report:", tuple(blocks))


def _long_texts(manifest: Manifest) -> str:
    """Where graft reads what the plain lines cut; "" where it cuts there, too."""
    task, long = manifest.data.task, manifest.recipe.long
    if long == "auto":
        long = "windows" if task in _WINDOWED else "truncate"
    if long == "truncate":
        return ""
    longer = "Contexts that do not fit, with their question, into"
    what = longer if task == "question-answering" else "Texts of more than"
    read = "whole, through windows" if long == "windows" else "at their beginnings and ends"
    return (
        f"{what} {manifest.truncation.limit} tokens are cut at their ends by the lines without graft; graft itself "
        f"reads them {read}, as in training and evaluation, so its answers to these may differ."
    )


def _labelling(manifest: Manifest) -> Lines:
    """How a model that labels texts or pairs is used."""
    pairs, task = bool(manifest.data.columns.second), manifest.data.task
    texts = '[("one text", "another")]' if pairs else '["a text to label", "and another"]'
    asked = '[["words", "that", "were", "given"], "a plain text"]' if manifest.data.columns.words else texts
    face = f'import graft\n\nmodel = graft.load(".")\nfor answer in model.predict({asked}):\n    print({_ASKED[task]})'
    if manifest.head is None or manifest.head.kind == "native":
        given = '[{"text": "one text", "text_pair": "another"}]' if pairs else texts
        cut = "" if task == "token-classification" else f", truncation=True, max_length={manifest.truncation.limit}"
        plain = f"from transformers import pipeline\n\nanswer = {_PIPELINES[task]}\nprint(answer({given}{cut}))"
        return Lines(_cli(manifest), face, plain)
    if "modules.json" in manifest.outcome.artefact:
        plain = (
            "from sentence_transformers import SentenceTransformer\n\n"
            'vectors = SentenceTransformer("model").encode(["one text", "another"])\nprint(vectors @ vectors.T)'
        )
        return Lines(_cli(manifest), face, plain, "the vectors of single texts, and their cosines")
    return Lines(_cli(manifest), face)


def _cli(manifest: Manifest) -> str:
    if manifest.data.columns.second:
        return f'printf "one text\\tanother\\n" | graft predict .\n{_of_file(manifest, "pairs.csv", "answers.csv")}'
    return 'graft predict . "a text to label"\ngraft predict . --file texts.csv --out labelled.csv'


def _of_file(manifest: Manifest, file: str, out: str) -> str:
    """The command that answers a file whose columns are called as those that were learnt from."""
    columns = manifest.data.columns
    second = ["--text-pair", columns.second] if columns.second else []
    return shlex.join(["graft", "predict", ".", "--file", file, "--text", columns.text, *second, "--out", out])


def _answering(manifest: Manifest) -> Lines:
    """How a model that answers is used; transformers has no pipeline for answers since its version 5."""
    file = _of_file(manifest, "questions.csv", "answers.csv")
    cli = f'printf "a question\\ta text that answers it\\n" | graft predict .\n{file}'
    given = 'question, context = "Who came first?", "Ann came first, then Bob."'
    face = (
        f'import graft\n\n{given}\nmodel = graft.load(".")\nfor answer in model.predict([(question, context)]):\n'
        "    print(answer.answer, answer.start, round(answer.score, 3))"
    )
    return Lines(cli, face, _answering_plainly(manifest, given))


def _answering_plainly(manifest: Manifest, given: str) -> str:
    """The same choice as graft's among the stretches of a context, and that of none where one was settled."""
    most = words.plural(manifest.recipe.answer_tokens, "token")
    lines = [
        "import torch",
        "from transformers import AutoModelForQuestionAnswering, AutoTokenizer",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("model")',
        'model = AutoModelForQuestionAnswering.from_pretrained("model")',
        given,
        'tokens = tokenizer(question, context, truncation=True, return_tensors="pt", return_offsets_mapping=True)',
        'places = tokens.pop("offset_mapping")[0].tolist()',
        "with torch.no_grad():",
        "    found = model(**tokens)",
        'read = [part == 1 and context[a:b].strip() != "" for part, (a, b) in zip(tokens.sequence_ids(0), places)]',
        "outside = ~torch.tensor(read)",
        "starts, ends = (said[0].masked_fill(outside, -torch.inf) for said in (found.start_logits, found.end_logits))",
        "spans = starts[:, None] + ends[None, :]",
        f"fits = torch.ones_like(spans, dtype=torch.bool).triu().tril({manifest.recipe.answer_tokens - 1})  # {most}",
        "spans = spans.masked_fill(~fits, -torch.inf)",
        "start, end = divmod(int(spans.argmax()), len(starts))",
        "answer = context[places[start][0] : places[end][1]].lstrip()",
    ]
    if manifest.head is None or "no_answer" not in manifest.head.settled:
        return "\n".join([*lines, "print(answer)"])
    lines.append("doubt = found.start_logits[0, 0] + found.end_logits[0, 0] - spans.max()")
    return "\n".join([*lines, 'print("" if doubt > model.config.graft_settled["no_answer"] else answer)'])


def _writing(_: Manifest) -> Lines:
    """How a model that writes is used."""
    cli = 'graft generate . --prompt "a beginning"\ngraft generate . --prompt "a beginning" --n 3 --tokens 300 --seed 7'
    face = 'import graft\n\nfor piece in graft.generate(".", "a beginning"):\n    print(piece.text, end="", flush=True)'
    plain = (
        "from transformers import pipeline\n\n"
        'write = pipeline("text-generation", model="model")\n'
        'print(write("a beginning", max_new_tokens=200, do_sample=True, temperature=0.8, top_p=0.95))'
    )
    return Lines(cli, face, plain)


def _rewriting(manifest: Manifest) -> Lines:
    """How a model that rewrites is used."""
    cli = f'graft predict . "a text"\n{_of_file(manifest, "texts.csv", "rewritten.csv")}'
    face = 'import graft\n\nmodel = graft.load(".")\nfor answer in model.predict(["a text"]):\n    print(answer.output)'
    plain = (
        "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("model")\n'
        'model = AutoModelForSeq2SeqLM.from_pretrained("model")\n'
        'read = tokenizer(["a text"], padding=True, truncation=True, return_tensors="pt")\n'
        "print(tokenizer.batch_decode(model.generate(**read), skip_special_tokens=True))"
    )
    return Lines(cli, face, plain)


_OF_TASKS: dict[str, Callable[[Manifest], Lines]] = {
    "question-answering": _answering,
    "write": _writing,
    "rewrite": _rewriting,
}
