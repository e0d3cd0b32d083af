"""A content-addressed, git-like artifact store for AI pipelines.

    payload ──put──► objects ──publish──► operation log ──► refs ──lookup──► hit, or miss + why
    (text, value,    (blob, tree,         (one commit        (phase-3-generated_code
     bytes, files)    snapshot)            point)             → snapshot)

``aicas.open()`` gives a ``Store``. Everything public is named in ``__all__`` here and loaded when
it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicas.analytics.optimizer import CostOptimizer as CostOptimizer
    from aicas.analytics.prices import PriceTable as PriceTable
    from aicas.analytics.prices import usd_to_nano as usd_to_nano
    from aicas.analytics.report import CostAnalysis as CostAnalysis
    from aicas.analytics.report import DayCosts as DayCosts
    from aicas.backends.operation import Operation as Operation
    from aicas.cache.asynchronous import AsyncCache as AsyncCache
    from aicas.cache.blocking import Cache as Cache
    from aicas.cache.manager import ARCHITECTURE as ARCHITECTURE
    from aicas.cache.manager import BRAINSTORMING as BRAINSTORMING
    from aicas.cache.manager import INTEGRATION as INTEGRATION
    from aicas.cache.manager import MICRO_PHASES as MICRO_PHASES
    from aicas.cache.manager import CacheManager as CacheManager
    from aicas.cache.manager import phase_code_key as phase_code_key
    from aicas.cache.manager import phase_report_key as phase_report_key
    from aicas.cache.result import Produced as Produced
    from aicas.cache.result import Result as Result
    from aicas.clock import format_time as format_time
    from aicas.clock import system_clock as system_clock
    from aicas.errors import AicasError as AicasError
    from aicas.errors import Conflict as Conflict
    from aicas.errors import Damaged as Damaged
    from aicas.errors import InvalidInput as InvalidInput
    from aicas.errors import InvalidName as InvalidName
    from aicas.errors import NotFound as NotFound
    from aicas.errors import OutputRejected as OutputRejected
    from aicas.errors import ProducerFailed as ProducerFailed
    from aicas.errors import StageFailed as StageFailed
    from aicas.errors import StorageFailed as StorageFailed
    from aicas.errors import UnsupportedFormat as UnsupportedFormat
    from aicas.errors import Vanished as Vanished
    from aicas.graph import Price as Price
    from aicas.graph import price_of as price_of
    from aicas.ledger.estimates import Estimate as Estimate
    from aicas.ledger.estimates import mean_cost as mean_cost
    from aicas.ledger.sessions import Session as Session
    from aicas.ledger.sessions import Step as Step
    from aicas.names import Key as Key
    from aicas.names import check_key as check_key
    from aicas.names import check_label as check_label
    from aicas.objects.files import Files as Files
    from aicas.objects.payload import FromDirectory as FromDirectory
    from aicas.objects.payload import FromFile as FromFile
    from aicas.objects.payload import Payload as Payload
    from aicas.objects.snapshot import Cost as Cost
    from aicas.objects.snapshot import Snapshot as Snapshot
    from aicas.opening import find as find
    from aicas.opening import in_memory as in_memory
    from aicas.opening import init as init
    from aicas.opening import open as open  # noqa: A004  (as in zarr or dbm)
    from aicas.opening import settings as settings
    from aicas.store import InvalidationPlan as InvalidationPlan
    from aicas.store import ResumePlan as ResumePlan
    from aicas.store import Sample as Sample
    from aicas.store import Store as Store
    from aicas.transfer.records import Record as Record
    from aicas.transfer.records import read_records as read_records
    from aicas.transfer.replayer import Replayer as Replayer
    from aicas.transfer.strictjson import parse_json as parse_json
    from aicas.transfer.survey import Survey as Survey
    from aicas.transfer.survey import survey_records as survey_records
    from aicas.units import format_count as format_count
    from aicas.units import format_duration as format_duration
    from aicas.units import format_size as format_size
    from aicas.units import format_usd as format_usd
    from aicas.validity.check import Hit as Hit
    from aicas.validity.check import Miss as Miss
    from aicas.validity.explain import Explanation as Explanation
    from aicas.validity.inputs import Use as Use
    from aicas.validity.reasons import Reason as Reason
    from aicas.validity.recipe import Recipe as Recipe
    from aicas.validity.status import StageStatus as StageStatus

__version__ = "0.1.0"

_HOME = {
    "ARCHITECTURE": "aicas.cache.manager",
    "AicasError": "aicas.errors",
    "AsyncCache": "aicas.cache.asynchronous",
    "BRAINSTORMING": "aicas.cache.manager",
    "Cache": "aicas.cache.blocking",
    "CacheManager": "aicas.cache.manager",
    "Conflict": "aicas.errors",
    "Cost": "aicas.objects.snapshot",
    "CostAnalysis": "aicas.analytics.report",
    "CostOptimizer": "aicas.analytics.optimizer",
    "Damaged": "aicas.errors",
    "DayCosts": "aicas.analytics.report",
    "Estimate": "aicas.ledger.estimates",
    "Explanation": "aicas.validity.explain",
    "Files": "aicas.objects.files",
    "FromDirectory": "aicas.objects.payload",
    "FromFile": "aicas.objects.payload",
    "Hit": "aicas.validity.check",
    "INTEGRATION": "aicas.cache.manager",
    "InvalidInput": "aicas.errors",
    "InvalidName": "aicas.errors",
    "InvalidationPlan": "aicas.store",
    "Key": "aicas.names",
    "MICRO_PHASES": "aicas.cache.manager",
    "Miss": "aicas.validity.check",
    "NotFound": "aicas.errors",
    "Operation": "aicas.backends.operation",
    "OutputRejected": "aicas.errors",
    "Payload": "aicas.objects.payload",
    "Price": "aicas.graph",
    "PriceTable": "aicas.analytics.prices",
    "Produced": "aicas.cache.result",
    "ProducerFailed": "aicas.errors",
    "Reason": "aicas.validity.reasons",
    "Recipe": "aicas.validity.recipe",
    "Record": "aicas.transfer.records",
    "Replayer": "aicas.transfer.replayer",
    "Result": "aicas.cache.result",
    "ResumePlan": "aicas.store",
    "Sample": "aicas.store",
    "Session": "aicas.ledger.sessions",
    "Snapshot": "aicas.objects.snapshot",
    "StageFailed": "aicas.errors",
    "StageStatus": "aicas.validity.status",
    "Step": "aicas.ledger.sessions",
    "StorageFailed": "aicas.errors",
    "Store": "aicas.store",
    "Survey": "aicas.transfer.survey",
    "UnsupportedFormat": "aicas.errors",
    "Use": "aicas.validity.inputs",
    "Vanished": "aicas.errors",
    "check_key": "aicas.names",
    "check_label": "aicas.names",
    "find": "aicas.opening",
    "format_count": "aicas.units",
    "format_duration": "aicas.units",
    "format_size": "aicas.units",
    "format_time": "aicas.clock",
    "format_usd": "aicas.units",
    "in_memory": "aicas.opening",
    "init": "aicas.opening",
    "open": "aicas.opening",
    "mean_cost": "aicas.ledger.estimates",
    "parse_json": "aicas.transfer.strictjson",
    "phase_code_key": "aicas.cache.manager",
    "phase_report_key": "aicas.cache.manager",
    "price_of": "aicas.graph",
    "read_records": "aicas.transfer.records",
    "settings": "aicas.opening",
    "survey_records": "aicas.transfer.survey",
    "system_clock": "aicas.clock",
    "usd_to_nano": "aicas.analytics.prices",
}
__all__ = ["__version__", *_HOME]  # noqa: PLE0604  (every key is a string)


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'aicas' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
