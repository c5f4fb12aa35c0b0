"""How long readers are fuzzed: a few examples, always the same; with LIT_GANS_FUZZ_SECONDS others, for so much
processor time each."""

import functools
import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

SECONDS = float(os.environ.get("LIT_GANS_FUZZ_SECONDS", "0"))
SETTINGS = settings(
    max_examples=500 if SECONDS else 40,
    deadline=None,
    derandomize=not SECONDS,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def for_a_while(test: Callable[..., None]) -> Callable[..., None]:
    """The test once, or again and again until the time is over."""

    @functools.wraps(test)
    def repeated(*args: Any, **kwargs: Any) -> None:
        start, times = time.process_time(), 1
        test(*args, **kwargs)
        while time.process_time() - start < SECONDS:
            test(*args, **kwargs)
            times += 1
        seconds = time.process_time() - start
        print(f"{times} x {SETTINGS.max_examples} examples, {seconds:.0f} s of processor time")

    return repeated
