"""Freed tensors leave their memory to the next ones."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
from lit_gans.training.memory import keep_freed_memory
if {keep}:
    assert keep_freed_memory()

def pages_of_a_tensor():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (48 * 2**20)  # from malloc like a tensor, without the seconds of importing torch
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

for _ in range(12):  # some versions of glibc keep the first few apart
    pages_of_a_tensor()
print(pages_of_a_tensor(), keep_freed_memory())
"""


def pages_and_setting(keep: bool, **environment: str) -> tuple[int, bool]:
    """Pages that a process gets from the system for a tensor as large as one that has just been freed,
    and whether its settings could be changed."""
    command = [sys.executable, "-c", SCRIPT.format(keep=keep)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    pages, was_set = done.stdout.split()
    return int(pages), was_set == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_a_freed_tensors_pages_are_used_again() -> None:
    assert pages_and_setting(keep=True)[0] < 50
    assert pages_and_setting(keep=False)[0] > 1000  # else the test above would say nothing


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_settings_in_the_environment_are_left_alone() -> None:
    assert pages_and_setting(keep=False)[1]
    assert not pages_and_setting(keep=False, MALLOC_TOP_PAD_="131072")[1]
    assert not pages_and_setting(keep=False, GLIBC_TUNABLES="glibc.malloc.arena_max=4")[1]
