"""Pictures for pages and documents, as SVG that stands alone: no script, no link, no clock."""

import io
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import pygal
import segno
from pygal.style import Style

from engine.core import scoring, typography, words

# pygal leaves a finder of plugins behind that has no `find_spec`: every later import would warn of it.
sys.meta_path[:] = [each for each in sys.meta_path if hasattr(each, "find_spec")]

_WEB, _SIDE, _LINE = 220, 145, 21
"""Pixels: the web, the room for names left and right of it, and a line of a name."""
_LONGEST = 15
"""Characters in such a line."""
_LEGEND = 45
_CSS = """
text { font: 18px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: #1f2933; }
.background { fill: none; }
.web .line { fill: none; stroke: #cfc9bc; }
.web .value { fill: #0f5c55; font-weight: 600; }
.series .line { fill: #0f5c55; fill-opacity: .16; stroke: #0f5c55; stroke-width: 2.5; }
.series .dot, .legend .color-0 { fill: #0f5c55; }
.serie-1 .line { fill: none; stroke: #8a5a00; stroke-dasharray: 6 4; }
.serie-1 .dot, .legend .color-1 { fill: #8a5a00; }
.legend text { dominant-baseline: central; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8e4da; }
  .web .line { stroke: #4a535b; }
  .web .value { fill: #74cbbe; }
  .series .line { fill: #74cbbe; stroke: #74cbbe; }
  .series .dot, .legend .color-0 { fill: #74cbbe; }
  .serie-1 .line { fill: none; stroke: #e5b861; }
  .serie-1 .dot, .legend .color-1 { fill: #e5b861; }
}
"""


def radar(
    axes: Sequence[scoring.AxisScore],
    earlier: Sequence[scoring.AxisScore] | None = None,
    *,
    language: str,
) -> bytes:
    """Three axes of a diagnostic or more as a web, each named with its per cent; the `earlier` ones dashed.

    It follows the light or dark scheme of whoever looks at it, and can be read at 343 pixels.
    """
    if len(axes) < 3:
        raise ValueError("a web needs three axes")
    say = words.gettext(language)
    labels = [_label(each, language) for each in axes]
    around = max(map(len, labels)) * _LINE
    chart = pygal.Radar(
        width=_WEB + 2 * _SIDE,
        height=_WEB + 2 * around + (_LEGEND if earlier else 0),
        margin=_SIDE,
        margin_top=around,
        margin_bottom=around,
        # Names and legend find their places in `_tidied`; here they take none, so that the web is round.
        style=Style(label_font_size=0, major_label_font_size=0, legend_font_size=0),
        spacing=0,
        legend_box_size=_LEGEND / 2.5,
        legend_at_bottom=True,
        legend_at_bottom_columns=1,
        truncate_legend=-1,
        show_legend=bool(earlier),
        range=(0, 100),
        y_labels=[{"value": ring, "label": ""} for ring in (0, 25, 50, 75, 100)],
        fill=True,
        js=(),
        css=(),
    )
    chart.x_labels = [each.title for each in axes]
    chart.add(say("Aujourd'hui"), [each.percent for each in axes])
    if earlier:
        before = {each.key: each.percent for each in earlier}
        chart.add(say("Auparavant"), [before.get(each.key, 0) for each in axes])
    chart.add_xml_filter(lambda root: _tidied(root, labels, around))
    return bytes(chart.render())


def _label(axis: scoring.AxisScore, language: str) -> list[str]:
    title = typography.french(axis.title) if language == "fr" else axis.title
    lines = textwrap.wrap(title, _LONGEST, max_lines=3, placeholder=" …")
    return [*lines, words.percent(axis.percent, language)]


def _tidied(root: Any, labels: Sequence[Sequence[str]], around: int) -> Any:
    """pygal's drawing in our style, without its script, its hints for a mouse, and the day it was made."""
    root.attrib.pop("id")
    for each in list(root.iter()):
        drawn = isinstance(each.tag, str) and each.tag not in ("script", "desc", "title")  # else a comment
        if not drawn or "tooltip-overlay" in each.get("class", ""):
            each.getparent().remove(each)
    root.find("defs/style").text = _CSS
    for text, lines in zip(root.findall(".//g[@class='axis x web']/g/text"), labels, strict=True):
        _name(text, lines)
    for legend in root.iterfind(".//g[@class='legends']"):
        legend.set("transform", f"translate({_SIDE + _WEB / 2 - 60}, {_WEB + 2 * around})")
    return root


def _name(text: Any, lines: Sequence[str]) -> None:
    """The name of an axis, upright and in lines outside the web; pygal would turn it and cut it off."""
    x, y = float(text.get("x")), float(text.get("y"))
    text.text = None
    text.attrib.pop("transform")
    text.set("text-anchor", "middle" if abs(x - _WEB / 2) < 1 else "end" if x < _WEB / 2 else "start")
    down = y / _WEB  # at the top the last line touches the web, at the bottom the first
    first = y + (down - 1) * (len(lines) - 1) * _LINE + down * _LINE * 0.7
    for index, line in enumerate(lines):
        span = text.makeelement("tspan", {"x": f"{x:.1f}", "y": f"{first + index * _LINE:.1f}"})
        span.text = line
        text.append(span)
    span.set("class", "value")


def qr(url: str) -> bytes:
    """The QR code of an address: dark on white with its quiet margin, for any background."""
    made = io.BytesIO()
    segno.make(url, error="m", micro=False).save(made, kind="svg", light="#fff", xmldecl=False, omitsize=True)
    return made.getvalue()
