"""Run every benchmark, or those named: ``python -m benchmarks [startup] [durable_put] …``."""

from __future__ import annotations

import importlib
import platform
import sys

NAMES = (
    "startup",
    "durable_put",
    "warm_get",
    "producer_hit",
    "judging",
    "cascade",
    "recovery",
)


def main() -> None:
    print(f"{platform.platform()}, CPython {platform.python_version()}")
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
        importlib.import_module(f"benchmarks.{name}").main()


main()
