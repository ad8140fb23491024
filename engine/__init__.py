"""Bootstrap and recovery of the platform; knows nothing of screens.

The door is lazy, see `uds/door.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uds.door import lazy_door

if TYPE_CHECKING:
    from .acts.action import Danger as Danger
    from .acts.actions import find_action as find_action
    from .acts.seat import Seat as Seat
    from .bench.quick import Finding as Finding
    from .bench.quick import quick_set as quick_set
    from .board import StatusBoard as StatusBoard
    from .boots.analysis import Promise as Promise
    from .boots.analysis import Spent as Spent
    from .boots.analysis import blame as blame
    from .boots.analysis import chrome_trace as chrome_trace
    from .boots.analysis import compared as compared
    from .boots.analysis import promises as promises
    from .boots.analysis import spent as spent
    from .boots.analysis import spent_on_chain as spent_on_chain
    from .boots.past_boots import boot_of as boot_of
    from .boots.recording import Recording as Recording
    from .boots.recording import recording_of as recording_of
    from .boots.records import read_boot as read_boot
    from .boots.records import recorded_boots as recorded_boots
    from .boots.report import bootstrap_report as bootstrap_report
    from .boots.stages import Stage as Stage
    from .boots.waterfall import BrokerFloor as BrokerFloor
    from .boots.waterfall import Waterfall as Waterfall
    from .boots.waterfall import Waterfalls as Waterfalls
    from .boots.waterfall import waterfall_json as waterfall_json
    from .boots.waterfall import waterfalls_of as waterfalls_of
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
    from .control.client import call_engine as call_engine
    from .control.client import socket_path as socket_path
    from .control.operations import look as look
    from .control.remote import RemoteEngine as RemoteEngine
    from .control.remote import attached as attached
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
    from .drills.grounds import Ground as Ground
    from .drills.grounds import grounds_of as grounds_of
    from .drills.history import keep_outcome as keep_outcome
    from .drills.report import drill_report as drill_report
    from .drills.report import junit as junit
    from .drills.shape import DrillOutcome as DrillOutcome
    from .drills.shape import DrillPhase as DrillPhase
    from .drills.shape import DrillStatus as DrillStatus
    from .drills.shape import DrillStep as DrillStep
    from .drills.shape import Place as Place
    from .drills.shape import RevertedDrill as RevertedDrill
    from .drills.shape import StepState as StepState
    from .drills.shape import Verdict as Verdict
    from .duties.host_use import HostUse as HostUse
    from .duties.host_use import host_use_of as host_use_of
    from .errors import ActionRefused as ActionRefused
    from .errors import BadConfig as BadConfig
    from .errors import EngineError as EngineError
    from .errors import EngineSilent as EngineSilent
    from .errors import EngineUnreachable as EngineUnreachable
    from .errors import RecordUnreadable as RecordUnreadable
    from .errors import StoredLater as StoredLater
    from .events import ReasonCleared as ReasonCleared
    from .events import ReasonRaised as ReasonRaised
    from .figures import grouped as grouped
    from .first_status import first_status as first_status
    from .gate import Closed as Closed
    from .gate import GateState as GateState
    from .gate import Open as Open
    from .gate import Why as Why
    from .history.exporting import export_bars as export_bars
    from .history.exporting import export_request as export_request
    from .history.import_sources import ImportRequest as ImportRequest
    from .history.importing import import_history as import_history
    from .log_ring import hearing as hearing
    from .log_ring import uttered as uttered
    from .proof.verify import NothingStored as NothingStored
    from .proof.verify import verify_folder as verify_folder
    from .refusals import refusal as refusal
    from .replica import BadReplica as BadReplica
    from .replica import posted_json as posted_json
    from .runtime import Engine as Engine
    from .runtime import open_engine as open_engine
    from .sayings import Saying as Saying
    from .sayings import filled as filled
    from .sayings import said_of as said_of
    from .sayings import saying as saying
    from .sayings import sayings_of as sayings_of
    from .sayings import sentence as sentence
    from .sayings import sentences as sentences
    from .serving.wire import status_document as status_document
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
    from .status import Act as Act
    from .status import BrokerStatus as BrokerStatus
    from .status import Mode as Mode
    from .status import Phase as Phase
    from .status import PrimeStatus as PrimeStatus
    from .status import ProcessState as ProcessState
    from .status import ProcessStatus as ProcessStatus
    from .status import Status as Status
    from .xray import Candle as Candle
    from .xray import Xray as Xray
    from .xray import xray_of as xray_of

__getattr__ = lazy_door(
    __name__,
    {
        "acts.action": ("Danger",),
        "acts.actions": ("find_action",),
        "boots.analysis": (
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
        "control.client": ("call_engine", "socket_path"),
        "degraded": (
            "DegradedCode",
            "DegradedReason",
            "Severity",
        ),
        "drills.cards": ("Catalogue", "DrillCard", "VariantCard", "catalogue_of"),
        "drills.catalog": ("CATALOG", "catalog_document"),
        "drills.children": ("run_sandboxes",),
        "drills.facts": ("DrillFacts", "judged"),
        "drills.grounds": ("Ground", "grounds_of"),
        "drills.history": ("keep_outcome",),
        "drills.report": ("drill_report", "junit"),
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
        "history.exporting": (
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
        "duties.host_use": ("HostUse", "host_use_of"),
        "history.import_sources": ("ImportRequest",),
        "history.importing": ("import_history",),
        "log_ring": ("hearing", "uttered"),
        "boots.past_boots": ("boot_of",),
        "boots.recording": ("Recording", "recording_of"),
        "control.operations": ("look",),
        "boots.records": ("read_boot", "recorded_boots"),
        "simulation.case": ("BadCase", "Case", "case_json", "read_case"),
        "simulation.crew": ("run_set",),
        "simulation.minimise": ("minimised",),
        "simulation.report": ("Summary",),
        "simulation.run": ("Outcome", "run_case"),
        "simulation.story": ("told",),
        "simulation.strategies": ("STRATEGIES", "case_named"),
        "boots.stages": ("Stage",),
        "boots.waterfall": (
            "BrokerFloor",
            "Waterfall",
            "Waterfalls",
            "waterfall_json",
            "waterfalls_of",
        ),
        "control.remote": ("RemoteEngine", "attached"),
        "refusals": ("refusal",),
        "replica": ("BadReplica", "posted_json"),
        "sayings": (
            "Saying",
            "filled",
            "said_of",
            "saying",
            "sayings_of",
            "sentence",
            "sentences",
        ),
        "boots.report": ("bootstrap_report",),
        "runtime": (
            "Engine",
            "open_engine",
        ),
        "cell": ("Cell", "CellState"),
        "acts.seat": ("Seat",),
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
        "proof.verify": ("NothingStored", "verify_folder"),
        "serving.wire": ("status_document",),
        "xray": ("Candle", "Xray", "xray_of"),
    },
)
