"""Bootstrap and recovery of the platform; knows nothing of screens.

The door is lazy, see `uds/door.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uds.door import lazy_door

if TYPE_CHECKING:
    from .action import Danger as Danger
    from .actions import find_action as find_action
    from .analysis import Promise as Promise
    from .analysis import Spent as Spent
    from .analysis import blame as blame
    from .analysis import chrome_trace as chrome_trace
    from .analysis import compared as compared
    from .analysis import promises as promises
    from .analysis import spent as spent
    from .analysis import spent_on_chain as spent_on_chain
    from .bench.quick import Finding as Finding
    from .bench.quick import quick_set as quick_set
    from .board import StatusBoard as StatusBoard
    from .broker.port import BrokerError as BrokerError
    from .budget_check import unkept_budgets as unkept_budgets
    from .cell import Cell as Cell
    from .cell import CellState as CellState
    from .clock import Clock as Clock
    from .clock import ManualClock as ManualClock
    from .clock import SystemClock as SystemClock
    from .clock import process_age_s as process_age_s
    from .config import Config as Config
    from .config_file import load_config as load_config
    from .control_client import call_engine as call_engine
    from .control_client import socket_path as socket_path
    from .degraded import DegradedCode as DegradedCode
    from .degraded import DegradedReason as DegradedReason
    from .degraded import Severity as Severity
    from .drills.cards import Catalogue as Catalogue
    from .drills.cards import DrillCard as DrillCard
    from .drills.cards import VariantCard as VariantCard
    from .drills.cards import catalogue_of as catalogue_of
    from .drills.catalog import CATALOG as CATALOG
    from .drills.catalog import catalog_document as catalog_document
    from .drills.children import run_sandboxes as run_sandboxes
    from .drills.facts import DrillFacts as DrillFacts
    from .drills.facts import judged as judged
    from .drills.history import keep_outcome as keep_outcome
    from .drills.report import drill_report as drill_report
    from .drills.report import junit as junit
    from .drills.sayings import Ground as Ground
    from .drills.sayings import Saying as Saying
    from .drills.sayings import filled as filled
    from .drills.sayings import grounds_of as grounds_of
    from .drills.sayings import sayings_of as sayings_of
    from .drills.sayings import sentence as sentence
    from .drills.shape import DrillOutcome as DrillOutcome
    from .drills.shape import DrillPhase as DrillPhase
    from .drills.shape import DrillStatus as DrillStatus
    from .drills.shape import DrillStep as DrillStep
    from .drills.shape import Place as Place
    from .drills.shape import RevertedDrill as RevertedDrill
    from .drills.shape import StepState as StepState
    from .drills.shape import Verdict as Verdict
    from .errors import ActionRefused as ActionRefused
    from .errors import BadConfig as BadConfig
    from .errors import EngineError as EngineError
    from .errors import EngineSilent as EngineSilent
    from .errors import EngineUnreachable as EngineUnreachable
    from .errors import RecordUnreadable as RecordUnreadable
    from .errors import StoredLater as StoredLater
    from .events import ReasonCleared as ReasonCleared
    from .events import ReasonRaised as ReasonRaised
    from .exporting import export_bars as export_bars
    from .exporting import export_request as export_request
    from .figures import grouped as grouped
    from .first_status import first_status as first_status
    from .gate import Closed as Closed
    from .gate import GateState as GateState
    from .gate import Open as Open
    from .gate import Why as Why
    from .host_use import HostUse as HostUse
    from .host_use import host_use_of as host_use_of
    from .import_sources import ImportRequest as ImportRequest
    from .importing import import_history as import_history
    from .log_ring import hearing as hearing
    from .log_ring import uttered as uttered
    from .operations import look as look
    from .past_boots import boot_of as boot_of
    from .recording import Recording as Recording
    from .recording import recording_of as recording_of
    from .records import read_boot as read_boot
    from .records import recorded_boots as recorded_boots
    from .remote import RemoteEngine as RemoteEngine
    from .remote import attached as attached
    from .replica import BadReplica as BadReplica
    from .replica import posted_json as posted_json
    from .report import bootstrap_report as bootstrap_report
    from .runtime import Engine as Engine
    from .runtime import open_engine as open_engine
    from .seat import Seat as Seat
    from .simulation.case import BadCase as BadCase
    from .simulation.case import Case as Case
    from .simulation.case import case_json as case_json
    from .simulation.case import read_case as read_case
    from .simulation.crew import run_set as run_set
    from .simulation.minimise import minimised as minimised
    from .simulation.report import Summary as Summary
    from .simulation.run import Outcome as Outcome
    from .simulation.run import run_case as run_case
    from .simulation.story import told as told
    from .simulation.strategies import STRATEGIES as STRATEGIES
    from .simulation.strategies import case_named as case_named
    from .stages import Stage as Stage
    from .status import Act as Act
    from .status import BrokerStatus as BrokerStatus
    from .status import Mode as Mode
    from .status import Phase as Phase
    from .status import PrimeStatus as PrimeStatus
    from .status import ProcessState as ProcessState
    from .status import ProcessStatus as ProcessStatus
    from .status import Status as Status
    from .verify import NothingStored as NothingStored
    from .verify import verify_folder as verify_folder
    from .waterfall import BrokerFloor as BrokerFloor
    from .waterfall import Waterfall as Waterfall
    from .waterfall import Waterfalls as Waterfalls
    from .waterfall import waterfall_json as waterfall_json
    from .waterfall import waterfalls_of as waterfalls_of
    from .wire import status_document as status_document
    from .xray import Candle as Candle
    from .xray import Xray as Xray
    from .xray import xray_of as xray_of

__getattr__ = lazy_door(
    __name__,
    {
        "action": ("Danger",),
        "actions": ("find_action",),
        "analysis": (
            "Promise",
            "Spent",
            "blame",
            "chrome_trace",
            "compared",
            "promises",
            "spent",
            "spent_on_chain",
        ),
        "bench.quick": ("Finding", "quick_set"),
        "board": ("StatusBoard",),
        "broker.port": ("BrokerError",),
        "budget_check": ("unkept_budgets",),
        "clock": (
            "Clock",
            "ManualClock",
            "SystemClock",
            "process_age_s",
        ),
        "config": ("Config",),
        "config_file": ("load_config",),
        "control_client": ("call_engine", "socket_path"),
        "degraded": (
            "DegradedCode",
            "DegradedReason",
            "Severity",
        ),
        "drills.cards": ("Catalogue", "DrillCard", "VariantCard", "catalogue_of"),
        "drills.catalog": ("CATALOG", "catalog_document"),
        "drills.children": ("run_sandboxes",),
        "drills.facts": ("DrillFacts", "judged"),
        "drills.history": ("keep_outcome",),
        "drills.report": ("drill_report", "junit"),
        "drills.sayings": (
            "Ground",
            "Saying",
            "filled",
            "grounds_of",
            "sayings_of",
            "sentence",
        ),
        "drills.shape": (
            "DrillOutcome",
            "DrillPhase",
            "DrillStatus",
            "DrillStep",
            "Place",
            "RevertedDrill",
            "StepState",
            "Verdict",
        ),
        "errors": (
            "ActionRefused",
            "BadConfig",
            "EngineError",
            "EngineSilent",
            "EngineUnreachable",
            "RecordUnreadable",
            "StoredLater",
        ),
        "events": ("ReasonCleared", "ReasonRaised"),
        "exporting": (
            "export_bars",
            "export_request",
        ),
        "figures": ("grouped",),
        "first_status": ("first_status",),
        "gate": (
            "Closed",
            "GateState",
            "Open",
            "Why",
        ),
        "host_use": ("HostUse", "host_use_of"),
        "import_sources": ("ImportRequest",),
        "importing": ("import_history",),
        "log_ring": ("hearing", "uttered"),
        "past_boots": ("boot_of",),
        "recording": ("Recording", "recording_of"),
        "operations": ("look",),
        "records": ("read_boot", "recorded_boots"),
        "simulation.case": ("BadCase", "Case", "case_json", "read_case"),
        "simulation.crew": ("run_set",),
        "simulation.minimise": ("minimised",),
        "simulation.report": ("Summary",),
        "simulation.run": ("Outcome", "run_case"),
        "simulation.story": ("told",),
        "simulation.strategies": ("STRATEGIES", "case_named"),
        "stages": ("Stage",),
        "waterfall": ("BrokerFloor", "Waterfall", "Waterfalls", "waterfall_json", "waterfalls_of"),
        "remote": ("RemoteEngine", "attached"),
        "replica": ("BadReplica", "posted_json"),
        "report": ("bootstrap_report",),
        "runtime": (
            "Engine",
            "open_engine",
        ),
        "cell": ("Cell", "CellState"),
        "seat": ("Seat",),
        "status": (
            "Act",
            "BrokerStatus",
            "Mode",
            "Phase",
            "PrimeStatus",
            "ProcessState",
            "ProcessStatus",
            "Status",
        ),
        "verify": ("NothingStored", "verify_folder"),
        "wire": ("status_document",),
        "xray": ("Candle", "Xray", "xray_of"),
    },
)
