"""The tree of questions: which one is asked next, and which never can be.

A question with conditions is asked only once one of the answers it names was given.
Among those that may be asked, the first of the list comes first, unless the caller
sorts them otherwise (see `profile_information`).
"""

from collections.abc import Collection, Hashable, Sequence
from typing import NamedTuple

LOOP, ELSEWHERE, FEW_ANSWERS = "loop", "elsewhere", "few"


class Question(NamedTuple):
    """One question: its answers' keys, and the answers one of which opens it."""

    key: Hashable
    answers: tuple = ()
    conditions: frozenset = frozenset()


def is_open(question: Question, given: Collection) -> bool:
    """Tell whether a question may be asked after these answers.

    >>> is_open(Question("budget", (7, 8)), set())
    True
    >>> budget = Question("budget", (7, 8), frozenset({1, 2}))
    >>> is_open(budget, {2}), is_open(budget, {3})
    (True, False)
    """
    return not question.conditions or not question.conditions.isdisjoint(given)


def find_open(
    questions: Sequence[Question], given: Collection, done: Collection = ()
) -> list[Question]:
    """Find the questions that may be asked now, in their order.

    >>> first, second = Question("a", (1, 2)), Question("b", (3,), frozenset({1}))
    >>> [q.key for q in find_open([first, second], {1}, done={"a"})]
    ['b']
    >>> find_open([first, second], {2}, done={"a"})
    []
    """
    return [q for q in questions if q.key not in done and is_open(q, given)]


def find_reachable(questions: Sequence[Question], known: Collection = ()) -> set:
    """Find the keys of all questions that some sequence of answers leads to.

    >>> one = Question(1, (10,), frozenset({20}))
    >>> two = Question(2, (20,), frozenset({10}))
    >>> find_reachable([one, two]), find_reachable([one, two], {20})
    (set(), {1, 2})
    """
    reachable, given, grew = set(), set(known), True
    while grew:
        opened = find_open(questions, given, reachable)
        reachable.update(q.key for q in opened)
        given.update(answer for q in opened for answer in q.answers)
        grew = bool(opened)
    return reachable


def find_problems(questions: Sequence[Question]) -> dict:
    """Find what cannot work, as {key: reason}; one reason a question.

    `LOOP`: it waits, perhaps by way of others, for an answer that is given only after
    it. `ELSEWHERE`: it waits for an answer that no question of this list has, so it is
    asked only if that is known already. `FEW_ANSWERS`: there is nothing to choose.

    >>> find_problems([])
    {}
    >>> find_problems([Question("a", (1, 2)), Question("b", (3, 4), frozenset({1}))])
    {}
    >>> find_problems([Question("a", (1, 2), frozenset({3})),
    ...                Question("b", (3, 4), frozenset({1}))])
    {'a': 'loop', 'b': 'loop'}
    >>> find_problems([Question("a", (1, 2), frozenset({99})), Question("b", (3,))])
    {'a': 'elsewhere', 'b': 'few'}
    """
    own = {answer for q in questions for answer in q.answers}
    outside = {answer for q in questions for answer in q.conditions} - own
    alone, with_known = find_reachable(questions), find_reachable(questions, outside)
    problems = {}
    for question in questions:
        if question.key not in with_known:
            problems[question.key] = LOOP
        elif question.key not in alone:
            problems[question.key] = ELSEWHERE
        elif len(question.answers) < 2:
            problems[question.key] = FEW_ANSWERS
    return problems
