"""The peer for names and answers: transformers' Trainer, tuned, with the field's standard recipes for both tasks.

As in the library's own example scripts (run_ner.py, run_qa.py) the first token of a word carries its tag and its other
tokens none; a context is read in windows of 384 tokens that overlap by 128, a window without the answer points to its
first token, and the best of twenty starts and twenty ends of every window is the answer, of at most thirty tokens.
Tuned as in peers.py: bf16, rows of like length together, the fused optimiser.

    python benchmarks/peers_tasks.py names|answers|similarity|paraphrase MODEL FOLDER SPLIT EPOCHS RATE SEED ROWS

is a whole job in a process of its own, in which nothing of graft takes part: it reads train.jsonl, trains, and answers
SPLIT.jsonl (a {"words", "tags"} or {"question", "context", "answers"} per line); it prints a JSON object.
"""

from __future__ import annotations

import json
import re
import string
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import Trainer

Record = dict[str, Any]
Chunk = tuple[int, int, str]
LIMIT = 256  # tokens; graft's default
WINDOW, STRIDE = 384, 128  # tokens of question and context, and of two neighbouring windows in common
BEST, LONGEST = 20, 30  # starts and ends that are tried, and the most tokens of an answer


def read(file: Path) -> list[Record]:
    with open(file, encoding="utf-8") as source:
        return [json.loads(line) for line in source]


