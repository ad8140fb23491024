"""Whether this host would end a detached engine at logout, and what to do about it.

Two ways lead to that end. With `KillUserProcesses=yes` logind ends all that is left of a login
session, lingering or not; and the user's own service manager, with all it started, ends with the
last session unless the user lingers. The cgroup says under which of both we live.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

_CONFIGURATION = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
"""Later folders win; within one, logind.conf comes before logind.conf.d/*.conf."""
_LINGERING = Path("/var/lib/systemd/linger")
_CGROUP = Path("/proc/self/cgroup")
_SESSION = re.compile(r"/session-[^/]+\.scope(/|$)", re.MULTILINE)
_SERVICE = re.compile(r"/user@\d+\.service(/|$)", re.MULTILINE)
_YES = ("yes", "true", "on", "1")


class LogoutRisk(Enum):
    """How the engine would end."""

    SESSION = "session"
    """logind ends what is left of the login session."""
    SERVICE = "service"
    """The user's service manager ends with the last session."""


def logout_risk(root: Path = Path("/")) -> LogoutRisk | None:
    """What threatens this process at logout, None for nothing known; `root` is for tests."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
    cgroup = _text(root / _CGROUP.relative_to("/"))
    lingers = (root / _LINGERING.relative_to("/") / user).exists()
    return risk_of(cgroup, _settings(root), user, lingers=lingers)


def risk_of(cgroup: str, settings: Iterable[str], user: str, *, lingers: bool) -> LogoutRisk | None:
    """The same from the texts: our cgroup, and logind's files in the order they are read."""
    if _SERVICE.search(cgroup):
        return None if lingers else LogoutRisk.SERVICE
    if not _SESSION.search(cgroup):
        return None
    login: dict[str, str] = {}
    for text in settings:
        login |= _login_section(text)
    kills = login.get("killuserprocesses", "no").lower() in _YES
    only = login.get("killonlyusers", "").split()
    spared = login.get("killexcludeusers", "root").split()
    is_meant = user not in spared and (not only or user in only)
    return LogoutRisk.SESSION if kills and is_meant else None


def _settings(root: Path) -> list[str]:
    found: list[str] = []
    for folder in _CONFIGURATION:
        there = root / folder.lstrip("/")
        found += map(_text, (there / "logind.conf", *sorted(there.glob("logind.conf.d/*.conf"))))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _login_section(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    section = parser["Login"] if parser.has_section("Login") else {}
    return {key: value or "" for key, value in section.items()}
