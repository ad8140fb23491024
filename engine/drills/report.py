"""What came of drills for programs: one JSON document, and JUnit for whatever runs builds."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from ..replica import plain
from .catalog import CATALOG
from .facts import DrillFacts, judged
from .shape import Verdict

_SUITE = "coldstart-console drills"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def drill_report(found: Sequence[DrillFacts]) -> dict[str, object]:
    """`drill run --json`: the verdicts, the two times, and all that they follow from."""
    return {"schema": 1, "drills": [_drill(facts) for facts in found]}


def _drill(facts: DrillFacts) -> dict[str, object]:
    verdict, why = facts.judged
    return {
        "id": facts.id,
        "verdict": verdict.value,
        "loud_s": facts.loud_s,
        "recovered_s": facts.recovered_s,
        "facts": {
            "title": CATALOG[facts.id].title,
            "place": facts.place.value,
            "why": why,
            "variants": [
                {"verdict": judged(one)[0].value, **_plain(one)} for one in facts.variants
            ],
        },
    }


def junit(found: Sequence[DrillFacts]) -> bytes:
    """A suite with a case for each drill: FAIL is a failure, INCONCLUSIVE an error."""
    verdicts = [facts.judged[0] for facts in found]
    counts = {
        "tests": str(len(found)),
        "failures": str(verdicts.count(Verdict.FAIL)),
        "errors": str(verdicts.count(Verdict.INCONCLUSIVE)),
        "skipped": "0",
        "time": f"{sum(map(_took_s, found)):.3f}",
    }
    suites = ET.Element("testsuites", {"name": _SUITE, **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": _SUITE, **counts})
    for facts in found:
        _case(suite, facts)
    ET.indent(suites)
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ET.Element, facts: DrillFacts) -> None:
    verdict, why = facts.judged
    name = f"{facts.id} {CATALOG[facts.id].title}"
    place = f"drills.{facts.place.value}"
    case = ET.SubElement(
        suite, "testcase", classname=place, name=name, time=f"{_took_s(facts):.3f}"
    )
    if verdict is not Verdict.PASS:
        tag = "failure" if verdict is Verdict.FAIL else "error"
        ET.SubElement(case, tag, {"message": _xml(why), "type": verdict.value}).text = _xml(why)
    ET.SubElement(case, "system-out").text = _xml("\n".join(_lines(facts)))


def _lines(facts: DrillFacts) -> list[str]:
    """The time line of each variant."""
    lines = []
    for one in facts.variants:
        lines.append(f"{one.variant}: {judged(one)[0].value}")
        lines += [f"  +{moment.at_s:8.3f} s  {moment.what}" for moment in one.timeline]
    return lines


def _took_s(facts: DrillFacts) -> float:
    return sum(one.timeline[-1].at_s for one in facts.variants if one.timeline)


def _xml(text: str) -> str:
    """Without what no XML may hold."""
    return _NOT_XML.sub("?", text)


def _plain(facts: object) -> dict[str, object]:
    found = plain(facts)
    assert isinstance(found, dict)
    return found