def trainer(learner: Any, collate: Any, rows: list[Record], numbers: tuple[int, float, int, int], out: str) -> Trainer:
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments

    epochs, rate, seed, size = numbers
    arguments = TrainingArguments(
        out,
        per_device_train_batch_size=size,
        per_device_eval_batch_size=64,
        num_train_epochs=epochs,
        learning_rate=rate,
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=True,
        train_sampling_strategy="group_by_length",
        optim="adamw_torch_fused",
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    made = Trainer(learner, arguments, collate, train_dataset=rows)
    made.remove_callback(PrinterCallback)
    return made


def outputs(made: Trainer, rows: list[Record]) -> Any:
    """What the model says of the rows, in their order: what groups train's rows by length would shuffle these too."""
    made.args.train_sampling_strategy = "random"
    return made.predict(rows)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------------------- names


def chunks(tags: list[str]) -> set[Chunk]:
    """The names of a sentence in IOB2, an I- without its B- opening one, as seqeval and conlleval read them."""
    found: list[Chunk] = []
    before = "O"
    for place, tag in enumerate(tags):
        if tag != "O":
            goes_on = tag[0] == "I" and before[1:] == tag[1:]
            found.append((found.pop()[0] if goes_on else place, place + 1, tag[2:]))
        before = tag
    return set(found)


def tokenised_words(rows: list[Record], tokenizer: Any, codes: dict[str, int]) -> list[Record]:
    read = tokenizer([row["words"] for row in rows], is_split_into_words=True, truncation=True, max_length=LIMIT)
    made = []
    for index, row in enumerate(rows):
        labels, before = [], None
        for word in read.word_ids(index):
            labels.append(-100 if word is None or word == before else codes[row["tags"][word]])
            before = word
        made.append({"input_ids": read["input_ids"][index], "labels": labels})
    return made


def names(folder: str, data: Path, split: str, numbers: tuple[int, float, int, int], out: str) -> dict[str, float]:
    """Entity F1 on the split."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification

    tokenizer = AutoTokenizer.from_pretrained(folder)
    learnt, asked = read(data / "train.jsonl"), read(data / f"{split}.jsonl")
    tags = sorted({tag for row in learnt for tag in row["tags"]})
    codes = {tag: code for code, tag in enumerate(tags)}
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(tags), dtype="float32")
    made: Any = trainer(
        model, DataCollatorForTokenClassification(tokenizer), tokenised_words(learnt, tokenizer, codes), numbers, out
    )
    made.train()
    held = tokenised_words(asked, tokenizer, codes)
    order = np.argsort([len(row["input_ids"]) for row in held])
    found = outputs(made, [held[index] for index in order])
    right = said = there = 0
    for index, logits, labels in zip(order, found.predictions, found.label_ids, strict=True):
        best = [tags[code] for code in logits[labels >= 0].argmax(-1)]
        truth, guess = chunks(asked[index]["tags"]), chunks(best)
        right, said, there = right + len(truth & guess), said + len(guess), there + len(truth)
    return {"f1": 2 * right / max(said + there, 1), "rows": len(asked)}


# ------------------------------------------------------------------------------------------------------------- answers


def normalised(text: str) -> str:
    """SQuAD's rules: lower case, no punctuation, no articles, single spaces."""
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def words_shared(found: str, truth: str) -> float:
    said, there = normalised(found).split(), normalised(truth).split()
    shared = sum((Counter(said) & Counter(there)).values())
    return 2 * shared / (len(said) + len(there)) if shared else 0.0


def context_windows(rows: list[Record], tokenizer: Any) -> list[Record]:
    """Windows with the row that each is of and its characters; tokens outside the context have none."""
    questions = [row["question"].lstrip() for row in rows]
    contexts = [row["context"] for row in rows]
    read = tokenizer(
        questions,
        contexts,
        truncation="only_second",
        max_length=WINDOW,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    made = []
    for index, row in enumerate(read["overflow_to_sample_mapping"]):
        parts = read.sequence_ids(index)
        chars = [span if part == 1 else None for span, part in zip(read["offset_mapping"][index], parts, strict=True)]
        inputs = {key: read[key][index] for key in read if key not in ("overflow_to_sample_mapping", "offset_mapping")}
        made.append({"row": row, "chars": chars, "inputs": inputs})
    return made


def learnt(window: Record, row: Record) -> Record:
    """The window with the tokens of the first reference answer; the first token where it has not all of it."""
    start, text = row["answers"][0]["answer_start"], row["answers"][0]["text"]
    inside = [place for place, span in enumerate(window["chars"]) if span is not None]
    chars = window["chars"]
    if not inside or chars[inside[0]][0] > start or chars[inside[-1]][1] < start + len(text):
        return {**window["inputs"], "start_positions": 0, "end_positions": 0}
    first = max(place for place in inside if chars[place][0] <= start)
    last = min(place for place in inside if chars[place][1] >= start + len(text))
    return {**window["inputs"], "start_positions": first, "end_positions": last}


def best_answer(windows: list[Record], starts: Any, ends: Any, context: str) -> str:
    """The best of twenty starts and twenty ends of every window, of at most thirty tokens."""
    found: list[tuple[float, str]] = []
    for window, start, end in zip(windows, starts, ends, strict=True):
        chars = window["chars"]
        for first in np.argsort(start[: len(chars)])[: -BEST - 1 : -1].tolist():
            for last in np.argsort(end[: len(chars)])[: -BEST - 1 : -1].tolist():
                if chars[first] is None or chars[last] is None or not first <= last < first + LONGEST:
                    continue
                found.append((float(start[first] + end[last]), context[chars[first][0] : chars[last][1]]))
    return max(found, key=lambda one: one[0])[1] if found else ""


def answers(folder: str, data: Path, split: str, numbers: tuple[int, float, int, int], out: str) -> dict[str, float]:
    """Exact match and F1 on the split."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows, asked = read(data / "train.jsonl"), read(data / f"{split}.jsonl")
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype="float32")
    train = [learnt(window, rows[window["row"]]) for window in context_windows(rows, tokenizer)]
    made = trainer(model, DataCollatorWithPadding(tokenizer), train, numbers, out)
    made.train()
    windows = context_windows(asked, tokenizer)
    windows.sort(key=lambda window: len(window["chars"]))
    inputs: Any = [window["inputs"] for window in windows]
    found = outputs(made, inputs)
    of: dict[int, list[int]] = {}
    for place, window in enumerate(windows):
        of.setdefault(window["row"], []).append(place)
    exact = f1 = 0.0
    for index, row in enumerate(asked):
        own = of[index]
        starts, ends = ([part[place] for place in own] for part in found.predictions[:2])
        said = best_answer([windows[place] for place in own], starts, ends, row["context"])
        references = [answer["text"] for answer in row["answers"]]
        exact += max(normalised(said) == normalised(text) for text in references)
        f1 += max(words_shared(said, text) for text in references)
    return {"f1": f1 / len(asked), "exact": exact / len(asked), "rows": len(asked)}


# --------------------------------------------------------------------------------------------------------------- pairs


def joined(rows: list[Record], tokenizer: Any, targets: list[Any]) -> list[Record]:
    firsts, seconds = [row["first"] for row in rows], [row["second"] for row in rows]
    read = tokenizer(firsts, seconds, truncation=True, max_length=LIMIT)
    return [{**{key: read[key][index] for key in read}, "labels": target} for index, target in enumerate(targets)]


def pairs(
    folder: str, data: Path, split: str, numbers: tuple[int, float, int, int], out: str, *, classes: bool
) -> dict[str, float]:
    """Accuracy and F1 of the first class, or the rank correlation with the targets, on the split."""
    from scipy.stats import spearmanr
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(folder)
    learnt, asked = read(data / "train.jsonl"), read(data / f"{split}.jsonl")
    known = sorted({row["target"] for row in learnt}) if classes else [""]
    targets = [[known.index(row["target"]) if classes else row["target"] for row in part] for part in (learnt, asked)]
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(known), dtype="float32")
    rows = joined(learnt, tokenizer, targets[0])
    made: Any = trainer(model, DataCollatorWithPadding(tokenizer), rows, numbers, out)
    made.train()
    held = joined(asked, tokenizer, targets[1])
    order = np.argsort([len(row["input_ids"]) for row in held])
    logits = outputs(made, [held[index] for index in order]).predictions
    truth = np.array(targets[1])[order]
    if not classes:
        return {"spearman": float(spearmanr(logits[:, 0], truth).statistic), "rows": len(asked)}
    said = logits.argmax(1)
    hits = int(((said == 0) & (truth == 0)).sum())
    f1 = 2 * hits / int((said == 0).sum() + (truth == 0).sum())
    return {"accuracy": float((said == truth).mean()), "f1": f1, "rows": len(asked)}


def main(task: str, folder: str, data: str, split: str, *given: str) -> None:
    import tempfile
    import warnings

    from transformers import set_seed
    from transformers.utils import logging

    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    epochs, rate, seed, size = given
    set_seed(int(seed))
    numbers = int(epochs), float(rate), int(seed), int(size)
    with tempfile.TemporaryDirectory() as out:
        if task == "names":
            found = names(folder, Path(data), split, numbers, out)
        elif task == "answers":
            found = answers(folder, Path(data), split, numbers, out)
        else:
            found = pairs(folder, Path(data), split, numbers, out, classes=task == "paraphrase")
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
