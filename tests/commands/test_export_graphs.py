"""`lit-gans export generator CKPT FILE.onnx` and `.pt2`: the file draws what the model draws, or there is none."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from untrained import SMALL, checkpoint_of, untrained

import lit_gans
from lit_gans.cli import main
from lit_gans.commands import graph_files
from lit_gans.kernels.base import Kernel
from lit_gans.networks.flow.layout import with_places
from lit_gans.networks.flow.order import random_order
from lit_gans.networks.graphs import as_tuple

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
# float32 in another order of sums, through at most some tens of layers
CLOSE: dict[str, float] = {"rtol": 0, "atol": 1e-4}
ASKED = [["red cube"], ["blue sphere", "gray cone"], ["gray cone"]]
Run = Callable[[dict[str, Tensor]], Tensor]


def read(file: Path) -> tuple[Run, dict[str, Any]]:
    """What runs a written file, and what the file tells."""
    if file.suffix == ".pt2":
        extra = {"lit_gans.json": ""}
        program = torch.export.load(file, extra_files=extra)
        assert {node.target.namespace for node in program.graph.nodes if hasattr(node.target, "namespace")} == {"aten"}
        return lambda inputs: as_tuple(program.module()(**inputs))[-1], json.loads(extra["lit_gans.json"])
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["lit_gans"])
    return lambda inputs: torch.from_numpy(session.run(None, {k: v.numpy() for k, v in inputs.items()})[-1]), facts


def asked_and_drawn(system: str, model: Any, count: int) -> tuple[dict[str, Tensor], Tensor]:
    """Inputs, and the pictures that `sample` or `translate` makes of them: by its own random numbers."""
    rng = torch.Generator().manual_seed(7)
    if "cyclegan" in system:
        image = torch.rand(count, 3, 24, 40, generator=rng) * 2 - 1
        return {"image": image}, model.translate(image, "b2a")
    if not model.conditional:
        z = torch.rand(count, model.latent_dim, generator=rng) * 2 - 1
        if model.latent == "gaussian":
            z = torch.randn(count, model.latent_dim, generator=rng.manual_seed(7))
        return {"z": z}, model.sample(count, seed=7)
    names = ASKED[:count]
    condition = torch.tensor([[float(name in row) for name in model.class_names] for row in names])
    inputs = {"condition": condition}
    if system == "ordered_flow":
        inputs["order"] = random_order(condition, rng).float()
    if system == "placed_flow":  # without a place sample draws one, and decode is told none
        inputs["place"] = torch.full((count, 5, 2), torch.nan)
        inputs["latents"] = torch.randn(count, model.dims, generator=rng)
        return inputs, model.decode(inputs["latents"], names).clamp(-1, 1)
    shape, name = ((model.dims,), "latents") if "flow" in system else ((model.latent_dim,), "z")
    if system == "flow_matching":
        shape, name = (3, model.image_size, model.image_size), "noise"
    inputs[name] = torch.randn(count, *shape, generator=rng)
    return inputs, model.sample(names, seed=7)


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
@pytest.mark.parametrize("system", SMALL)
def test_the_file_draws_what_the_model_draws(
    system: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = untrained(system)
    file = tmp_path / f"generator.{kind}"
    direction = ["--direction", "b2a"] if system == "residual_cyclegan" else []
    assert main(["export", "generator", str(checkpoint_of(model, tmp_path / "a.ckpt")), str(file), *direction]) == 0
    told = capsys.readouterr().out
    assert "largest difference" in told and all(
        f"{name} (batch, " in told for name in asked_and_drawn(system, model, 1)[0]
    )
    run, facts = read(file)
    for count in (1, 3):
        inputs, expected = asked_and_drawn(system, model, count)
        assert expected.std() > 0.05  # not all grey
        torch.testing.assert_close(run(inputs), expected, **CLOSE)
    assert facts["model"] == model.model_name
    assert facts.get("class_names") == (list(model.class_names) if hasattr(model, "class_names") else None)
    content = file.read_bytes()
    for trace in (str(Path(lit_gans.__file__).parent).encode(), b"lit_gans.kernels", b"lit_gans/kernels"):
        assert trace not in content


def test_both_directions_of_a_cyclegan_are_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, file = untrained("cyclegan"), tmp_path / "generators.onnx"
    assert main(["export", "generator", str(checkpoint_of(model, tmp_path / "a.ckpt")), str(file)]) == 0
    assert "output a2b, b2a: RGB in [-1, 1]" in capsys.readouterr().out
    image = torch.rand(1, 3, 24, 40) * 2 - 1
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for direction in ("a2b", "b2a"):
        (given,) = session.run([direction], {"image": image.numpy()})
        torch.testing.assert_close(torch.from_numpy(given), model.translate(image, direction), **CLOSE)


def test_places_are_an_input_of_the_flow_that_knows_them(tmp_path: Path) -> None:
    model = untrained("placed_flow")
    file = tmp_path / "generator.pt2"
    assert main(["export", "generator", str(checkpoint_of(model, tmp_path / "a.ckpt")), str(file)]) == 0
    run, _ = read(file)
    inputs, nowhere = asked_and_drawn("placed_flow", model, 2)
    inputs["place"][0, 0] = torch.tensor([0.25, 0.5])
    told = with_places(inputs["condition"], inputs["place"])
    with torch.no_grad():
        flow = model.chosen(True)
        parts = type(model.encode(nowhere)).unflatten(inputs["latents"], flow.shapes)
        expected = flow.inverse(parts, flow.guided(told, 0.0)) / (255 / 512)
    torch.testing.assert_close(run(inputs), expected.clamp(-1, 1), **CLOSE)
    assert (run(inputs)[0] - nowhere[0]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_a_file_that_draws_something_else_is_not_written(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, file = untrained("dcgan"), tmp_path / f"generator.{kind}"
    checkpoint, original = checkpoint_of(model, tmp_path / "a.ckpt"), graph_files.exported

    class Off(torch.nn.Module):
        def __init__(self, module: torch.nn.Module) -> None:
            super().__init__()
            self.module = module

        def forward(self, z: Tensor) -> Tensor:
            return self.module(z) + 2e-4

    def slightly_wrong(graph: Any) -> Any:
        return original(dataclasses.replace(graph, module=Off(graph.module)))

    monkeypatch.setattr(graph_files, "exported", slightly_wrong)
    file.write_text("earlier")
    assert main(["export", "generator", str(checkpoint), str(file), "--overwrite"]) == 2
    assert "not written" in capsys.readouterr().err
    assert file.read_text() == "earlier" and sorted(path.name for path in tmp_path.iterdir()) == ["a.ckpt", file.name]


def test_the_kernels_take_no_part_and_are_on_again_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a kernel's fast way is on this machine."""
    seen: list[bool] = []
    original = Kernel.forward

    def forward(self: Any, input: Tensor, *rest: Any) -> Tensor:
        if torch.compiler.is_compiling():
            seen.append(Kernel.enabled)
        return original(self, input, *rest)

    monkeypatch.setattr(Kernel, "forward", forward)
    monkeypatch.setattr(Kernel, "enabled", True)
    checkpoint = checkpoint_of(untrained("cdcgan"), tmp_path / "a.ckpt")
    assert main(["export", "generator", str(checkpoint), str(tmp_path / "a.pt2")]) == 0
    assert seen and not any(seen) and Kernel.enabled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("a.ckpt b.tflite", "expected .ckpt"),
        ("a.ckpt b.onnx --format ckpt --steps 3", "--steps"),
        ("a.ckpt b.onnx --direction b2a", "--direction"),
        ("a.ckpt b.onnx --guidance 1", "--guidance"),
        ("evaluator.ckpt b.onnx", "Evaluator: draws no pictures"),
        ("noisy.ckpt b.onnx", "generator_dropout"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_line(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint_of(untrained("wgan_gp"), tmp_path / "a.ckpt")
    checkpoint_of(untrained("dcgan", generator_dropout=0.5), tmp_path / "noisy.ckpt")
    checkpoint_of(lit_gans.Evaluator(num_classes=3, width=4), tmp_path / "evaluator.ckpt")
    assert main(["export", "generator", *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert not list(tmp_path.glob("b.*"))


def test_without_the_packages_it_says_which_extra_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    checkpoint = checkpoint_of(untrained("dcgan"), tmp_path / "a.ckpt")
    assert main(["export", "generator", str(checkpoint), str(tmp_path / "a.onnx")]) == 2
    assert "lit_gans[onnx]" in capsys.readouterr().err
