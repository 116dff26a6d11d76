"""Which answers of a question a spreadsheet's cell means.

>>> topics = AnswerBook([(7, ["Cases", "Fälle"]), (8, ["Mail"]), (9, ["3"])], True)
>>> topics.recognize("cases ; MAIL")
([7, 8], [])
>>> topics.recognize("2; fax; fälle; Fax ")
([8, 7], ['fax'])

A name comes before a number, and a cell of a question with one answer is one answer:

>>> topics.recognize("3")
([9], [])
>>> AnswerBook([(1, ["A"]), (2, ["B"])], False).recognize("A; B")
([], ['A; B'])

What a person has decided to be an answer:

>>> topics.decide("Fax", 8)
>>> topics.recognize("fax;cases;other")
([8, 7], ['other'])
>>> topics.get_nearest("mial")
[8]
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence

SEPARATOR = ";"


def normalize(text: str) -> str:
    r"""Give what makes two writings of an answer the same.

    >>> normalize("  Über\n 10 ") == normalize("über 10")
    True
    """
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


class AnswerBook:
    """What one question offers, under every name it has.

    :param answers: (key, names in any languages), in the order of their numbers
    :param several: whether more than one answer may be given
    """

    def __init__(
        self, answers: Iterable[tuple[Hashable, Sequence[str]]], several: bool
    ):
        self._several = several
        self._names: dict[str, Hashable] = {}
        numbers = {}
        for number, (key, names) in enumerate(answers, 1):
            numbers[str(number)] = key
            for name in names:
                self._names.setdefault(normalize(name), key)
        self._known = numbers | self._names

    def decide(self, text: str, key: Hashable) -> None:
        """Have a text that was unknown stand for an answer from now on."""
        self._known.setdefault(normalize(text), key)

    def recognize(self, cell: str) -> tuple[list, list[str]]:
        """Give (keys of the answers, texts that mean none), each once."""
        keys, unknown = {}, {}
        for text in self._split(cell):
            name = normalize(text)
            if not name:
                continue
            if name in self._known:
                keys[self._known[name]] = True
            else:
                unknown.setdefault(name, text.strip())
        return list(keys), list(unknown.values())

    def _split(self, cell):
        if not self._several or normalize(cell) in self._known:
            return [cell]
        return cell.split(SEPARATOR)

    def get_nearest(self, text: str, count: int = 3) -> list:
        """Give the keys of the answers that are written most alike, best first."""
        names = difflib.get_close_matches(normalize(text), self._names, count * 2, 0.5)
        return list(dict.fromkeys(self._names[name] for name in names))[:count]
