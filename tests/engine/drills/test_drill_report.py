"""What came of drills for programs: the JSON document, and JUnit that its readers accept."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from engine.drills.facts import Moment
from engine.drills.report import drill_report, junit
from engine.sayings import saying

from .builders import drill, facts

EVIL = "ctrl \x00\x1b[31m <&> \ud800 end"
FOUND = (
    drill(),
    drill(facts(loud_s=None, timeline=(Moment(1.5, saying("put_in", EVIL)),))),
    drill(facts(injected=0)),
)


def test_the_document_has_the_fields_that_were_promised() -> None:
    """Scripts read these names."""
    report = json.loads(json.dumps(drill_report(FOUND[:1])))
    (one,) = report["drills"]

    assert {"schema", "drills"} == report.keys()
    assert {"id", "verdict", "loud_s", "recovered_s", "facts"} == one.keys()
    assert (1, "F2", "PASS", 0.1, 0.4) == (
        report["schema"],
        *(one[name] for name in ("id", "verdict", "loud_s", "recovered_s")),
    )
    (variant,) = one["facts"]["variants"]
    assert ("killed", "PASS", 1, 40) == (
        variant["variant"],
        variant["verdict"],
        variant["injected"],
        variant["readers"]["given"],
    )


def test_junit_counts_what_its_readers_count() -> None:
    """Build servers take the numbers of the suite, not of the cases."""
    suites = ET.fromstring(junit(drill_report(FOUND)))
    (suite,) = suites
    cases = suite.findall("testcase")

    assert ("testsuites", "testsuite") == (suites.tag, suite.tag)
    assert ("3", "1", "1", "0") == tuple(
        suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")
    )
    assert 3 == len(cases)
    for case in cases:
        assert {"classname", "name", "time"} == case.attrib.keys()
        assert float(case.attrib["time"]) >= 0
    assert [None, "FAIL", None] == [_type(case.find("failure")) for case in cases]
    assert [None, None, "INCONCLUSIVE"] == [_type(case.find("error")) for case in cases]
    assert all((case.find("system-out") is not None) for case in cases)


def test_no_text_of_the_engine_can_break_the_document() -> None:
    """A broker's error may hold anything; XML may not."""
    text = junit(drill_report(FOUND)).decode()

    assert "\x00" not in text
    assert "\x1b" not in text
    assert "ctrl ??[31m &lt;&amp;&gt; ? end" in text


def _type(element: ET.Element | None) -> str | None:
    return None if element is None else element.attrib["type"]
