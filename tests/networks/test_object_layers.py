"""The generator of object layers: each asked class keeps its slot, and composing is what it is said to be."""

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor
from torch.nn.functional import grid_sample, one_hot

from lit_gans.networks.object_layers import (
    COLOR,
    ObjectLayers,
    Placement,
    compose,
    numbers_of,
    place_patches,
    resampling,
    slots_of,
)


def make(**options: object) -> ObjectLayers:
    tiny = {"num_classes": 6, "image_size": 16, "scene_dim": 4, "slot_dim": 3, "token_dim": 8, "width": 16}
    torch.manual_seed(0)
    return ObjectLayers(**{**tiny, "patch_size": 8, "depth": 1, **options}).eval()  # type: ignore[arg-type]


def condition(*classes: int) -> Tensor:
    return one_hot(torch.tensor(classes), 6).sum(0, keepdim=True).float()


def test_the_default_has_873_367_parameters_and_a_latent_of_128() -> None:
    network = ObjectLayers()
    assert sum(parameter.numel() for parameter in network.parameters()) == 873_367
    assert network.latent_dim == 32 + 3 * 32


@pytest.mark.parametrize("slots", [1, 3, 5])
def test_any_number_of_slots_draws_pictures_in_minus_1_to_1(slots: int) -> None:
    network = make(slots=slots)
    image = network(torch.randn(2, network.latent_dim), torch.cat([condition(1), condition(0)]))
    assert network.latent_dim == 4 + 3 * slots
    assert image.shape == (2, 3, 16, 16) and image.dtype == torch.float32
    assert image.abs().max() < 1 and image.std() > 0.01


def test_every_parameter_gets_a_gradient() -> None:
    network = make().train()
    network(torch.randn(4, network.latent_dim), condition(0, 2, 5).expand(4, -1)).sum().backward()
    used = {0, 2, 5}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        rows = parameter.grad[list(used)] if name == "classes.weight" else parameter.grad
        assert rows.abs().sum() > 0, name


class TestSlots:
    def test_the_asked_classes_get_one_each_and_the_rest_stay_empty(self) -> None:
        classes, present = slots_of(torch.cat([condition(4), condition(1, 5), condition(0, 2, 3)]), 3)
        assert [sorted(c[p].tolist()) for c, p in zip(classes, present, strict=True)] == [[4], [1, 5], [0, 2, 3]]

    def test_an_empty_slot_changes_nothing(self) -> None:
        network = make()
        z = torch.randn(1, network.latent_dim)
        other = z.clone()
        other[:, -2 * network.slot_dim :] += 1  # noise of the second and third slot
        assert_same_but_for_rounding(network(z, condition(3)), network(other, condition(3)), [network])
        assert (network(z, condition(3, 4)) - network(other, condition(3, 4))).abs().max() > 1e-4

    def test_the_scenes_noise_and_each_class_change_the_picture(self) -> None:
        network = make()
        z = torch.randn(1, network.latent_dim)
        other = z.clone()
        other[:, :4] += 1
        base = network(z, condition(0, 1))
        for changed in (network(other, condition(0, 1)), network(z, condition(0, 2)), network(z, condition(0))):
            assert (changed - base).abs().max() > 1e-4

    def test_objects_see_each_other_before_they_are_drawn(self) -> None:
        network = make()
        z = torch.randn(1, network.latent_dim)
        classes, present = slots_of(condition(0, 1), 3)
        _, together = network.describe(z, classes, present)
        _, alone = network.describe(z, classes, present & (classes == 0))
        slot = (classes[0] == 0).nonzero().item()
        assert (together[0, slot] - alone[0, slot]).abs().max() > 1e-4


class TestNumbers:
    def test_present_objects_are_numbered_by_their_noise_and_absent_ones_come_last(self) -> None:
        noise = torch.tensor([[0.3, -1.0, 0.1], [-2.0, 5.0, 1.0], [0.0, 0.0, -3.0]])
        present = torch.tensor([[True, True, True], [False, True, True], [True, False, False]])
        numbers = numbers_of(noise, present)
        assert numbers[0].tolist() == [2, 0, 1]
        assert numbers[1].tolist() == [2, 1, 0]
        assert numbers[2, 0] == 0
        assert (numbers.sort(dim=1).values == torch.arange(3)).all()

    def test_each_object_is_first_as_often_as_the_others(self) -> None:
        noise = torch.randn(3000, 3, generator=torch.Generator().manual_seed(0))
        first = (numbers_of(noise, torch.ones(3000, 3, dtype=torch.bool)) == 0).float().mean(dim=0)
        assert (first - 1 / 3).abs().max() < 0.04  # four standard errors

    def test_numbers_change_the_picture_once_they_are_learnt(self) -> None:
        network = make()
        z = torch.randn(1, network.latent_dim)
        unlearnt = network(z, condition(0, 1))
        torch.nn.init.normal_(network.numbers.weight)
        assert (network(z, condition(0, 1)) - unlearnt).abs().max() > 1e-4


