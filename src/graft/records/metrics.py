"""Every metric that a number is called by: its name for people, its unit, its direction, and what it says.

Which of them a task has, and their formulas, are the task's own (`tasks/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    title: str
    short: str  # in a terminal's table and in the middle of a sentence
    unit: Literal["share", "decimal", "number"]  # of 0 to 1, best in percent; of a known size; of any size
    higher: bool  # whether more of it is better
    about: str = ""


METRICS: dict[str, Metric] = {
    "accuracy": Metric("Accuracy", "accuracy", "share", True, "share of texts with the right label"),
    "macro_f1": Metric("Macro-F1", "macro F1", "share", True, "mean of the classes' F1, every class counting alike"),
    "macro_precision": Metric("Macro precision", "macro precision", "share", True, "mean of the classes' precision"),
    "macro_recall": Metric(
        "Macro recall", "macro recall", "share", True,
        "mean of the classes' recall: right answers, every class counting alike",
    ),
    "mcc": Metric(
        "Matthews correlation", "MCC", "decimal", True,
        "correlation of prediction and truth: 0 is chance, 1 is perfect",
    ),
    "log_loss": Metric(
        "Log-loss", "log-loss", "decimal", False, "mean −log of the true class's probability: lower is better"
    ),
    "calibration_error": Metric(
        "Calibration error", "calibration error", "share", False,
        "mean distance between confidence and accuracy: lower is better",
    ),
    "micro_f1": Metric("Micro-F1", "micro F1", "share", True, "F1 over all labels of all texts together"),
    "subset_accuracy": Metric(
        "Subset accuracy", "subset accuracy", "share", True, "share of texts whose labels are all right and complete"
    ),
    "ranking_precision": Metric(
        "Ranking precision", "ranking AP", "share", True,
        "of the labels ranked at least as high as a true one, how many are true, on average",
    ),
    "label_loss": Metric(
        "Log-loss per label", "log-loss", "decimal", False,
        "mean −log of the probability of having, or not having, each label: lower is better",
    ),
    "spearman": Metric(
        "Spearman correlation", "Spearman", "decimal", True, "correlation of the ranks: 0 is chance, 1 the same order"
    ),
    "pearson": Metric(
        "Pearson correlation", "Pearson", "decimal", True, "linear correlation of prediction and truth"
    ),
    "rmse": Metric(
        "Root mean squared error", "RMSE", "number", False,
        "in the target's unit, large misses counting more: lower is better",
    ),
    "mae": Metric("Mean absolute error", "MAE", "number", False, "in the target's unit: lower is better"),
    "r2": Metric(
        "R²", "R2", "decimal", True, "share of the target's variance that is explained; 0 is the mean, 1 is perfect"
    ),
    "entity_f1": Metric(
        "Entity F1", "entity F1", "share", True, "over all names; right: both ends and the type (conlleval)"
    ),
    "entity_precision": Metric("Entity precision", "precision", "share", True, "share of found names that are right"),
    "entity_recall": Metric("Entity recall", "recall", "share", True, "of the names there are, how many were found"),
    "entity_macro_f1": Metric("Macro entity F1", "macro F1", "share", True, "mean of the types' F1"),
    "tag_f1": Metric("Tag F1", "tag F1", "share", True, "F1 over the tags of all words, the tag of no name left out"),
    "word_accuracy": Metric("Word accuracy", "word accuracy", "share", True, "share of words with the right tag"),
    "word_loss": Metric(
        "Log-loss per word", "log-loss", "decimal", False, "mean −log of the true tag's probability: lower is better"
    ),
    "answer_f1": Metric(
        "Answer F1", "F1", "share", True, "words shared with the best reference answer, as SQuAD counts them"
    ),
    "exact_match": Metric(
        "Exact match", "exact", "share", True, "share of answers that are a reference, by the rules of the task"
    ),
    "answerable_f1": Metric("F1 of answerable", "F1, answerable", "share", True, "of questions that have an answer"),
    "answerable_exact": Metric(
        "Exact match of answerable", "exact, answerable", "share", True, "of questions that have an answer"
    ),
    "no_answer_accuracy": Metric(
        "Right silence", "right silence", "share", True, "of questions without an answer, how many are given none"
    ),
    "bits_per_character": Metric(
        "Bits per character", "bits/character", "decimal", False,
        "what an ideal code by the model takes per character of held-out text: lower is better",
    ),
    "perplexity": Metric(
        "Perplexity", "perplexity", "number", False,
        "per token: as unsure as between so many equally likely ones; compares models of one tokenizer only",
    ),
    "chrf": Metric(
        "chrF", "chrF", "share", True, "runs of up to six characters that output and reference share (sacrebleu)"
    ),
    "bleu": Metric("BLEU", "BLEU", "share", True, "runs of up to four words that they share (sacrebleu)"),
    "rouge1": Metric("ROUGE-1", "ROUGE-1", "share", True, "F1 of single words"),
    "rouge2": Metric("ROUGE-2", "ROUGE-2", "share", True, "F1 of pairs of words"),
    "rouge_l": Metric("ROUGE-L", "ROUGE-L", "share", True, "F1 of the longest sequence of words in common"),
    "token_loss": Metric(
        "Loss per token", "loss/token", "decimal", False,
        "mean −log of the probability of each token of the target, given those before it: lower is better",
    ),
    "loss": Metric("Loss", "loss", "decimal", False),
}  # fmt: skip


def metric(name: str) -> Metric:
    """A metric by its name; one that is not known reads as its name, higher being better."""
    spelt = name.replace("_", " ")
    return METRICS.get(name) or Metric(spelt.capitalize(), spelt, "decimal", True)
