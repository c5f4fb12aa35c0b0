"""A pool of past generated images that the discriminator is shown beside new ones (Shrivastava et al. 2017)."""

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError


class ImagePool:
    """Keeps generated images and hands out, for each new one, either itself or an older one.

    Not a module: its images are neither weights nor buffers, which callbacks would average, and its state goes into
    the checkpoint by itself.

    Args:
        size: images kept; 0 hands every new image out again.
    """

    def __init__(self, size: int = 50) -> None:
        self.size = checks.whole("pool_size", size, at_least=0, hint="images to keep, such as 50; 0 for no pool")
        self.images: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.images is None else len(self.images)

    def exchange(self, new: Tensor, rng: torch.Generator) -> Tensor:
        """The images to show, one for each new one, (B, C, H, W) -> same.

        Until the pool is full, new images are kept and handed out. After that each is, with probability 1/2, kept in
        the place of a random older one, which is handed out in its stead; else it is handed out and not kept. Nothing
        here waits for the device.

        Args:
            new: generated images, without a gradient.
            rng: on the device of the images.

        Raises:
            InputError: if the pool holds images of another shape.
        """
        if self.size == 0:
            return new
        if self.images is None:
            self.images = new[:0].clone()
        if self.images.shape[1:] != new.shape[1:]:
            had, got = ("x".join(map(str, images.shape[1:])) for images in (self.images, new))
            raise InputError(
                f"the image pool of the checkpoint holds images of {had}, the data gives {got}; give data of that size"
            )
        self.images = self.images.to(new.device)
        room = self.size - len(self)
        if room:
            self.images = torch.cat([self.images, new[:room]])
        # a batch larger than the pool: what has no partner in it is handed out as it is
        kept, partnered, rest = new[:room], new[room:][: self.size], new[room:][self.size :]
        slots = torch.randperm(self.size, device=new.device, generator=rng)[: len(partnered)]
        swapped = torch.rand(len(partnered), 1, 1, 1, device=new.device, generator=rng) < 0.5
        older = self.images[slots]
        self.images[slots] = torch.where(swapped, partnered, older)
        return torch.cat([kept, torch.where(swapped, older, partnered), rest])

    def state_dict(self) -> dict[str, Tensor | None]:
        return {"images": self.images}

    def load_state_dict(self, state: dict[str, Tensor | None]) -> None:
        """A pool that is smaller than the saved one keeps the first images."""
        images = state["images"]
        self.images = None if images is None else images[: self.size].clone()
