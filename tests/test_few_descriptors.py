"""An engine that may open few files, and a crowd that connects and says nothing."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

from .running import get, held

FILES_MAX = 200
CROWD = 250


def test_a_silent_crowd_takes_no_files_from_the_engine(tmp_path: Path) -> None:
    """A leaking pool or a scanner once cost the disk, and megabytes of tracebacks a second."""
    (tmp_path / "config.json").write_text('{"symbols": ["USD/JPY"]}')
    with held(cwd=tmp_path) as engine, ExitStack() as crowd:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.prlimit(engine.process.pid, resource.RLIMIT_NOFILE, (FILES_MAX, hard))
        port = engine.port()
        engine.until(0)
        for _ in range(CROWD):
            crowd.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            control = crowd.enter_context(socket.socket(socket.AF_UNIX))
            control.settimeout(20)
            control.connect(str(tmp_path / "data_v3" / "run" / "control.sock"))

        assert (200, {"ok": True}) == get(port, "/livez")
        assert [] == [
            one["code"] for one in engine.until(0)["reasons"] if one["severity"] != "info"
        ]
        engine.process.terminate()
        assert engine.process.stderr is not None
        said = engine.process.stderr.read()
    assert "Traceback" not in said
