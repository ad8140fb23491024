"""Everything acts say, clauses by code, in English; `engine/sayings.py` is how they are said."""

from __future__ import annotations

ACT_SAYINGS: dict[str, str] = {
    # questions
    "restart": "restart {0}? The other {1} processes go on undisturbed",
    "restart_force": "restart {0} by force? What it is writing is cut off. "
    "The other {1} processes go on undisturbed",
    "open_gate": "open the gate although {0} of {1} cells are missing? Those answer 503, "
    "the others are served as degraded, for {2} minutes",
    "acknowledge": "acknowledge {0} of {1}?",
    "acknowledge_platform": "acknowledge {0} of platform?",
    "then_clears": "that clears it",
    "then_seen": "it stays on the screen, marked as seen",
    "pause_depth": "pause the deepening of history? What readers get stays as it is",
    "resume_depth": "let the deepening of history go on, behind everything else?",
    "shutdown": "stop the engine? Readers will find nothing on this host until the next start",
    "rebuild": "rebuild {0}?",
    "rebuild_many": "rebuild {0} symbols?",
    "never_served": "it is not served yet",
    "made_anew": "{0} timeframes from {1} M1 fetched anew; readers stay on {2} until the flip",
    "made_anew_many": "{0} timeframes from {1} M1 fetched anew; readers stay on what they have "
    "until the flip",
    "depth_again": "the depth goes from {0} to about {1} M1 and is brought again behind the open "
    "gate",
    "depth_lost": "the depth goes from {0} to about {1} M1 and is brought again behind the open "
    "gate as far as depth_bars asks; what is older is let go",
    # done
    "restarting": "{0} is being restarted",
    "restarting_force": "{0} is being restarted by force",
    "gate_forced": "the gate is forced open for {0} minutes",
    "acknowledged": "{0} of {1} is acknowledged",
    "acknowledged_platform": "{0} of platform is acknowledged",
    "depth_pauses": "deepening pauses after the stretch that is under way",
    "depth_goes_on": "deepening goes on",
    "stopping": "the engine is stopping",
    "rebuilding_one": "{0} is being rebuilt",
    "rebuilding": "{0} are being rebuilt",
    "rebuilding_many": "{0} symbols are being rebuilt",
    # refusals, with what an operator can do
    "no_action": "there is no action {0!r}; there are {1}",
    "not_offered": "there is no action {0!r}",
    "no_process": "there is no process {0!r}; there are {1}",
    "no_symbol": "there is no symbol {0!r}",
    "no_argument": "{0} has no argument {1!r}",
    "must_be_told": "{0} must be told a {1}",
    "takes_one": "{0} takes one {1}",
    "gate_is_open": "the gate is open already",
    "gate_unmoved": "the gate is {0}: no word of ours opens it",
    "reason_absent": "no reason {0!r} stands there",
    "reason_manifold": "{0} stands in {1} places: {2}",
    "is_paused": "deepening is paused already",
    "not_paused": "deepening is not paused",
    "being_filled": "{0} is being filled already; wait until it is sealed",
    "all_being_filled": "every symbol is being filled already; wait until they are sealed",
    "read_only": "this engine was started --read-only: it can be looked at, nothing else",
    "start_writable": "stop it by a signal and start it without --read-only",
    "looks_only": "this connection only looks: arm it first",
    "how_to_arm": "send `arm`, press A in the console, or use the command line",
    "console_looks": "this console was started --read-only: it looks and does nothing else",
    "say_phrase": "to do it, say {0!r}",
    "phrase_option": "on the command line: --yes-i-mean {0}",
}
