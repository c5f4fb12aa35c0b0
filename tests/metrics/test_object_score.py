"""The object score: micro-averaged top-k hits, by hand, however the images are spread."""

import itertools

import pytest
import torch
from torch import Tensor

from lit_gans.metrics.object_score import ObjectScore
from lit_gans.networks.evaluator import object_hits

# Three images of 4 classes. Asked: {2}; {0, 3}; {0, 1, 2}. Top-k by hand: {2}; {1, 3}; {0, 3, 2}.
OUTPUTS = torch.tensor([[0.1, 0.2, 0.9, 0.3], [0.2, 0.8, 0.1, 0.7], [0.9, 0.1, 0.3, 0.5]])
TARGET = torch.tensor([[0, 0, 1, 0], [1, 0, 0, 1], [1, 1, 1, 0]]).float()
HITS = torch.tensor([[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]]).bool()


def score(*batches: tuple[Tensor, Tensor]) -> float:
    metric = ObjectScore()
    for outputs, target in batches:
        metric.update(outputs, target)
    return float(metric.compute())


def slow_score(outputs: Tensor, target: Tensor) -> float:
    """The rule in plain Python, for outputs without ties."""
    hits = asked = 0
    for row, wanted in zip(outputs.tolist(), target.tolist(), strict=True):
        k = int(sum(wanted))
        highest = sorted(range(len(row)), key=lambda i: -row[i])[:k]
        hits += sum(wanted[i] == 1 for i in highest)
        asked += k
    return hits / asked


def random_images(count: int, classes: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.zeros(count, classes)
    for i in range(count):
        target[i, torch.randperm(classes, generator=generator)[: 1 + i % 3]] = 1
    return torch.rand(count, classes, generator=generator), target


def test_hand_computed_example() -> None:
    assert torch.equal(object_hits(OUTPUTS, TARGET), HITS)
    assert score((OUTPUTS, TARGET)) == pytest.approx(4 / 6)


def test_it_is_the_mean_over_asked_objects_and_not_over_images() -> None:
    over_images = (1 / 1 + 1 / 2 + 2 / 3) / 3
    assert score((OUTPUTS, TARGET)) != pytest.approx(over_images, abs=0.01)
    # one of one and none of three: 1/4, where the mean of the images is 1/2
    outputs = torch.tensor([[0.9, 0.5, 0.1, 0.2, 0.3, 0.0], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]])
    target = torch.tensor([[1.0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0]])
    assert score((outputs, target)) == pytest.approx(0.25)


def test_random_images_score_as_a_loop_in_plain_python() -> None:
    outputs, target = random_images(200)
    assert score((outputs, target)) == pytest.approx(slow_score(outputs, target), abs=1e-7)


def test_ends_of_the_scale() -> None:
    _, target = random_images(30)
    assert score((target, target)) == 1
    assert score((-target, target)) == 0


def test_only_the_order_of_the_outputs_matters() -> None:
    outputs, target = random_images(50)
    logits = torch.logit(outputs.double())
    assert torch.equal(object_hits(outputs, target), object_hits(logits, target))


def test_ties_go_to_the_lower_class_index() -> None:
    outputs = torch.full((24, 24), 0.5)
    hits = object_hits(outputs, torch.eye(24))
    assert hits.nonzero().tolist() == [[0, 0]]
    half = torch.tensor([[0.1, 0.7, 0.7, 0.7]])
    for pair in itertools.combinations(range(4), 2):
        target = torch.zeros(1, 4)
        target[0, list(pair)] = 1
        assert object_hits(half, target).sum() == len({1, 2} & set(pair))


def test_additional_objects_are_not_asked_and_cost_nothing_below_the_top_k() -> None:
    target = torch.tensor([[1.0, 0, 0, 0]])
    assert score((torch.tensor([[0.99, 0.98, 0.97, 0.0]]), target)) == 1
    assert score((torch.tensor([[0.98, 0.99, 0.0, 0.0]]), target)) == 0


def test_targets_may_be_whole_numbers_or_truth_values() -> None:
    for target in (TARGET.long(), TARGET.bool()):
        assert torch.equal(object_hits(OUTPUTS, target), HITS)
        assert score((OUTPUTS, target)) == pytest.approx(4 / 6)


@pytest.mark.parametrize("sizes", [[50], [1, 49], [7, 7, 36]])
def test_the_value_does_not_depend_on_the_batches(sizes: list[int]) -> None:
    outputs, target = random_images(50)
    parts = zip(outputs.split(sizes), target.split(sizes), strict=True)
    assert score(*parts) == pytest.approx(slow_score(outputs, target), abs=1e-7)


def test_two_processes_with_unequal_parts_score_as_one() -> None:
    outputs, target = random_images(50)
    ranks = []
    for part in (slice(0, 13), slice(13, 50)):
        metric = ObjectScore()
        metric.update(outputs[part], target[part])
        ranks.append(metric)
    gathered = {name: iter([getattr(rank, name) for rank in ranks]) for name in ("hits", "asked")}
    alone = [float(rank.compute()) for rank in ranks]

    def gather(state: Tensor, group: object) -> list[Tensor]:
        """What all_gather gives rank 0: the states of both, found by rank 0's own."""
        name = next(name for name in gathered if state is getattr(ranks[0], name))
        return list(gathered[name])

    ranks[0].sync(dist_sync_fn=gather, distributed_available=lambda: True)
    assert (ranks[0].hits / ranks[0].asked).item() == pytest.approx(slow_score(outputs, target), abs=1e-7)
    assert alone[0] != pytest.approx(alone[1]) and sum(alone) / 2 != pytest.approx(slow_score(outputs, target))


def test_reset_forgets() -> None:
    metric = ObjectScore()
    metric.update(-TARGET, TARGET)
    metric.reset()
    metric.update(OUTPUTS, TARGET)
    assert metric.compute().item() == pytest.approx(4 / 6)


def test_random_outputs_score_the_chance_of_the_protocol() -> None:
    # the test list has 6 / 12 / 14 lists of 1 / 2 / 3 of 24 classes: sum of k^2 / 24 over sum of k = 180 / 24 / 72
    sizes = [1] * 6 + [2] * 12 + [3] * 14
    target = torch.stack([torch.arange(24) < k for k in sizes]).repeat(400, 1)
    outputs = torch.rand(len(target), 24, generator=torch.Generator().manual_seed(0))
    assert score((outputs, target)) == pytest.approx(0.1042, abs=0.006)
