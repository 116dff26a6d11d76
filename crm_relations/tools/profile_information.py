"""Which question tells most about the profiles still possible.

The value of a question is its expected information: the entropy of what is asked about
before the answer, less the mean entropy after it, weighted by how likely each answer is
(Lindley 1956, "On a Measure of the Information Provided by an Experiment"; the
"information gain" of Quinlan 1986, "Induction of Decision Trees"):

    I(q) = sum over profiles s of
           ( H(P(s)) - sum over answers a of q of p(a) H(P(s|a)) )

with H(p) = -p log2 p - (1-p) log2(1-p). P(s) is the product, over the groups of a
profile, of the chance that one of the group's answers is given, and of the chance that
no excluded one is: questions are taken to be independent, which orders them well and
costs little. A question that opens others is worth what they are, times its chance to
open them (one step deep), or nobody would ever ask whether there is a budget at all.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from math import log2
from typing import NamedTuple

from .question_tree import Question, is_open

Odds = Mapping[Hashable, Mapping[Hashable, float]]


class Profile(NamedTuple):
    """One outcome: of each group an answer must be given, of `excluded` none."""

    key: Hashable
    groups: tuple = ()
    excluded: frozenset = frozenset()

    def is_met(self, given: Collection) -> bool:
        """Tell whether these answers are enough, and none too many.

        >>> rich = Profile("rich", (frozenset({1, 2}),), frozenset({9}))
        >>> rich.is_met({2, 8}), rich.is_met({8}), rich.is_met({2, 9})
        (True, False, False)
        """
        return self.excluded.isdisjoint(given) and not any(
            group.isdisjoint(given) for group in self.groups
        )


def make_odds(question: Question, counts: Mapping) -> dict:
    """Give how likely each answer is, from how often it was given (one is added).

    >>> make_odds(Question("q", (1, 2)), {})
    {1: 0.5, 2: 0.5}
    >>> make_odds(Question("q", (1, 2)), {1: 8})
    {1: 0.9, 2: 0.1}
    """
    total = sum(counts.get(answer, 0) + 1 for answer in question.answers)
    return {answer: (counts.get(answer, 0) + 1) / total for answer in question.answers}


def find_chance(profile: Profile, given: Collection, odds: Odds) -> float:
    """Give how likely a profile is, after some answers.

    >>> rich = Profile("rich", (frozenset({1, 2}),), frozenset({9}))
    >>> odds = {"budget": {1: 0.25, 2: 0.25, 3: 0.5}, "press": {8: 0.5, 9: 0.5}}
    >>> find_chance(rich, set(), odds), find_chance(rich, {1}, {"press": odds["press"]})
    (0.25, 0.5)
    >>> find_chance(rich, {1, 8}, {}), find_chance(rich, {3}, {}), find_chance(
    ...     rich, {1, 9}, {})
    (1.0, 0.0, 0.0)

    :param odds: of the questions not answered yet: {question: {answer: chance}}
    """
    if not profile.excluded.isdisjoint(given):
        return 0.0
    chance = 1.0
    for group in profile.groups:
        if group.isdisjoint(given):
            chance *= _find_share(group, odds)
    for answers in odds.values():
        chance *= 1 - sum(
            p for answer, p in answers.items() if answer in profile.excluded
        )
    return chance


def _find_share(group, odds):
    return min(
        1.0,
        sum(p for answers in odds.values() for a, p in answers.items() if a in group),
    )


def find_information(
    key: Hashable, profiles: Sequence[Profile], given: Collection, odds: Odds
) -> float:
    """Give the expected information of a question, in bits.

    >>> rich = Profile("rich", (frozenset({1}),))
    >>> odds = {"budget": {1: 0.5, 2: 0.5}, "press": {8: 0.5, 9: 0.5}}
    >>> find_information("budget", [rich], set(), odds)
    1.0
    >>> find_information("press", [rich], set(), odds)
    0.0
    """
    rest = {other: answers for other, answers in odds.items() if other != key}
    before = sum(_entropy(find_chance(s, given, odds)) for s in profiles)
    after = sum(
        chance * _entropy(find_chance(s, {*given, answer}, rest))
        for answer, chance in odds[key].items()
        for s in profiles
    )
    return before - after


def _entropy(p):
    return -sum(x * log2(x) for x in (p, 1 - p) if x > 0)


def sort_by_information(
    opened: Sequence[Question],
    questions: Sequence[Question],
    profiles: Sequence[Profile],
    given: Collection,
    odds: Odds,
) -> list[Question]:
    """Sort the questions that may be asked now; equal ones stay in their order.

    >>> rich = Profile("rich", (frozenset({5}),))
    >>> name = Question("name", (1, 2))
    >>> has = Question("has", (3, 4))
    >>> size = Question("size", (5, 6), frozenset({3}))
    >>> odds = {q.key: make_odds(q, {}) for q in (name, has, size)}
    >>> [q.key for q in sort_by_information(
    ...     [name, has], [name, has, size], [rich], set(), odds)]
    ['has', 'name']
    """
    own = {key: find_information(key, profiles, given, odds) for key in odds}

    def value(question):
        later = (q for q in questions if q.key in odds and not is_open(q, given))
        opened_later = sum(
            own[q.key] * odds[question.key].get(answer, 0)
            for q in later
            for answer in q.conditions
        )
        return own[question.key] + opened_later

    # what is known already tells nothing: it comes last, to be confirmed
    return sorted(
        opened,
        key=lambda q: (q.key not in odds, -round(value(q), 9) if q.key in odds else 0),
    )
