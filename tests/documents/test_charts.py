"""The web of a diagnostic's axes and the QR code: pictures without script, link or clock."""

import re
from xml.etree import ElementTree

import pytest

from engine.core import scoring
from engine.documents import charts

SVG = "{http://www.w3.org/2000/svg}"
AXES = (
    scoring.AxisScore("besoins", "Besoins et tâches", 67),
    scoring.AxisScore("donnees", "L'accès <aux> données & documents", 44),
    scoring.AxisScore("regles", "Règles", 0),
)
EARLIER = (scoring.AxisScore("besoins", "Besoins", 40), scoring.AxisScore("regles", "Règles", 100))


def points(root: ElementTree.Element, serie: int) -> list[tuple[float, float]]:
    found = root.findall(f".//{SVG}g[@class='series serie-{serie} color-{serie}']/{SVG}g/{SVG}circle")
    return [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in found]


def names(root: ElementTree.Element) -> list[str]:
    return [
        " ".join(span.text or "" for span in text)
        for text in root.iterfind(f".//{SVG}g[@class='axis x web']/{SVG}g/{SVG}text")
    ]


@pytest.mark.parametrize("earlier", [None, EARLIER])
def test_it_is_a_picture_and_nothing_else(earlier: tuple[scoring.AxisScore, ...] | None) -> None:
    drawn = charts.radar(AXES, earlier, language="fr")
    root = ElementTree.fromstring(drawn)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= (
        {"svg", "defs", "style", "g", "rect", "path", "circle", "text", "tspan"}
    )
    assert not re.search(r"script|href=|@import|url\(|\bon\w+=|<!--|style=|20\d\d-\d\d", drawn.decode())
    assert drawn == charts.radar(AXES, earlier, language="fr")


def test_axes_are_named_in_lines_with_their_per_cents() -> None:
    root = ElementTree.fromstring(charts.radar(AXES, language="fr"))
    assert names(root) == [
        "Besoins et tâches 67\u00a0%",
        "L’accès <aux> données & documents 44\u00a0%",
        "Règles 0\u00a0%",
    ]
    assert names(ElementTree.fromstring(charts.radar(AXES, language="en")))[0] == "Besoins et tâches 67%"


def test_the_web_is_round_and_a_full_axis_reaches_its_edge() -> None:
    full = tuple(scoring.AxisScore(str(index), "Axe", 100) for index in range(6))
    found = points(ElementTree.fromstring(charts.radar(full, language="fr")), 0)
    x = sum(each[0] for each in found) / 6
    y = sum(each[1] for each in found) / 6
    assert {round(((each[0] - x) ** 2 + (each[1] - y) ** 2) ** 0.5, 3) for each in found} == {101.852}


def test_the_earlier_result_has_its_own_line_and_a_legend() -> None:
    root = ElementTree.fromstring(charts.radar(AXES, EARLIER, language="fr"))
    now, before = points(root, 0), points(root, 1)
    assert before[0][1] > now[0][1]  # 40 is nearer to the middle than 67, on the axis that goes up
    assert before[2] != now[2]
    legend = [text.text for text in root.iterfind(f".//{SVG}g[@class='legends']/{SVG}g/{SVG}text")]
    assert legend == ["Aujourd’hui", "Auparavant"]
    alone = ElementTree.fromstring(charts.radar(AXES, language="fr"))
    assert alone.find(f".//{SVG}g[@class='legends']") is None


def test_two_axes_make_no_web() -> None:
    with pytest.raises(ValueError, match="three axes"):
        charts.radar(AXES[:2], language="fr")


def test_a_qr_code_is_a_picture_of_the_address() -> None:
    drawn = charts.qr("https://parcours.exemple.test/v/K7QF")
    assert ElementTree.fromstring(drawn).tag == f"{SVG}svg"
    assert drawn == charts.qr("https://parcours.exemple.test/v/K7QF")
    assert drawn != charts.qr("https://parcours.exemple.test/v/K7QG")