class TestResampling:
    @pytest.mark.parametrize(("center", "extent"), [(0.5, 1.0), (0.3, 0.5), (0.85, 0.4), (0.5, 0.2)])
    def test_it_is_bilinear_as_in_grid_sample(self, center: float, extent: float) -> None:
        patch = torch.rand(1, 1, 5, 5)
        weights = resampling(torch.tensor([center]), torch.tensor([extent]), 5, 16)
        mine = weights @ patch[0] @ weights.transpose(-1, -2)
        pixel = (torch.arange(16) + 0.5) / 16
        at = (pixel - center) / extent * 2
        grid = torch.stack(torch.meshgrid(at, at, indexing="ij")[::-1], dim=-1)
        expected = grid_sample(patch, grid.unsqueeze(0), mode="bilinear", padding_mode="zeros", align_corners=False)
        torch.testing.assert_close(mine, expected[0])

    def test_a_patch_as_large_as_the_picture_is_the_picture(self) -> None:
        torch.testing.assert_close(resampling(torch.tensor([0.5]), torch.tensor([1.0]), 8, 8)[0], torch.eye(8))


def boxes(*places: tuple[float, float, float]) -> Placement:
    """(x, y, size) of each object of one picture."""
    x, y, size = torch.tensor(places).unsqueeze(0).unbind(-1)
    return Placement(x, y, size, size)


class TestCompose:
    BACKGROUND = torch.zeros(1, COLOR, 8, 8)

    def solid(self, *colors: float) -> Tensor:
        """Opaque patches of one value each, (1, slots, 4, 4, 4)."""
        values = torch.tensor(colors).view(1, -1, 1, 1, 1).expand(1, -1, COLOR, 4, 4)
        return torch.cat([values, torch.full((1, len(colors), 1, 4, 4), 50.0)], dim=2)

    def test_an_object_covers_its_box_and_nothing_else(self) -> None:
        composed = compose(self.BACKGROUND, self.solid(2.0), boxes((0.75, 0.25, 0.5)), torch.tensor([[True]]))
        inside = torch.zeros(8, 8, dtype=torch.bool)
        inside[1:3, 5:7] = True  # away from the box's blended edge
        torch.testing.assert_close(composed[0, :, inside], torch.full((3, 4), 2.0))
        assert (composed[0, :, 5:] == 0).all() and (composed[0, :, :, :3] == 0).all()

    def test_what_stands_lower_in_the_picture_covers_what_is_behind_it(self) -> None:
        for order in ([0, 1], [1, 0]):
            colors, places = [1.0, 2.0], [(0.5, 0.45, 0.5), (0.5, 0.55, 0.5)]
            drawn = self.solid(*(colors[i] for i in order))
            composed = compose(
                self.BACKGROUND, drawn, boxes(*(places[i] for i in order)), torch.ones(1, 2, dtype=torch.bool)
            )
            torch.testing.assert_close(composed[0, :, 4, 4], torch.full((3,), 2.0))

    def test_an_absent_object_is_not_there(self) -> None:
        composed = compose(self.BACKGROUND, self.solid(1.0), boxes((0.5, 0.5, 1.0)), torch.tensor([[False]]))
        assert torch.equal(composed, self.BACKGROUND)

    def test_alpha_mixes_with_what_is_behind(self) -> None:
        drawn = self.solid(1.0)
        drawn[:, :, COLOR] = 0.0  # a logit of 0: half
        composed = compose(self.BACKGROUND + 3, drawn, boxes((0.5, 0.5, 1.0)), torch.tensor([[True]]))
        torch.testing.assert_close(composed[0, :, 2:6, 2:6], torch.full((3, 4, 4), 2.0))

    def test_a_gradient_reaches_the_place(self) -> None:
        places = torch.tensor([[0.53]], requires_grad=True)  # not on the pixel grid, where the weights have a kink
        placement = Placement(places, places, torch.tensor([[0.5]]), torch.tensor([[0.5]]))
        pixels = place_patches(torch.rand(1, 1, 4, 4, 4), placement, self.BACKGROUND)
        pixels[0, 0, 0, :4].sum().backward()
        assert places.grad is not None and places.grad.abs() > 0.1
