"""Whether a logout would end the engine is told before somebody learns it the hard way."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.terminal.logout import LogoutRisk, logout_risk, risk_of

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
SERVICE = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope\n"
ELSEWHERE = "0::/system.slice/coldstart.service\n"
KILLS = "[Login]\nKillUserProcesses=yes\n"
SPARES = "[Login]\n#KillUserProcesses=yes\nKillUserProcesses=no\n"
CASES = {
    "a session that is ended": (SESSION, [KILLS], False, LogoutRisk.SESSION),
    "a session that is ended, lingering or not": (SESSION, [KILLS], True, LogoutRisk.SESSION),
    "the later file decides": (SESSION, [KILLS, SPARES], False, None),
    "a later file ends it": (SESSION, [SPARES, KILLS], False, LogoutRisk.SESSION),
    "nothing is configured": (SESSION, ["", "no section"], False, None),
    "this user is spared": (SESSION, [KILLS + "KillExcludeUsers=root ann\n"], False, None),
    "only others are meant": (SESSION, [KILLS + "KillOnlyUsers=bob\n"], False, None),
    "a service of the user": (SERVICE, [], False, LogoutRisk.SERVICE),
    "a service of a user who lingers": (SERVICE, [KILLS], True, None),
    "no login at all": (ELSEWHERE, [KILLS], False, None),
    "a host without cgroups": ("", [KILLS], False, None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_table_of_logins(name: str) -> None:
    """A warning that comes always is not read; one that is missing costs an engine."""
    cgroup, settings, lingers, expected = CASES[name]

    assert expected is risk_of(cgroup, settings, "ann", lingers=lingers)


def test_the_files_are_found_in_the_order_logind_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator's drop-in must win over the distribution's file."""
    monkeypatch.setenv("USER", "ann")
    shipped, own = tmp_path / "usr/lib/systemd", tmp_path / "etc/systemd/logind.conf.d"
    for folder in (shipped, own, tmp_path / "proc/self", tmp_path / "var/lib/systemd/linger"):
        folder.mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(SESSION)
    (shipped / "logind.conf").write_text(SPARES)
    assert logout_risk(tmp_path) is None
    (own / "10-kill.conf").write_text(KILLS)
    assert LogoutRisk.SESSION is logout_risk(tmp_path)
    (tmp_path / "proc/self/cgroup").write_text(SERVICE)
    (tmp_path / "var/lib/systemd/linger/ann").touch()
    assert logout_risk(tmp_path) is None
