"""What usually happens in each section of the example company.

A script tells a `Story`; the figures are medians in working hours and shares of
cases. Together they make the charts: see `example_company` for volume and season.
"""

from datetime import timedelta

from ..tools.transitions import CANCEL, DONE, OPEN, PENDING


def tell_support(story, topic, people):
    """Tell a support request, from the first mail to the customer's thanks."""
    agent = people[story.pick({"support": 77, "senior": 17, "admin": 6})]
    if not story.section.parent_id:
        agent = people["senior"]
    _begin(story, topic, people["support"])
    _take(story, 2, agent, people)
    if story.chance(0.04):
        return _drop(story, agent, topic)
    story.staff_says(agent, topic.question)
    if story.chance(0.75):
        _ask_and_wait(story, agent, 5, topic.reply)
    if _is_too_hard(story, topic):
        story.wait(6)
        story.note(agent, topic.handover)
        story.escalate(agent)
        agent = people["senior"]
        story.wait(7)
        story.staff_says(agent, topic.expert)
        _ask_and_wait(story, agent, 10, topic.test)
        return _solve(story, agent, topic, topic.fixed)
    return _solve(story, agent, topic, topic.solution)


def _is_too_hard(story, topic):
    is_level_1 = bool(story.section.parent_id)
    return bool(topic.handover) and is_level_1 and story.chance(0.75)


def _solve(story, agent, topic, answer):
    story.wait(6)
    if story.chance(0.15):
        story.note(agent, topic.aside)
        story.wait(2)
    story.staff_says(agent, answer)
    if story.chance(0.6):
        story.move(agent, PENDING)
        story.wait(6)
        story.customer_says(story.random.choice(topic.thanks))
        story.move(None, OPEN)
        story.wait(1)
    story.move(agent, DONE)
    if story.chance(0.04):
        story.wait(30)
        story.customer_says(topic.again)
        story.reopen()
        story.wait(5)
        story.staff_says(agent, topic.apology)
        story.move(agent, DONE)


def tell_sale(story, topic, people):
    """Tell an opportunity, from the first interest to order or refusal."""
    seller = people[story.pick({"sales": 70, "general": 18, "admin": 12})]
    _begin(story, topic, seller)
    _take(story, 3, seller, people)
    story.staff_says(seller, topic.question)
    if story.chance(0.12):
        return _drop(story, seller, topic)
    _ask_and_wait(story, seller, 14, topic.reply)
    _raise_probability(story, 15)
    story.wait(25)
    story.staff_says(seller, topic.solution)
    story.move(seller, PENDING)
    _raise_probability(story, 20)
    story.wait(75)
    if story.chance(0.5):
        story.staff_says(seller, topic.test)
        story.wait(60)
    return _decide(story, seller, topic)


def _decide(story, seller, topic):
    wins = story.chance(0.58)
    story.customer_says(story.random.choice(topic.thanks) if wins else topic.again)
    story.move(None, OPEN)
    story.wait(5)
    story.staff_says(seller, topic.expert if wins else topic.apology)
    story.values["probability"] = 100 if wins else 0
    story.move(seller, DONE if wins or story.chance(0.7) else CANCEL)


def _raise_probability(story, points):
    value = story.values["probability"] + points
    story.values["probability"] = min(value, 90)


def tell_quality(story, topic, people):
    """Tell a problem with a supplier, or a customer's complaint, to its proven end."""
    inspector = people["quality"]
    if topic.category == "complaint":
        story.begin(topic.text)
    else:
        story.begin_by(inspector, topic.text)
    _take(story, 4, inspector, people)
    story.staff_says(inspector, topic.question)
    if story.chance(0.06):
        return _drop(story, inspector, topic)
    _ask_and_wait(story, inspector, 30, topic.reply)
    if story.chance(0.4):
        story.wait(10)
        story.note(inspector, topic.aside)
    story.wait(12)
    story.staff_says(inspector, topic.solution)
    story.move(inspector, PENDING)
    story.wait(45)
    story.customer_says(story.random.choice(topic.thanks))
    story.move(None, OPEN)
    story.wait(14)
    story.note(inspector, topic.test)
    return story.move(inspector, DONE)


def tell_meeting(story, topic, people):
    """Tell a meeting: planned, confirmed, held, minuted."""
    host = story.random.choice([people[login] for login in topic.hosts])
    story.begin_by(host, topic.text)
    has_guest = bool(story.values["partner"])
    if has_guest:
        story.wait(1)
        story.staff_says(host, topic.question)
        story.wait(6)
        story.customer_says(topic.reply)
    else:
        story.wait(3)
    story.move(host, OPEN)
    if story.chance(0.1):
        story.wait(4)
        return _drop(story, host, topic)
    story.go_to(story.values["date"] + timedelta(hours=story.values["duration"]))
    story.wait(2)
    story.note(host, topic.solution)
    return story.move(host, DONE)


def _begin(story, topic, colleague):
    if story.values["channel"] in ("mail", "web"):
        story.begin(topic.text)
    else:
        story.begin_by(colleague, topic.text)


def _take(story, median, user, people):
    """Let ``user`` open the case; now and then somebody hands it to him before."""
    if not story.user and story.chance(0.12):
        story.wait(median / 3)
        story.move(people["general"], user=user)
    story.wait(median * story.pile)
    story.move(user, OPEN, user)
    story.wait(0.3 * median)


def _ask_and_wait(story, user, median, answer):
    story.move(user, PENDING)
    story.wait(median)
    story.customer_says(answer)
    story.move(None, OPEN)


def _drop(story, user, topic):
    story.wait(4)
    story.note(user, story.random.choice(topic.dropped))
    story.values["probability"] = 0
    story.move(user, CANCEL)
