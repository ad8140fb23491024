"""What came of drills for programs: one JSON document, and JUnit for whatever runs builds."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

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
    verdict, grounds = facts.judged
    return {
        "id": facts.id,
        "verdict": verdict.value,
        "loud_s": facts.loud_s,
        "recovered_s": facts.recovered_s,
        "facts": {
            "title": CATALOG[facts.id].title,
            "place": facts.place.value,
            "why": facts.why,
            "grounds": plain(grounds),
            "variants": [
                {"verdict": judged(one)[0].value, **one.document()} for one in facts.variants
            ],
        },
    }


def junit(report: Mapping[str, Any]) -> bytes:
    """A suite with a case for each drill of a report: FAIL a failure, INCONCLUSIVE an error."""
    drills = report["drills"]
    verdicts = [drill["verdict"] for drill in drills]
    counts = {
        "tests": str(len(drills)),
        "failures": str(verdicts.count(Verdict.FAIL.value)),
        "errors": str(verdicts.count(Verdict.INCONCLUSIVE.value)),
        "skipped": "0",
        "time": f"{sum(map(_took_s, drills)):.3f}",
    }
    suites = ET.Element("testsuites", {"name": _SUITE, **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": _SUITE, **counts})
    for drill in drills:
        _case(suite, drill)
    ET.indent(suites)
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ET.Element, drill: Mapping[str, Any]) -> None:
    facts, verdict = drill["facts"], drill["verdict"]
    named = {
        "classname": f"drills.{facts['place']}",
        "name": _xml(f"{drill['id']} {facts['title']}"),
        "time": f"{_took_s(drill):.3f}",
    }
    case = ET.SubElement(suite, "testcase", named)
    if verdict != Verdict.PASS.value:
        tag = "failure" if verdict == Verdict.FAIL.value else "error"
        why = _xml(facts["why"])
        ET.SubElement(case, tag, {"message": why, "type": verdict}).text = why
    ET.SubElement(case, "system-out").text = _xml("\n".join(drill_timeline(drill)))


def drill_timeline(drill: Mapping[str, Any]) -> list[str]:
    """What happened in each variant of a drill of a report, line by line."""
    lines = []
    for one in drill["facts"]["variants"]:
        lines.append(f"{one['variant']}: {one['verdict']}")
        lines += [f"  +{moment['at_s']:7.3f} s  {moment['what']}" for moment in one["timeline"]]
    return lines


def _took_s(drill: Mapping[str, Any]) -> float:
    variants = drill["facts"]["variants"]
    return float(sum(one["timeline"][-1]["at_s"] for one in variants if one["timeline"]))


def _xml(text: str) -> str:
    """Without what no XML may hold."""
    return _NOT_XML.sub("?", text)
