"""What reasons and starts tell, sentences by code, in English; `sayings.py` is how it is said.

A detail, or why a start goes about it as it does, is one or several of these in a row, each as it
stands here: unlike the clauses of acts and drills they get neither a capital nor a full stop. What
no code is known for, such as the text of a foreign exception, is `as_it_is`.
"""

from __future__ import annotations

REASON_SAYINGS: dict[str, str] = {
    "as_it_is": "{0}",
    # the gate and the promises
    "overdue": "the gate waits for {0} cells: {1}",
    "forced": "opened by {0} without {1} cells: {2}",
    "prime_partial": "PRIME {0}/{1} past the budget of {2} s; priming goes on: {3}",
    "budget_small": "set {0} to {1}: it is {2} s, but priming needs {3} s at {4} bars/s measured.",
    "budget_small_guessed": "set {0} to {1}: it is {2} s, but priming needs {3} s at {4} bars/s "
    "guessed.",
    # processes and the host
    "no_progress": "{0} made no progress for {1} s; it is restarted.",
    "child_again": "{0} (attempt {1}, next in {2} s, then {3} s)",
    "child_depends": "{0} (waits for {1})",
    "child_stuck": "{0} (no automatic retry)",
    "clock_jumped": "The wall clock jumped by {0} s against the monotonic one.",
    "loop_late": "The loop was {0} ms late.",
    "port_busy": "Port {0} on {1} is in use by another program; free it or choose another with "
    "--port.",
    "socket_unmade": "The control socket cannot be made again:",
    # the broker
    "attempt_due": "Attempt {0} in {1} s.",
    "broker_silent": "The broker did not answer for {0} {1} within {2} s.",
    "broker_failed": "The broker failed {0} {1}.",
    "broker_asked_too_often": "The broker was asked too often.",
    "broker_pace": "Too many requests; the next one in {0} s.",
    "answer_no_history": "The broker's answer for {0} {1} is no history: {2}.",
    "answer_came": "The broker's answer for {0} {1} came",
    "came_unordered": "unordered.",
    "came_unordered_and": "unordered and",
    "came_twice": "with {0} bars twice.",
    "came_twice_and": "with {0} bars twice and",
    "came_outside": "with {0} bars outside the range.",
    "login_silent": "The broker did not answer the login.",
    "login_refused": "The broker refused the login: try again later.",
    "login_wrong": "The broker does not know these credentials.",
    # what is stored and served
    "stale": "{0} expected {1} of {2} did not arrive.",
    "gap_tried": "{0} {1} from {2} on are missing: {3} attempts did not fill it.",
    "gap_others": "{0} {1} from {2} on are missing: {3} answers in a row held other bars only.",
    "gap_parts": "{0} {1} from {2} on are missing: it came in more than {3} parts.",
    "no_bar_broker": "The broker has no bar of {0} yet.",
    "no_bar_stored": "We have no bar of {0} yet.",
    "derived_lost": "{0} has {1} of {2} bars that were derived; they are made again of M1.",
    "digest_fails": "{0} {1} in RAM fail the digest of {2}.",
    "tails_gone": "The tails of {0} {1} in Redis are gone or changed; they are put back.",
    "not_removed": "What {0} needs no more was not removed:",
    "lines_unused": "{0}: {1} lines from line {2} not used: {3}.",
    "file_unused": "{0}: the file not used: {1}.",
    "quarantine_full": "{0} older finds made room in the quarantine folder.",
    "depth_short": "{0} of {1} H4 are stored; older M1 are fetched.",
    "depth_ended": "The broker has no {0} of {1} before {2}.",
    "days_differ": "{0} prices of D1 differ from M1; the worst is {1} of {2}: the broker says {3}, "
    "M1 {4}.",
    "days_absent": "The replay folder {0} has no D1 of {1}; D1 is made of its M1.",
    "days_off_anchor": "The replay folder {0} has a {1} whose days do not open at {2} {3}; D1 is "
    "made of its M1.",
    "days_off_grid": "The replay folder {0} has no D1 of {1} on the anchor; D1 is made of its M1.",
    "file_flawed": "{0} has {1}.",
    "session_empty": "{0} sessions; the one of {1} had no bar at all.",
    "session_moved": "{0} sessions; the one of {1} opened {2} min and closed {3} min off its "
    "calendar.",
    "mode_unlike": "The M1 of {0} are {1} where {2} is expected.",
    "mode_refused": "{0}: the M1 of the platform of before open in mode {1}, ours in mode {2}; "
    "none of its bars is taken.",
    "legacy_written": "Files of {0} that another platform wrote changed while they were read.",
    # how a start goes about it
    "mode_nothing": "nothing is stored",
    "mode_other": "stored bars are {0}",
    "mode_days": "only D1 are stored",
    "mode_days_recut": "only D1 are stored, cut by another anchor",
    "mode_recut": "anchor changed: rebuilt locally, D1 only;",
    "mode_away": "{0} min of open market away",
    "mode_away_long": "{0} min of open market away, more than {1} h",
    "mode_missing": "{0} M1 missing, more than max_warmup_bars {1}",
    "mode_legacy": "legacy files,",
    # nobody answers a console
    "engine_away": "No engine answers at {0}; start one with `coldstart-console up`, or name its "
    "data folder with --data.",
    "engine_silent": "The engine at {0} did not answer within {1} s; see whether its process is "
    "stopped.",
    "engine_unfollowed": "The engine at {0} cannot be followed: {1}",
}
"""Sentences by code; what stands in braces are the arguments in their order."""
