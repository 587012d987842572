"""What language texts look like, on a few sentences of each; and how words are counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.tokens.language import COMMON, SCRIPTS, count_words, languages

SENTENCES = {
    "cs": "Vlak měl zpoždění a nikdo nám neřekl, kdy přijede. Je to už třetí týden, co se na to čeká, ale nic "
    "se neděje.",
    "da": "Toget var forsinket, og der var ingen som kunne sige hvornår det kom. Det er ikke første gang jeg "
    "har ventet på det.",
    "de": "Der Zug war wieder zu spät, und niemand hat uns gesagt, wann er kommt. Das ist nicht das erste Mal, "
    "dass wir warten.",
    "en": "The train was late again and nobody told us when it would come. This is not the first time that we "
    "had to wait for it.",
    "es": "El tren llegó tarde otra vez y nadie nos dijo cuándo vendría. No es la primera vez que lo esperamos "
    "en la estación.",
    "fi": "Juna oli taas myöhässä, eikä kukaan osannut sanoa, milloin se tulee. Ei ole ensimmäinen kerta kun "
    "tämä on niin huonosti.",
    "fr": "Le train est encore en retard et personne ne nous a dit quand il arrive. Ce n'est pas la première "
    "fois que je suis dans ce cas.",
    "hu": "A vonat megint késett, és senki nem mondta meg, hogy mikor jön. Ez már nem az első eset, de még "
    "most is csak várunk.",
    "id": "Kereta itu terlambat lagi dan tidak ada yang bisa mengatakan kapan akan tiba. Ini bukan yang "
    "pertama untuk saya di stasiun ini.",
    "it": "Il treno era di nuovo in ritardo e non ci hanno detto quando arriva. Non è la prima volta che lo "
    "aspettiamo per un'ora con la pioggia.",
    "nl": "De trein was weer te laat en niemand kon zeggen wanneer hij komt. Het is niet de eerste keer dat ik "
    "er een uur op wacht.",
    "pl": "Pociąg znowu się spóźnił i nikt nie powiedział, kiedy będzie. To nie jest pierwszy raz, ale w tym "
    "roku na to już za późno.",
    "pt": "O trem atrasou de novo e ninguém disse quando ele vem. Não é a primeira vez que uma espera como "
    "esta me deixa com raiva.",
    "ro": "Trenul a întârziat din nou și nimeni nu ne-a spus când vine. Nu este prima dată când stăm în gară "
    "cu bagajele pe care le avem.",
    "sv": "Tåget var sent igen och ingen kunde säga när det kommer. Det är inte första gången som jag har "
    "väntat på det i en timme.",
    "tr": "Tren yine geç kaldı ve bize ne zaman geleceği söylenmedi. Bu ilk değil, ama bir saat için bile çok "
    "beklemek gibi bir şey daha yok.",
    "vi": "Chuyến tàu lại trễ và không ai nói với chúng tôi khi nào tàu đến. Đây không phải là một lần duy "
    "nhất của tôi trong năm này.",
}
SCRIPTED = {
    "ru": "Поезд опять опоздал, и никто нам не сказал, когда он придёт.",
    "el": "Το τρένο άργησε πάλι και κανείς δεν μας είπε πότε θα έρθει.",
    "ar": "تأخر القطار مرة أخرى ولم يخبرنا أحد متى سيصل.",
    "he": "הרכבת שוב איחרה ואיש לא אמר לנו מתי תגיע.",
    "zh": "火车又晚点了，没有人告诉我们什么时候来。",
    "ja": "電車はまた遅れて、いつ来るか誰も教えてくれなかった。",
    "ko": "기차가 또 늦었고 언제 오는지 아무도 말해 주지 않았다.",
    "th": "รถไฟสายอีกแล้วและไม่มีใครบอกเราว่าจะมาเมื่อไร",
    "hi": "ट्रेन फिर देर से आई और किसी ने नहीं बताया कि कब आएगी।",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_language_is_known_by_its_commonest_words(code: str) -> None:
    found = languages([SENTENCES[code]] * 6)
    assert found[0] == code or (code == "da" and set(found) == {"da", "nb"})
    assert len(found) <= 2


@pytest.mark.parametrize("code", SCRIPTED)
def test_a_language_is_known_by_its_script(code: str) -> None:
    assert code in languages([SCRIPTED[code]])


@pytest.mark.parametrize(
    "texts",
    [[], ["", "   "], ["The train was late."], ["12 345", "67.8"], ["XK-27 ZB99 QQ", "RT5 LLM"] * 200, ["😀 👍"] * 300],
)
def test_nothing_is_said_where_little_is_known(texts: list[str]) -> None:
    assert languages(texts) == ()


def test_a_few_foreign_texts_do_not_count() -> None:
    assert languages([SENTENCES["en"]] * 9 + [SENTENCES["de"], SCRIPTED["ru"]]) == ("en",)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=20))
def test_whatever_the_texts_are_the_answer_is_of_known_languages(texts: list[str]) -> None:
    known = {*COMMON, *(code for codes in SCRIPTS.values() for code in codes)}
    assert set(languages(texts)) <= known


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("  ", 0),
        ("The train was late.", 5),
        ("don't", 3),
        ("火车又晚点了", 6),
        ("снег идёт", 2),
        ("a_b 12", 2),
    ],
)
def test_words_and_marks_are_counted(text: str, words: int) -> None:
    assert count_words(text) == words
