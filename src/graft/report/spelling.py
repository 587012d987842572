"""What a tokenizer makes of a person's words, in words: its cost per word, and a warning where the model speaks another
language than the texts."""

from __future__ import annotations

from graft.records import Spelling
from graft.report import words
from graft.report.blocks import Callout

DEAR = 2.5  # tokens per word, from which a vocabulary does not fit the texts; the usual is 1.1 to 1.8
UNKNOWN = 0.02  # share of tokens
MULTILINGUAL = "FacebookAI/xlm-roberta-base"
LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "ko": "Korean",
    "mr": "Marathi",
    "nb": "Norwegian",
    "ne": "Nepali",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sr": "Serbian",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "yi": "Yiddish",
    "zh": "Chinese",
}
MOST = 3  # languages that are named


def cost(spelling: Spelling) -> str:
    """Tokens per word, in words."""
    return f"a word takes {words.decimal(spelling.tokens_per_word, 1)} tokens"


def spoken(codes: tuple[str, ...]) -> str:
    """Languages by their English names: "Danish or Norwegian"."""
    named = [LANGUAGES.get(code, code) for code in codes[:MOST]]
    return f"{', '.join(named[:-1])} or {named[-1]}" if len(named) > 1 else "".join(named)


def misfit(spelling: Spelling | None, model: str) -> Callout | None:
    """The warning that a model, or its vocabulary, does not fit the texts; None where nothing is known against it."""
    if spelling is None or not spelling.tokens:
        return None
    look = spoken(spelling.languages)
    elsewhere = f"find a model with `graft models --language {spelling.languages[0]}`" if look else ""
    if spelling.languages and spelling.trained and not set(spelling.languages) & set(spelling.trained):
        return Callout(
            "warning",
            "The model speaks another language",
            f"The texts look {look}; {model} was trained on {spoken(spelling.trained)}. In its vocabulary "
            f"{cost(spelling)}.",
            f"{elsewhere}, or take one of many languages such as {MULTILINGUAL}.",
        )
    share = spelling.unknown / spelling.tokens
    if share >= UNKNOWN:
        return Callout(
            "warning",
            "The model cannot read all of the texts",
            f"{words.percent(share)} of the tokens stand for characters that the vocabulary of {model} does not hold.",
            elsewhere or f"take a model of many languages such as {MULTILINGUAL}.",
        )
    if spelling.tokens_per_word >= DEAR:
        return Callout(
            "note",
            "The vocabulary does not fit the texts",
            f"In the vocabulary of {model} {cost(spelling)}, where one or two are usual: it may know this language or "
            "field badly, texts take longer, and more of them are cut.",
            elsewhere or "compare models that were trained on texts like these.",
        )
    return None
