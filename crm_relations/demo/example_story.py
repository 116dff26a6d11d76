"""The story of one case, told step by step until today."""

from datetime import timedelta
from math import log

from markupsafe import Markup

from ..tools import transitions
from .example_calendar import add_working_hours

_SPREAD = 0.6  # of waiting times, as the sigma of a lognormal law
_MINUTE = timedelta(minutes=1)

_HELLO = ("Hello", "Good morning", "Dear all", "Dear team", "Hi")
_BYE = ("Kind regards", "Best regards", "Thank you and best regards", "Thanks")


class NotYetError(Exception):
    """The next step lies in the future: the story is told as far as it goes."""


class Story:
    """What happened with one case, in local time.

    A script calls `wait`, `say` and `move` in turn; the first step that would lie
    after ``now`` raises `NotYetError`. So states, dates, moves and messages cannot
    contradict each other, and recent cases are unfinished by themselves.
    """

    def __init__(self, random, created, now, pace, values):
        """Begin with a draft that nobody is responsible for.

        :param pace: factor on all waiting times; below 1 is faster
        :param values: values of the case; keys `section_id` and `partner` hold records
        """
        self.random = random
        self.created = self.moment = created
        self.now = now
        self.pace = pace
        self.values = values
        self.pile = 1  # factor on the time until somebody looks at the case
        self.drag = 1  # factor on all waiting after the first answer
        self.author = None  # who made the case; None is the mail gateway
        self.first_response = None
        self.escalations = 0
        self.moves = []
        self.messages = []
        self._steps = 0
        self._begin_stay(None, transitions.DRAFT, values["section_id"], None)

    # --- what scripts call ---------------------------------------------------

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, weights):
        (key,) = self.random.choices(list(weights), list(weights.values()))
        return key

    def wait(self, median):
        """Let working time pass: about ``median`` hours at the usual pace."""
        hours = self.random.lognormvariate(log(median), _SPREAD) * self.pace
        if self.first_response:
            hours *= self.drag
        self.go_to(add_working_hours(self.moment, hours))

    def go_to(self, moment):
        """Go on at ``moment``, but never back in time.

        :raise NotYetError: it has not come yet
        """
        # whole minutes, and always one: two steps at once have no order
        moment = max(moment.replace(second=0, microsecond=0), self.moment + _MINUTE)
        if moment > self.now:
            raise NotYetError
        self.moment = moment

    def begin(self, text):
        """Let the customer's own mail be the beginning."""
        self.values["description"] = self._from_customer(text)
        self._add_message(None, "email", self.values["description"])

    def begin_by(self, user, text):
        """Let a colleague write down what he was told or saw."""
        self.author = user
        self._set_last(user_id=user, author_id=user)
        self.values["description"] = Markup("<p>%s</p>") % (text[:1].upper() + text[1:])
        self._add_message(user, "created", "")

    def customer_says(self, text):
        self._add_message(None, "email", self._from_customer(text))

    def staff_says(self, user, text):
        self.first_response = self.first_response or self.moment
        body = Markup("<p>Dear %s,</p><p>%s</p><p>Kind regards,<br/>%s</p>") % (
            self.values["contact_name"] or "customer",
            text,
            user.name,
        )
        self._add_message(user, "comment", body)

    def note(self, user, text):
        self._add_message(user, "note", Markup("<p>%s</p>") % text)

    def move(self, author, state=None, user=None):
        """Begin a new stay; what is not given stays as it is."""
        last = self.moves[-1]
        self._begin_stay(
            author,
            state or last["state"],
            last["section_id"],
            user or last["user_id"],
        )

    def escalate(self, author):
        """Hand the case to the parent section and its manager."""
        last = self.moves[-1]
        parent = last["section_id"].parent_id
        self.escalations += 1
        self._begin_stay(author, last["state"], parent, parent.user_id)
        self.moves[-1]["is_escalation"] = True

    def reopen(self):
        for state in transitions.path_to_open(self.state):
            self.move(None, state)

    # --- what came of it -----------------------------------------------------

    @property
    def state(self):
        return self.moves[-1]["state"]

    @property
    def section(self):
        return self.moves[-1]["section_id"]

    @property
    def user(self):
        return self.moves[-1]["user_id"]

    @property
    def date_open(self):
        dates = [m["date"] for m in self.moves if m["state"] == transitions.OPEN]
        return dates[0] if dates else None

    @property
    def date_closed(self):
        return self.moves[-1]["date"] if self.state in transitions.CLOSED else None

    @property
    def date_last_action(self):
        return max(self.moves[-1]["date"], *(m["date"] for m in self.messages))

    # --- inside --------------------------------------------------------------

    def _from_customer(self, text):
        return Markup("<p>%s,</p><p>%s</p><p>%s<br/>%s</p>") % (
            self.random.choice(_HELLO),
            text,
            self.random.choice(_BYE),
            self.values["contact_name"],
        )

    def _add_message(self, user, kind, body):
        self.messages.append(
            {
                "date": self.moment,
                "step": self._next_step(),
                "user": user,
                "kind": kind,
                "body": body,
            }
        )

    def _begin_stay(self, author, state, section, user):
        self.moves.append(
            {
                "date": self.moment,
                "step": self._next_step(),
                "author_id": author,
                "state": state,
                "section_id": section,
                "user_id": user,
                "is_escalation": False,
            }
        )

    def _next_step(self):
        self._steps += 1
        return self._steps

    def _set_last(self, **values):
        self.moves[-1] |= values
