from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from odoo.addons.mail.tests.common import freeze_all_time

from ..tools import transitions
from .common import CrmRelationsCommon

_UTC = ZoneInfo("UTC")


class BacklogCommon(CrmRelationsCommon):
    """Cases with a past that the tests know by heart, and a slow way to count it.

    `_tell_past` does random things to cases with the clock stopped at each, and writes
    down what the cases look like after each: the oracle looks it up and never reads a
    kept stay.
    """

    @classmethod
    def _set_zone(cls, zone, company=None):
        (company or cls.env.company).resource_calendar_id.tz = zone

    @classmethod
    def _tell_past(cls, seed, begin, days, count):
        """Let ``count`` cases live for some days.

        :return: {case id: [(moment, state, section id, user id, is in the backlog)]};
            deleted cases are not in it
        """
        random = Random(seed)
        sections = cls.support1 | cls.support2 | cls.quality
        sections.allow_unlink = True
        people = [False, cls.agent.id, cls.colleague.id, cls.senior.id]
        span = timedelta(days=days).total_seconds()
        moments = sorted(random.randrange(int(span)) for _index in range(count * 5))
        cases, log = [], {}
        for seconds in moments:
            with freeze_all_time(begin + timedelta(seconds=seconds)):
                if len(cases) < count and random.random() < 0.35:
                    case = cls._new_case(
                        f"Case {len(cases)}",
                        section=random.choice(sections),
                        user_id=random.choice(people),
                    )
                    cases.append(case)
                elif cases:
                    case = cls._let_happen(random, cases, sections, people)
                else:
                    continue
                cls.env.flush_all()
                for one in case.exists():
                    log.setdefault(one.id, []).append(cls._describe(one))
        gone = [one for one in log if one not in {c.id for c in cases}]
        return {one: states for one, states in log.items() if one not in gone}

    @classmethod
    def _let_happen(cls, random, cases, sections, people):
        case, luck = random.choice(cases), random.random()
        other = random.choice(cases)
        if luck < 0.5:
            case.state = random.choice(transitions.allowed_moves(case.state))
        elif luck < 0.65:
            case.write({"section_id": random.choice(sections).id})
        elif luck < 0.8:
            case.user_id = random.choice(people)
        elif luck < 0.88:
            case.active = not case.active
        elif luck < 0.94 and other != case and not (case | other).merged_into_id:
            case.action_merge(other)
        elif luck > 0.97:
            cases.remove(case)
            case.unlink()
        return case

    @classmethod
    def _describe(cls, case):
        is_open = case.active and case.state in transitions.UNCLOSED
        return (
            cls.env.cr.now(),
            case.state,
            case.section_id.id,
            case.user_id.id,
            is_open,
        )

    # ------------------------------------------------------------
    # ORACLE
    # ------------------------------------------------------------

    def _end_of(self, day, zone):
        """Give the naive UTC moment at which a day is over in a zone."""
        midnight = datetime.combine(
            day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone)
        )
        return midnight.astimezone(_UTC).replace(tzinfo=None)

    def _open_at(self, past, moment, wanted=lambda state: True):
        """Give the ids of the cases in the backlog just before a moment."""
        found = set()
        for case_id, states in past.items():
            before = [state for state in states if state[0] < moment]
            if before and before[-1][4] and wanted(before[-1]):
                found.add(case_id)
        return found

    def _flows_between(self, past, begin, end):
        """Give how many cases came into the backlog and left it.

        :return: (opened, closed), lists of case ids, a case may come twice
        """
        opened, closed = [], []
        for case_id, states in past.items():
            was_open = False
            for moment, _state, _section, _user, is_open in states:
                if begin <= moment < end and is_open != was_open:
                    (opened if is_open else closed).append(case_id)
                was_open = is_open
        return opened, closed
