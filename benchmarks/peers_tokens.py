"""The peer for names and answers: transformers' Trainer, tuned, with the field's standard recipes for both tasks.

As in the library's own example scripts (run_ner.py, run_qa.py) the first token of a word carries its tag and its other
tokens none; a context is read in windows of 384 tokens that overlap by 128, a window without the answer points to its
first token, and the best of twenty starts and twenty ends of every window is the answer, of at most thirty tokens.
Tuned as in peers.py: bf16, rows of like length together, the fused optimiser.

    python benchmarks/peers_tokens.py names|answers MODEL FOLDER SPLIT EPOCHS RATE SEED ROWS

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
WINDOW, OVERLAP, LONGEST, BEST = 384, 128, 30, 20


def read(file: Path) -> list[Record]:
    with open(file, encoding="utf-8") as source:
        return [json.loads(line) for line in source]


def trainer(learner: Any, collate: Any, rows: list[Record], numbers: tuple[int, float, int, int], out: str) -> Trainer:
    from transformers import PrinterCallback, Trainer, TrainingArguments

    epochs, rate, seed, size = numbers
    arguments = TrainingArguments(
        out,
        per_device_train_batch_size=size,
        per_device_eval_batch_size=64,
        num_train_epochs=epochs,
        learning_rate=rate,
        seed=seed,
        use_cpu=True,
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
    read = tokenizer([row["words"] for row in rows], is_split_into_words=True, truncation=True, max_length=WINDOW)
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
    made = trainer(
        model, DataCollatorForTokenClassification(tokenizer), tokenised_words(learnt, tokenizer, codes), numbers, out
    )
    made.train()
    held = tokenised_words(asked, tokenizer, codes)
    order = np.argsort([len(row["input_ids"]) for row in held])
    found = made.predict([held[index] for index in order])
    right = said = there = 0
    for index, logits, labels in zip(order, found.predictions, found.label_ids, strict=True):
        best = [tags[code] for code in logits[labels >= 0].argmax(-1)]
        truth, guess = chunks(asked[index]["tags"]), chunks(best)
        right, said, there = right + len(truth & guess), said + len(guess), there + len(truth)
    return {"f1": 2 * right / max(said + there, 1), "rows": len(asked)}


# ------------------------------------------------------------------------------------------------------------- answers


def windows(rows: list[Record], tokenizer: Any) -> Any:
    return tokenizer(
        [row["question"].lstrip() for row in rows],
        [row["context"] for row in rows],
        truncation="only_second",
        max_length=WINDOW,
        stride=OVERLAP,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def tokenised_questions(rows: list[Record], read: Any) -> list[Record]:
    made = []
    for index, row in enumerate(read["overflow_to_sample_mapping"]):
        answer = rows[row]["answers"][0]
        start, stop = answer["answer_start"], answer["answer_start"] + len(answer["text"])
        offsets, parts = read["offset_mapping"][index], read.sequence_ids(index)
        inside = [place for place, part in enumerate(parts) if part == 1]
        first = last = 0
        if offsets[inside[0]][0] <= start and offsets[inside[-1]][1] >= stop:
            first = max(place for place in inside if offsets[place][0] <= start)
            last = min(place for place in inside if offsets[place][1] >= stop)
        kept = {key: read[key][index] for key in ("input_ids", "token_type_ids") if key in read}
        made.append({**kept, "start_positions": first, "end_positions": last})
    return made


def best_answer(context: str, scored: list[tuple[np.ndarray, np.ndarray, list[Any], list[Any]]]) -> str:
    best, answer = -np.inf, ""
    for starts, ends, offsets, parts in scored:
        for first in np.argsort(-starts)[:BEST]:
            for last in np.argsort(-ends)[:BEST]:
                if last < first or last - first >= LONGEST or last >= len(parts):
                    continue
                if parts[first] == parts[last] == 1 and starts[first] + ends[last] > best:
                    best, answer = starts[first] + ends[last], context[offsets[first][0] : offsets[last][1]]
    return answer


def normalised(text: str) -> list[str]:
    """normalize_answer of SQuAD's script."""
    plain = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def f1(answer: str, truths: list[str]) -> float:
    scores = []
    for truth in truths:
        said, meant = normalised(answer), normalised(truth)
        shared = sum((Counter(said) & Counter(meant)).values())
        scores.append(2 * shared / (len(said) + len(meant)) if shared else 0.0)
    return max(scores)


def answers(folder: str, data: Path, split: str, numbers: tuple[int, float, int, int], out: str) -> dict[str, float]:
    """SQuAD's F1 and exact match on the split."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(folder)
    learnt, asked = read(data / "train.jsonl"), read(data / f"{split}.jsonl")
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype="float32")
    rows = tokenised_questions(learnt, windows(learnt, tokenizer))
    made = trainer(model, DataCollatorWithPadding(tokenizer), rows, numbers, out)
    made.train()
    held = windows(asked, tokenizer)
    order = np.argsort([len(ids) for ids in held["input_ids"]])
    keys = [key for key in ("input_ids", "token_type_ids") if key in held]
    starts, ends = made.predict([{key: held[key][index] for key in keys} for index in order]).predictions
    scored: dict[int, list[Any]] = {}
    for place, index in enumerate(order):
        row = held["overflow_to_sample_mapping"][index]
        one = starts[place], ends[place], held["offset_mapping"][index], held.sequence_ids(index)
        scored.setdefault(row, []).append(one)
    total = exact = 0.0
    for row, found in scored.items():
        said, truths = best_answer(asked[row]["context"], found), [one["text"] for one in asked[row]["answers"]]
        total += f1(said, truths)
        exact += max(float(normalised(said) == normalised(truth)) for truth in truths)
    return {"f1": total / len(asked), "exact_match": exact / len(asked), "rows": len(asked)}


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
        print(json.dumps({"names": names, "answers": answers}[task](folder, Path(data), split, numbers, out)))


if __name__ == "__main__":
    main(*sys.argv[1:])
