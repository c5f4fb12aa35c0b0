"""The pool of past images: what goes in comes out once, and half of the time it is an older one."""

import pytest
import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.training.image_pool import ImagePool
from lit_gans.training.seeding import generator


def images(*numbers: float) -> Tensor:
    """One 1x1 image a number."""
    return torch.tensor(numbers).view(-1, 1, 1, 1).expand(-1, 3, 1, 1).clone()


def numbers(images: Tensor | None) -> list[float]:
    assert images is not None
    return images[:, 0, 0, 0].tolist()


def test_until_the_pool_is_full_new_images_are_kept_and_handed_out() -> None:
    pool, noise = ImagePool(5), generator(0)
    assert numbers(pool.exchange(images(1, 2), noise)) == [1, 2]
    assert numbers(pool.exchange(images(3, 4), noise)) == [3, 4]
    assert numbers(pool.images) == [1, 2, 3, 4] and len(pool) == 4


def test_no_image_is_lost_or_doubled() -> None:
    pool, noise = ImagePool(4), generator(1)
    count = 0
    for size in (3, 3, 2, 4, 1, 4):
        new = images(*range(count, count + size))
        count += size
        before = numbers(pool.images) if len(pool) else []
        room = 4 - len(before)
        out = numbers(pool.exchange(new, noise))
        assert len(out) == size
        assert out[:room] == numbers(new)[:room]
        # what was kept in free places is in the pool and handed out; all others are in one place only
        assert sorted([*numbers(pool.images), *out]) == sorted([*before, *numbers(new), *numbers(new)[:room]])


def test_a_full_pool_hands_out_an_older_image_half_of_the_time_from_every_place() -> None:
    pool, noise = ImagePool(10), generator(2)
    pool.exchange(images(*range(10)), noise)
    older, ages = 0, []
    for i in range(10, 2010):
        out = numbers(pool.exchange(images(i), noise))[0]
        if out != i:
            older += 1
            ages.append(i - out)
    assert older == pytest.approx(1000, abs=90)  # 4 standard deviations
    # an image stays for 20 draws on average: it goes with probability 1/2 * 1/10 in each
    assert sum(ages) / len(ages) == pytest.approx(20, abs=3)


def test_a_place_is_used_once_a_batch() -> None:
    pool, noise = ImagePool(8), generator(3)
    pool.exchange(images(*range(8)), noise)
    for start in range(8, 200, 8):
        out = numbers(pool.exchange(images(*range(start, start + 8)), noise))
        assert len(set(out)) == 8


def test_a_batch_larger_than_the_pool_passes_on_what_finds_no_place() -> None:
    pool, noise = ImagePool(2), generator(4)
    pool.exchange(images(0, 1), noise)
    out = numbers(pool.exchange(images(*range(2, 9)), noise))
    assert out[2:] == [4, 5, 6, 7, 8] and len(out) == 7


def test_no_pool_hands_out_every_new_image() -> None:
    pool = ImagePool(0)
    for i in range(5):
        assert numbers(pool.exchange(images(i), generator(0))) == [i]
    assert len(pool) == 0


def test_the_pool_does_not_hold_the_tensors_it_was_given() -> None:
    pool, noise = ImagePool(3), generator(5)
    new = images(1, 2, 3)
    out = pool.exchange(new, noise)
    new.zero_()
    out.zero_()
    assert numbers(pool.images) == [1, 2, 3]


def test_its_state_continues_it_exactly() -> None:
    pool, other = ImagePool(4), ImagePool(4)
    pool.exchange(images(*range(4)), generator(6))
    other.load_state_dict(pool.state_dict())
    for i in range(10, 30):
        one, two = (p.exchange(images(i), generator(i)) for p in (pool, other))
        assert torch.equal(one, two)
    assert torch.equal(pool.images, other.images)  # type: ignore[arg-type]


def test_an_empty_pool_has_a_state_too() -> None:
    pool = ImagePool(4)
    pool.load_state_dict(ImagePool(4).state_dict())
    assert len(pool) == 0


def test_a_smaller_pool_takes_part_of_a_larger_state() -> None:
    large, small = ImagePool(4), ImagePool(2)
    large.exchange(images(*range(4)), generator(0))
    small.load_state_dict(large.state_dict())
    assert numbers(small.images) == [0, 1]


def test_images_of_another_shape_are_refused() -> None:
    pool = ImagePool(4)
    pool.exchange(torch.zeros(1, 3, 8, 8), generator(0))
    with pytest.raises(InputError, match="holds images of 3x8x8, the data gives 3x16x16"):
        pool.exchange(torch.zeros(1, 3, 16, 16), generator(0))


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InputError, match="pool_size is -1"):
        ImagePool(-1)
