"""What a process's failure is worth: try again, wait for somebody, ask the operator, or stop.

Whoever does not know a failure takes it for a bug: it gets one restart, because many bugs are
rare, and is then held, because the others are not. What the world does to us is known by type.
"""

from __future__ import annotations

from enum import Enum

from uds import CacheDown, CacheRegressed, CacheTooOld, DiskFailed, Fenced, ServerMissing

from .broker.port import BrokerError, LoginFailed, LoginFault
from .degraded import DegradedCode
from .errors import BadConfig, EngineError, PortBusy
from .status import Status


class ChildEnded(EngineError):
    """A process ended although it should live on: it returned, left, or was silent too long."""


class FailureClass(Enum):
    """What to do about a failure."""

    TRANSIENT = "transient"
    """Try again, ever later."""
    DEPENDENCY = "dependency"
    """Wait until somebody else is back, then go on at once."""
    PERMANENT = "permanent"
    """Nothing changes by itself: wait for the operator, so that no account is locked."""
    BUG = "bug"
    """Try once more, then hold."""
    FENCED = "fenced"
    """Another owner has the data: stop."""


class Dependency(Enum):
    """Somebody a process cannot work without and cannot bring back."""

    REDIS = (DegradedCode.REDIS_DOWN, DegradedCode.REDIS_TIMEOUT, DegradedCode.REDIS_REGRESSED)

    @property
    def label(self) -> str:
        """What the operator calls it."""
        return self.name.lower()

    def is_here(self, status: Status) -> bool:
        """Whether no reason says that it is away."""
        return not any(reason.code in self.value for reason in status.reasons)


_LOST = (CacheDown, CacheRegressed, CacheTooOld, ServerMissing)
_PASSING = (ChildEnded, DiskFailed, BrokerError, PortBusy, OSError, TimeoutError)


def failure_class(failure: BaseException) -> FailureClass:
    """The class of what ended a process; a CancelledError nobody asked for is passing."""
    if isinstance(failure, Fenced):
        return FailureClass.FENCED
    if isinstance(failure, _LOST):
        return FailureClass.DEPENDENCY
    if isinstance(failure, BadConfig):
        return FailureClass.PERMANENT
    if isinstance(failure, LoginFailed) and failure.fault is LoginFault.PERMANENT:
        return FailureClass.PERMANENT
    if isinstance(failure, _PASSING):
        return FailureClass.TRANSIENT
    return FailureClass.BUG


def dependency_of(failure: BaseException) -> Dependency:
    """Whom a failure of class DEPENDENCY waits for."""
    assert isinstance(failure, _LOST), f"{failure!r} waits for nobody"
    return Dependency.REDIS


def first_cause(failure: BaseException) -> BaseException:
    """A task group wraps what happened; the gravest of it decides, the first of equals."""
    if not isinstance(failure, BaseExceptionGroup):
        return failure
    causes = [first_cause(one) for one in failure.exceptions]
    return min(causes, key=lambda cause: _GRAVEST_FIRST.index(failure_class(cause)))


_GRAVEST_FIRST = (
    FailureClass.FENCED,
    FailureClass.PERMANENT,
    FailureClass.BUG,
    FailureClass.DEPENDENCY,
    FailureClass.TRANSIENT,
)
