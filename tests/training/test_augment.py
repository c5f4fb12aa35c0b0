"""Augmentations: each image's own draw, and exactly the change that is named."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.training.augment import (
    augment,
    checked_augmentations,
    random_cutout,
    random_flip,
    random_half_resolution,
    random_noise,
    random_shift,
)


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    """One image (C, H, W), pixel by pixel: out[y, x] = image[y + down, x + right], edges repeated."""
    channels, height, width = image.shape
    out = torch.empty_like(image)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                out[c, y, x] = image[c, min(max(y + down, 0), height - 1), min(max(x + right, 0), width - 1)]
    return out


@pytest.mark.parametrize(
    "augment",
    [
        random_flip,
        lambda image: random_shift(image, 3),
        lambda image: random_half_resolution(image, 0.5),
        lambda image: random_noise(image, 0.1),
        random_cutout,
    ],
    ids=["flip", "shift", "half_resolution", "noise", "cutout"],
)
class TestEach:
    def test_shape_and_type_stay_and_the_input_is_not_touched(self, augment: Callable[[Tensor], Tensor]) -> None:
        images = torch.rand(16, 3, 8, 6)
        before = images.clone()
        result = augment(images)
        assert result.shape == images.shape and result.dtype == torch.float32
        assert not torch.equal(result, images)
        assert torch.equal(images, before)

    def test_each_image_of_a_batch_has_its_own_draw(self, augment: Callable[[Tensor], Tensor]) -> None:
        result = augment(torch.rand(1, 3, 8, 8).expand(32, -1, -1, -1))
        assert not torch.allclose(result, result[:1].expand_as(result))

    def test_the_global_seed_decides(self, augment: Callable[[Tensor], Tensor]) -> None:
        images = torch.rand(16, 3, 8, 8)
        torch.manual_seed(1)
        first, second = augment(images), augment(images)
        torch.manual_seed(1)
        assert torch.equal(augment(images), first)
        assert not torch.equal(second, first)


def test_flip_mirrors_left_to_right_about_half_of_the_images_and_leaves_the_others() -> None:
    images = torch.rand(400, 2, 3, 5)
    result = random_flip(images)
    mirrored = torch.stack([images[..., 4 - x] for x in range(5)], dim=-1)
    flipped = [torch.equal(a, b) for a, b in zip(result, mirrored, strict=True)]
    untouched = [torch.equal(a, b) for a, b in zip(result, images, strict=True)]
    assert all(a != b for a, b in zip(flipped, untouched, strict=True))
    assert 150 < sum(flipped) < 250  # 400 fair coins: 200, standard deviation 10


def test_shift_moves_each_image_by_the_offsets_drawn_and_repeats_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    top, left = [0, 1, 2, 3, 4, 4], [4, 0, 2, 1, 0, 4]
    drawn = torch.tensor([top, left]).view(2, 6, 1, 1, 1)

    def randint(low: int, high: int, size: tuple[int, ...], **_: object) -> Tensor:
        assert (low, high, tuple(size)) == (0, 5, (2, 6, 1, 1, 1))
        return drawn

    monkeypatch.setattr(torch, "randint", randint)
    images = torch.rand(6, 3, 5, 7)
    result = random_shift(images, 2)
    for i in range(6):  # an offset of `most`, here 2, is no movement
        assert torch.equal(result[i], shifted(images[i], top[i] - 2, left[i] - 2))
    assert torch.equal(result[2], images[2])


def test_shift_moves_by_every_distance_up_to_most_along_both_axes() -> None:
    image = torch.rand(1, 1, 6, 6)
    moved = {(y, x): shifted(image[0], y, x) for y in range(-2, 3) for x in range(-2, 3)}
    found = []
    for result in random_shift(image.expand(1000, -1, -1, -1), 2):
        (offset,) = [offset for offset, expected in moved.items() if torch.equal(result, expected)]
        found.append(offset)
    assert set(found) == set(moved)
    assert max(found.count(offset) for offset in moved) < 80  # 25 equally likely: 40 each, standard deviation 6.2


def test_half_resolution_with_probability_0_changes_nothing() -> None:
    images = torch.rand(16, 3, 8, 8)
    assert torch.equal(random_half_resolution(images, 0.0), images)


def test_half_resolution_with_probability_1_changes_every_image_alike() -> None:
    image = torch.rand(1, 3, 8, 8)
    result = random_half_resolution(image.expand(16, -1, -1, -1), 1.0)
    assert torch.equal(result, result[:1].expand_as(result))
    assert not torch.allclose(result[:1], image)


def test_half_resolution_happens_about_as_often_as_asked() -> None:
    images = torch.rand(500, 1, 4, 4)
    result = random_half_resolution(images, 0.3)
    changed = sum(not torch.equal(a, b) for a, b in zip(result, images, strict=True))
    assert 110 < changed < 190  # 150, standard deviation 10


def test_half_resolution_keeps_flat_images_and_removes_a_checkerboard() -> None:
    flat = torch.full((2, 3, 8, 8), 0.3)
    torch.testing.assert_close(random_half_resolution(flat, 1.0), flat)
    board = (torch.arange(8).view(1, 1, 8, 1) + torch.arange(8)) % 2 * 2.0 - 1
    blurred = random_half_resolution(board, 1.0)
    # the finest pattern cannot pass half the size; what is left comes from the filter's one-sided edges
    torch.testing.assert_close(blurred[..., 2:-2, 2:-2], torch.zeros(1, 1, 4, 4), rtol=0, atol=0.1)


def test_half_resolution_is_antialiased_down_and_linear_up() -> None:
    step = torch.tensor([0.0, 0, 0, 0, 1, 1, 1, 1]).expand(1, 1, 8, 8)
    # down by 2: a triangle filter of weights 1/8, 3/8, 3/8, 1/8 around each pair; up: 3/4 and 1/4 of the neighbours
    small = [0.0, 1 / 8, 7 / 8, 1.0]
    up = [small[0]]
    for a, b in pairwise(small):
        up += [0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b]
    up.append(small[-1])
    expected = torch.tensor(up).expand(1, 1, 8, 8)
    torch.testing.assert_close(random_half_resolution(step, 1.0), expected)


def test_noise_of_0_changes_nothing() -> None:
    images = torch.rand(4, 3, 8, 8)
    assert torch.equal(random_noise(images, 0.0), images)


def test_noise_has_mean_0_and_a_strength_uniform_up_to_most_in_each_image() -> None:
    noise = random_noise(torch.full((2000, 1, 16, 16), 5.0), 0.4) - 5
    strength = noise.flatten(1).std(dim=1)
    # uniform in 0..0.4: mean 0.2, standard deviation 0.115; the mean of 2,000 has 0.0026
    torch.testing.assert_close(strength.mean().item(), 0.2, rtol=0, atol=0.012)
    torch.testing.assert_close(strength.std().item(), 0.4 / 12**0.5, rtol=0, atol=0.01)
    assert strength.min() < 0.01 and 0.38 < strength.max() < 0.48
    assert abs(noise.mean().item()) < 0.003
    # Gaussian: kurtosis 3 within an image
    normalised = noise / strength.view(-1, 1, 1, 1)
    torch.testing.assert_close(normalised.pow(4).mean().item(), 3.0, rtol=0, atol=0.1)


def test_noise_keeps_half_precision() -> None:
    assert random_noise(torch.zeros(2, 1, 2, 2, dtype=torch.bfloat16), 0.1).dtype == torch.bfloat16


def test_cutout_blanks_one_square_of_half_the_width_and_nothing_else() -> None:
    images = torch.rand(200, 2, 8, 8) + 1
    result = random_cutout(images)
    blank = (result == 0).all(dim=1)
    assert torch.equal(result[~blank.unsqueeze(1).expand_as(result)], images[~blank.unsqueeze(1).expand_as(images)])
    rows, columns = blank.any(dim=2), blank.any(dim=1)
    assert torch.equal(blank, rows.unsqueeze(2) & columns.unsqueeze(1))  # a rectangle
    for sides in (rows.sum(1), columns.sum(1)):
        assert sides.max() == 4 and sides.min() == 2  # whole, and with half of it outside


class TestByName:
    def test_nothing_is_changed_without_a_name(self) -> None:
        images = torch.rand(4, 3, 8, 8)
        assert augment(images, ()) is images

    def test_each_name_does_its_own_change_and_several_follow_each_other(self) -> None:
        images = torch.rand(16, 3, 16, 16)
        for name, change in [
            ("flip", random_flip),
            ("translation", lambda image: random_shift(image, 2)),
            ("cutout", random_cutout),
        ]:
            torch.manual_seed(3)
            expected = change(images)
            torch.manual_seed(3)
            assert torch.equal(augment(images, (name,)), expected)
        torch.manual_seed(3)
        expected = random_cutout(random_shift(random_flip(images), 2))
        torch.manual_seed(3)
        assert torch.equal(augment(images, ("flip", "translation", "cutout")), expected)

    def test_a_share_of_the_images_is_changed_and_the_others_stay(self) -> None:
        images = torch.rand(400, 3, 8, 8) + 1  # no value is what a cutout leaves
        changed = (augment(images, ("cutout",), share=0.25) != images).flatten(1).any(dim=1)
        assert 60 < changed.sum() < 140  # a mean of 100, with a standard deviation of 9
        assert torch.equal(augment(images, ("cutout",), share=0.0), images)

    def test_a_gradient_flows_through_all_of_them(self) -> None:
        images = torch.rand(8, 3, 16, 16, requires_grad=True)
        augment(images, ("flip", "translation", "cutout")).sum().backward()
        assert images.grad is not None and (images.grad.flatten(1).sum(1) > 0).all()

    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(InputError, match="no 'colour'; expected some of flip, translation, cutout"):
            checked_augmentations(["flip", "colour"])

    def test_null_in_a_config_turns_all_off(self) -> None:
        assert checked_augmentations(None) == ()
