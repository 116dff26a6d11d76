"""A line chart as SVG, for paper and mail, where no script runs."""

from html import escape

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 12, 26
_LINE, _GRID, _TEXT = "#4c6ef5", "#dee2e6", "#495057"


def draw_scores(points: list[tuple[str, float]], bounds: dict[str, float]) -> str:
    """Draw scores from 0 to 100 over time, with the lower bounds of the classes.

    :param points: (label, score), the oldest first
    :param bounds: {label: score}, drawn as dashed lines
    :return: an <svg> element; empty without points

    >>> draw_scores([], {"A": 90})
    ''
    >>> draw_scores([("<Jan>", 50.0)], {}).count("&lt;Jan&gt;")
    1
    >>> draw_scores([("Jan", 50.0), ("Feb", 100.0)], {"A": 90}).count("<circle")
    2
    """
    if not points:
        return ""
    places = [
        (_x(index, len(points)), _y(score))
        for index, (_label, score) in enumerate(points)
    ]
    parts = [
        *(_grid(score) for score in (0, 50, 100)),
        *(_bound(label, score) for label, score in bounds.items()),
        '<polyline fill="none" stroke="{}" stroke-width="2.5" points="{}"/>'.format(
            _LINE, " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        ),
    ]
    for (label, score), (x, y) in zip(points, places, strict=True):
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_LINE}"/>',
            _words(x, y - 8, f"{score:.0f}", "middle"),
            _words(x, _HEIGHT - 8, label, "middle"),
        ]
    # the direction of the page must not mirror the words
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="100%" height="{_HEIGHT}" direction="ltr" font-family="sans-serif" '
        f'font-size="11">{"".join(parts)}</svg>'
    )


def _x(index: int, count: int) -> float:
    room = _WIDTH - _LEFT - _RIGHT - 40
    return _LEFT + 20 + (room * index / (count - 1) if count > 1 else room / 2)


def _y(score: float) -> float:
    room = _HEIGHT - _TOP - _BOTTOM - 12
    return _TOP + 12 + room * (1 - min(max(score, 0.0), 100.0) / 100)


def _grid(score: float) -> str:
    return _rule(score, f'stroke="{_GRID}"') + _words(
        _LEFT - 6, _y(score) + 4, str(score), "end"
    )


def _bound(label: str, score: float) -> str:
    return _rule(score, 'stroke="#adb5bd" stroke-dasharray="5 4"') + _words(
        _WIDTH - _RIGHT, _y(score) - 4, label, "end"
    )


def _rule(score: float, style: str) -> str:
    y = _y(score)
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" {style}/>'
    )


def _words(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_TEXT}">'
        f"{escape(text)}</text>"
    )
