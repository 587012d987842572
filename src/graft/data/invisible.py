"""Characters that nobody sees, in the names of classes and columns: they make two names of what looks like one.

Texts keep theirs: a text is read character by character, as it will be when the model is asked.
"""

from __future__ import annotations

import unicodedata

MARK = "\ufeff"  # a byte order mark where it does not belong: within a file that was joined from others
HIDDEN = ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")  # control, format (zero width, direction), private, unassigned


def hidden_in(name: str) -> str | None:
    """The first character of a name that is not seen, as people look it up: "U+202E RIGHT-TO-LEFT OVERRIDE"."""
    for character in name:
        if unicodedata.category(character) in HIDDEN:
            described = unicodedata.name(character, unicodedata.category(character))
            return f"U+{ord(character):04X} {described}"
    return None


def as_seen(name: str) -> str:
    """A name as the eye takes it: without hidden characters, in one form of each letter, in one case, spaces evened."""
    visible = "".join(" " if c.isspace() else c for c in name if c.isspace() or unicodedata.category(c) not in HIDDEN)
    return " ".join(unicodedata.normalize("NFKC", visible).split()).casefold()


def without_mark(name: str) -> str:
    """A column's name without spaces and byte order marks around it."""
    return name.strip().strip(MARK).strip()
