"""Which language texts look like, told by their script and by the commonest words of eighteen languages, and how many
words they have.

Meant for hundreds of texts at once: a single sentence may be taken for a neighbour, a column of texts is not. Languages
that share most of these words (Danish and Norwegian) are named together. Nothing is said where little is known.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LEAST = 100  # words, below which nothing is said
CERTAIN = 0.08  # of all words are among a language's commonest, at the least
NEAR = 0.8  # of the best language's share: another that reaches it is named, too

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]+")
_LETTERS = re.compile(r"[^\W\d_]+")

COMMON = {
    "cs": "a v je se na že to s z do ne si jsem o tak ale za jako by pro jsou byl jen když",
    "da": "og at det som er på en jeg ikke for af med den til har om et var så men de kan der blev",
    "de": "der die und das ist nicht ein eine zu mit den ich auf für von sie dem im auch wie es wir sind bei",
    "en": "the of and to a in is i that it for was on with as are this be what how not have you my an by",
    "es": "el la los las que y es una por con para del no se lo como su al más pero en de muy está",
    "fi": "ja on ei se että hän oli mutta kun niin ovat mitä joka myös kuin tämä olen vain jos hyvin sen mikä",
    "fr": "le la les et des est une du pas que qui dans pour sur avec au ce je il plus de en nous très",
    "hu": "a az és hogy nem egy ez van volt de mint csak már meg ki el ha még azt nagyon lehet",
    "id": "yang dan di ini itu dengan untuk tidak dari dalam akan pada ada saya juga ke bisa atau karena sudah",
    "it": "il di che non la è per un una sono con del della ma mi si come gli più anche in molto i le",
    "nb": "og at det som er på en jeg ikke for av med den til har om et var så men de kan der ble",
    "nl": "de het een en van ik is dat niet op te zijn met voor er aan maar ook als bij in wij naar heel",
    "pl": "i w nie na się że z do to jest jak po co ale za tak od dla przez był są o czy bardzo",
    "pt": "o que não é uma um para com os do da em por se mais como mas ao foi muito de as no na",
    "ro": "și de la în nu că o a cu pe este un din mai sunt care pentru ce se am fost foarte",
    "sv": "och att det som är på en jag inte för av med den till har om ett var så men de kan vi mycket",
    "tr": "ve bir bu da de için çok ne ile o ama gibi daha değil var mı ben sen kadar her en olarak",
    "vi": "là và của có không được một cho người trong này những với đã các tôi đó khi để cũng rất",
}
SCRIPTS = {  # the first word of a letter's name in Unicode → the languages that are most often written so
    "ARABIC": ("ar", "fa", "ur", "ps", "sd", "ug"),
    "ARMENIAN": ("hy",),
    "BENGALI": ("bn", "as"),
    "CJK": ("zh",),
    "CYRILLIC": ("ru", "uk", "bg", "sr", "be", "mk", "kk", "ky", "mn", "tg", "tt"),
    "DEVANAGARI": ("hi", "mr", "ne", "sa"),
    "GEORGIAN": ("ka",),
    "GREEK": ("el",),
    "HANGUL": ("ko",),
    "HEBREW": ("he", "yi"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "THAI": ("th",),
}
KANA = 0.1  # of Chinese characters and kana together: with so much kana a text is Japanese


def count_words(text: str) -> int:
    """Words between spaces, punctuation counted on its own; in scripts without spaces, characters."""
    return len(_WORD.findall(text))


def languages(texts: Iterable[str]) -> tuple[str, ...]:
    """ISO 639 codes of the languages that these texts look like, the likeliest first; none where it cannot be told."""
    words: Counter[str] = Counter()
    for text in texts:
        words.update(_LETTERS.findall(text.lower()))
    script = _script(words)
    if script is None or (words.total() < LEAST and script == "LATIN"):
        return ()
    return _latin(words) if script == "LATIN" else SCRIPTS.get(script, ())


def _latin(words: Counter[str]) -> tuple[str, ...]:
    """By the share of words that are among a language's commonest."""
    shares = {code: sum(words[word] for word in common) / words.total() for code, common in _common().items()}
    best = max(shares.values())
    if best < CERTAIN:
        return ()
    found = [code for code, share in shares.items() if share >= NEAR * best]
    return tuple(sorted(found, key=lambda code: -shares[code]))


@functools.cache
def _common() -> dict[str, tuple[str, ...]]:
    return {code: tuple(words.split()) for code, words in COMMON.items()}


def _script(words: Counter[str]) -> str | None:
    """The script of most letters; None where there are none."""
    letters: Counter[str] = Counter()
    for word, times in words.items():
        for letter in word:
            letters[letter] += times
    scripts: Counter[str] = Counter()
    for letter, times in letters.items():
        scripts[unicodedata.name(letter, "").partition(" ")[0]] += times
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana > KANA * (kana + scripts["CJK"]):
        scripts["HIRAGANA"] += scripts["CJK"]
        del scripts["CJK"]
    return scripts.most_common(1)[0][0] if scripts.total() else None
