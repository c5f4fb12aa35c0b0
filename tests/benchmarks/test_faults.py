"""What kill -9 and other faults leave behind, with few kills; `benchmarks/faults.py` has more."""

import json
import os
import signal
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("faults_work")


def test_a_torn_file_is_found_and_a_temporary_one_does_not_count(work: ModuleType, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    torch.save({"state_dict": {"w": torch.ones(9)}}, tmp_path / "a.ckpt")
    assert work.torn(tmp_path) == [] and work.temporary_files(tmp_path) == 0
    for name in ("a.png", "a.ckpt"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / f"cut_{name}").write_bytes(whole[: len(whole) // 2])
        (tmp_path / f".{name}").write_bytes(b"half")
    (tmp_path / "last.tmp").write_bytes(b"half")
    (tmp_path / "a.json").write_text("{")
    assert [fault.split(":")[0] for fault in work.torn(tmp_path)] == ["a.json", "cut_a.ckpt", "cut_a.png"]
    assert work.temporary_files(tmp_path) == 3


def test_a_process_gets_its_signal_while_it_runs_and_not_when_it_is_done(work: ModuleType, tmp_path: Path) -> None:
    asleep = work.Forked(lambda: time.sleep(60))
    assert asleep.send(9) and asleep.code() == -9
    done = work.Forked(lambda: print("said") or 3, tmp_path / "log")
    assert done.code() == 3 and not done.send(9) and done.text() == "said"
    assert work.Forked(lambda: time.sleep(60)).code(within=0.05) is None
    assert work.Forked(lambda: 1 / 0).code() == work.CRASHED


def test_an_interrupt_ends_a_forked_process_and_nothing_else(work: ModuleType) -> None:
    for moment in range(40):  # from before its first line to after its last one
        process = work.Forked(lambda: time.sleep(0.002))
        time.sleep(moment / 10_000)
        process.send(signal.SIGINT)
        process.send(signal.SIGINT)
        assert process.code(10) in (0, 130)
    asleep = work.Forked(lambda: time.sleep(60))
    assert work.until(lambda: os.getsid(asleep.pid) == asleep.pid != os.getsid(0))
    assert asleep.send(9) and asleep.code() == -9


def test_checkpoints_differ_where_a_value_does(work: ModuleType) -> None:
    one = {"state_dict": {"w": torch.ones(2)}, "optimizer_states": [{"m": torch.zeros(1)}]}
    assert work.difference(one, one) is None
    assert work.difference(one, {**one, "state_dict": {"w": torch.tensor([1.0, 1.0 + 1e-7])}}) == "state_dict.w"


@pytest.mark.parametrize(
    ("code", "text", "wrong"),
    [
        (2, "a remark\nlit-gans fit: error: x: the disk is full", 0),
        (2, "Traceback ...", 1),
        (1, "lit-gans fit: error: x", 1),
        (2, "no reason", 1),
    ],
)
def test_a_refusal_is_one_line_of_an_error_and_exit_code_2(work: ModuleType, code: int, text: str, wrong: int) -> None:
    assert len(import_module("faults_other").refusal(code, text)) == wrong


@pytest.mark.slow
def test_nothing_is_lost_to_kills_and_other_faults(
    work: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = import_module("faults")
    arguments = ["--kills", "3", "--seed", "1", "--out", str(tmp_path)]
    assert faults.main(arguments) == 0, capsys.readouterr().out
    found = json.loads((tmp_path / "faults.json").read_text())
    assert all(found[name]["kills"] == 3 for name in faults.COMMANDS)
    assert found.keys() == {"machine", *faults.COMMANDS, *faults.faults_other.FAULTS}
    assert faults.main(arguments) == 0  # all of it is done
