"""How much of what happens in the example company: the dials of its charts."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from ..tools.mail_priority import HIGH, LOW, NORMAL, URGENT
from . import (
    example_scripts,
    example_topics_meetings,
    example_topics_quality,
    example_topics_sales,
    example_topics_support,
)
from .example_calendar import Timeline, add_working_hours, previous_working_day
from .example_story import NotYetError, Story
from .example_topics import PRICES, SUPPLIES

_PLACES = (
    "hall 2",
    "goods receipt",
    "the cold store",
    "dispatch",
    "the second warehouse",
    "packing line 3",
    "the picking zone",
)
_STRANGERS = (
    ("Olivia Brandt", "olivia.brandt@brandt-logistics.example"),
    ("Thomas Keller", "t.keller@kellerundsohn.example"),
    ("Priya Nair", "priya@nairfoods.example"),
    ("Jean Fontaine", "jean.fontaine@ateliers-fontaine.example"),
    ("Marta Kowalska", "m.kowalska@zielony-las.example"),
    ("Sam Ortiz", "sam@ortizbrothers.example"),
)
_OFFICE_DAYS = (1.25, 1.1, 1.0, 1.0, 0.8, 0.0, 0.0)
_MAIL_DAYS = (1.25, 1.1, 1.0, 1.0, 0.85, 0.12, 0.06)
_PRIORITIES = {LOW: 8, NORMAL: 64, HIGH: 21, URGENT: 7}
_URGENCY = {LOW: 1.3, NORMAL: 1.0, HIGH: 0.7, URGENT: 0.4}  # factor on waiting times

# From these places on the timeline on, a share of the cases waits so much longer:
# many of the last days' are not even looked at, of the last weeks' some drag on after
# the first answer, and some older ones are forgotten. Together they are the backlog.
_PILE, _PILE_SHARE, _UNREAD = 0.955, 0.55, 60.0
_BACKLOG, _BACKLOG_SHARE, _DRAG = 0.8, 0.42, 14.0
_OLD, _FORGOTTEN_SHARE, _FORGOTTEN = 0.5, 0.03, 80.0
_STRANGER_SHARE = 0.06  # of support requests and opportunities
_FUTURE_DAYS = 35  # meetings are planned that far ahead


@dataclass(frozen=True)
class Plan:
    """A year of one section."""

    section: str  # end of the xml id: crm_case_section_<section>
    count: int
    script: Callable
    topics: tuple
    months: tuple  # season, January first
    channels: dict  # end of the xml id: weight
    weekdays: tuple = _OFFICE_DAYS
    growth: float = 1.0
    deadline: float = 0.0  # working hours; 0 is none
    priorities: dict = field(default_factory=lambda: _PRIORITIES)
    mood: float = 6.5  # mean sentiment
    is_meeting: bool = False


PLANS = (
    Plan(
        "support",
        175,
        example_scripts.tell_support,
        example_topics_support.TOPICS,
        months=(1.2, 1.05, 1.0, 0.95, 0.9, 0.9, 0.75, 0.65, 1.1, 1.15, 1.25, 0.9),
        channels={"mail": 68, "phone": 20, "web": 12},
        weekdays=_MAIL_DAYS,
        growth=1.5,
        deadline=30,
    ),
    Plan(
        "support2",
        26,
        example_scripts.tell_support,
        tuple(t for t in example_topics_support.TOPICS if t.handover),
        months=(1,) * 12,
        channels={"mail": 70, "phone": 30},
        deadline=50,
        mood=5.5,
    ),
    Plan(
        "sales",
        100,
        example_scripts.tell_sale,
        example_topics_sales.TOPICS,
        months=(0.8, 1.0, 1.25, 1.2, 1.0, 0.9, 0.6, 0.5, 1.25, 1.4, 1.1, 0.6),
        channels={"mail": 45, "web": 30, "phone": 25},
        growth=1.25,
        deadline=330,
        mood=7.0,
    ),
    Plan(
        "quality",
        48,
        example_scripts.tell_quality,
        example_topics_quality.TOPICS,
        months=(1.1, 1, 1, 1, 1, 1.1, 0.8, 0.7, 1.1, 1.1, 1.1, 0.8),
        channels={"mail": 55, "phone": 25, "letter": 20},
        growth=0.7,
        deadline=170,
        mood=5.0,
    ),
    Plan(
        "meetings",
        80,
        example_scripts.tell_meeting,
        example_topics_meetings.TOPICS,
        months=(1, 1, 1.1, 1, 1, 1, 0.6, 0.4, 1.1, 1.1, 1.1, 0.7),
        channels={"meeting": 1},
        weekdays=(0.8, 1.1, 1.1, 1.1, 0.7, 0, 0),
        priorities={NORMAL: 9, HIGH: 1},
        growth=1.6,
        mood=7.5,
        is_meeting=True,
    ),
)


@dataclass(frozen=True)
class Cast:
    """Who and what the stories are about: records, by the end of their xml ids."""

    people: dict  # login: res.users
    sections: dict  # crm.case.section
    categories: dict  # crm.case.category
    buyers: dict  # "customer", "prospect": companies of that kind, the busiest first
    suppliers: dict  # companies, one each


class Storyteller:
    """Make the stories of all plans; the same every time, only the dates shift."""

    def __init__(self, now, cast):
        """Prepare the year that ends ``now``, a naive local datetime."""
        self.now = now
        self.cast = cast

    def tell(self):
        """Give the stories, the oldest first."""
        stories = [story for plan in PLANS for story in self._tell_plan(plan)]
        return sorted(stories, key=lambda story: story.created)

    def _tell_plan(self, plan):
        last_day = self.now.date()
        if plan.is_meeting:
            last_day += timedelta(days=_FUTURE_DAYS)
        timeline = Timeline(last_day, plan.weekdays, plan.months, plan.growth)
        for index in range(plan.count):
            # a generator of its own per case: a change to one leaves the others
            random = Random(f"{plan.section}/{index}")
            place = (index + random.random()) / plan.count
            yield self._tell_case(plan, random, place, timeline)

    def _tell_case(self, plan, random, place, timeline):
        topic = self._pick_topic(plan, random)
        facts = self._make_facts(topic, random)
        values = self._make_values(plan, topic, facts, random)
        moment = timeline.pick(place, random)
        if plan.is_meeting:
            values |= {"date": self._round_meeting(moment), "duration": topic.hours}
            moment = self._date_planning(moment, random)
        while moment >= self.now:
            moment = previous_working_day(moment)
        story = Story(random, moment, self.now, 1.3 - 0.5 * place, values)
        self._set_pace(plan, story, place)
        if plan.deadline and random.random() < 0.85:
            hours = plan.deadline * _URGENCY[values["priority"]]
            values["date_deadline"] = add_working_hours(moment, hours)
        with suppress(NotYetError):
            plan.script(story, topic.told(facts), self.cast.people)
        self._set_sentiment(plan, story, topic)
        return story

    # --- what it is about ----------------------------------------------------

    def _pick_topic(self, plan, random):
        return random.choice(plan.topics)

    def _make_facts(self, topic, random):
        return {
            "product": random.choice(topic.products) if topic.products else "",
            "quantity": max(2, round(random.lognormvariate(2.1, 0.7))),
            "percent": random.randint(2, 9),
            "order": f"PO-{random.randint(18000, 24999)}",
            "offer": f"Q{random.randint(2100, 3900)}",
            "serial": f"B{random.randint(10000, 69999)}",
            "version": f"4.{random.randint(0, 6)}.{random.randint(0, 9)}",
            "place": random.choice(_PLACES),
        }

    def _make_values(self, plan, topic, facts, random):
        channel = self._pick(random, plan.channels)
        values = {
            "name": topic.subject.format_map(facts),
            "section_id": self.cast.sections[plan.section],
            "category_id": self.cast.categories[topic.category],
            "channel": "fair" if topic.category == "fair" else channel,
            "priority": self._pick(random, plan.priorities),
            "probability": self.cast.categories[topic.category].probability,
        }
        values |= self._make_contact(plan, topic, facts, random)
        return values | self._make_money(plan, topic, facts, random)

    def _make_contact(self, plan, topic, facts, random):
        if topic.category == "internal":
            return {"partner": None, "contact_name": False, "email_from": False}
        if facts["product"] in SUPPLIES:
            supplier, _price = SUPPLIES[facts["product"]]
            return self._make_person(self.cast.suppliers[supplier], random)
        if plan.section in ("support", "sales") and random.random() < _STRANGER_SHARE:
            name, email = random.choice(_STRANGERS)
            return {"partner": None, "contact_name": name, "email_from": email}
        companies = self.cast.buyers[self._pick_kind(plan, topic, random)]
        # few companies make most of the work
        weights = [1 / (rank + 1) ** 0.55 for rank in range(len(companies))]
        (company,) = random.choices(companies, weights)
        return self._make_person(company, random)

    def _pick_kind(self, plan, topic, random):
        is_known = plan.section != "sales" or topic.category == "existing"
        return "customer" if is_known or random.random() < 0.4 else "prospect"

    def _make_person(self, company, random):
        contact = random.choice(company.child_ids)
        watchers = company.child_ids - contact or company
        return {
            "partner": contact,
            "contact_name": contact.name,
            "email_from": contact.email,
            "email_cc": random.random() < 0.12 and watchers[0].email_formatted,
            "phone": contact.phone,
        }

    def _make_money(self, plan, topic, facts, random):
        value = facts["quantity"] * PRICES.get(facts["product"], 0)
        if plan.section == "sales":
            revenue = round(value * random.uniform(0.86, 1.0), -1)
            cost = round(revenue * random.uniform(0.6, 0.75), -1)
            return {"planned_revenue": revenue, "planned_cost": cost}
        if plan.section == "quality":
            share = 0.05 if topic.category == "complaint" else 0.6
            hours = facts["percent"] * 48
            return {"planned_cost": round(hours + value * share, -1)}
        return {}

    def _pick(self, random, weights):
        (value,) = random.choices(list(weights), list(weights.values()))
        return value

    # --- when and how --------------------------------------------------------

    def _set_pace(self, plan, story, place):
        random = story.random
        story.pace *= _URGENCY[story.values["priority"]]
        if plan.is_meeting:
            return
        luck = random.random()
        if place > _BACKLOG:
            story.drag = _DRAG if luck < _BACKLOG_SHARE else 1
        elif place > _OLD:
            story.drag = _FORGOTTEN if luck < _FORGOTTEN_SHARE else 1
        if place > _PILE and random.random() < _PILE_SHARE:
            story.pile = _UNREAD

    def _set_sentiment(self, plan, story, topic):
        if not story.values["email_from"] or story.random.random() > 0.6:
            return
        mood = plan.mood - 1.5 * story.escalations - (topic.category == "complaint")
        mood -= 1.0 if story.drag > 1 else 0.0
        value = round(story.random.gauss(mood, 1.7))
        story.values["sentiment"] = min(max(value, 0), 10)

    def _round_meeting(self, moment):
        hour = min(max(moment.hour, 9), 15)
        return moment.replace(hour=hour, minute=30 if moment.minute >= 30 else 0)

    def _date_planning(self, moment, random):
        planned = moment - timedelta(days=random.randint(5, 25))
        return planned if planned.weekday() < 5 else previous_working_day(planned)
