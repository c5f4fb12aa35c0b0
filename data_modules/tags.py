"""Tags of anime faces: one hair and one eye colour, out of the course's files (NTU MLDS 2018, homework 3).

Both forms of its tag files are read, one face a line and no header: ``id,<colour> hair <colour> eyes`` (tags.csv,
testing_tags.txt; the eyes may come first) and ``id,<free text>`` (tags_clean.csv: "blonde long hair and pink eyes",
or tab-separated tags with a count each, "blue eyes:18705"), of which the colours before "hair" and "eyes" are taken.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np

from data_modules.errors import DataError, listing
from data_modules.text import read_lines

# The order of the course's tag vector: hair, then eyes.
HAIR = tuple("orange white aqua gray green red purple pink blue black brown blonde".split())
EYES = tuple("gray black orange pink yellow aqua purple green brown red blue".split())
# Words that may stand between a colour and its noun and name no colour, and those that say there are several.
OTHER_WORDS = frozenset("and with long short medium very".split())
SEVERAL = frozenset(("bicolored", "multicolored"))
KNOWN = {"hair": HAIR, "eyes": EYES}

TagOrder = Literal["course", "alphabetical"]
Pair = tuple[str, str]  # a hair and an eye colour


def tag_names(order: TagOrder = "course") -> list[str]:
    """The 23 names, "orange hair" to "blue eyes", in the order of the tag vector: hair before eyes, and the colours as
    in the course or (as in the report's own code) by the alphabet.

    Raises:
        DataError: another order.
    """
    if order not in ("course", "alphabetical"):
        raise DataError(f"data.tag_order is {order!r}; expected 'course' or 'alphabetical'")
    hair, eyes = (HAIR, EYES) if order == "course" else (sorted(HAIR), sorted(EYES))
    return [f"{colour} hair" for colour in hair] + [f"{colour} eyes" for colour in eyes]


def all_pairs() -> list[Pair]:
    """The 132 combinations of a hair and an eye colour."""
    return list(product(HAIR, EYES))


def tag_vectors(pairs: Sequence[Pair], order: TagOrder = "course") -> np.ndarray:
    """float32 array of shape (len(pairs), 23): 1 for the hair and 1 for the eye colour, else 0."""
    array = np.zeros((len(pairs), len(tag_names(order))), np.float32)
    np.put_along_axis(array, tag_numbers(pairs, order).astype(np.int64), 1, axis=1)
    return array


def tag_numbers(pairs: Sequence[Pair], order: TagOrder = "course") -> np.ndarray:
    """int32 array of shape (len(pairs), 2): where the hair and the eye colour are in the tag vector."""
    index = {name: i for i, name in enumerate(tag_names(order))}
    numbers = [(index[f"{hair} hair"], index[f"{eyes} eyes"]) for hair, eyes in pairs]
    return np.array(numbers, np.int32).reshape(-1, 2)


@dataclass
class TagFile:
    """A tag file: what of it can be used, and what cannot, with line numbers.

    Attributes:
        path: the file.
        rows: lines of the file, blank ones left out.
        pairs: id -> hair and eye colour, of the lines that have exactly one of each.
        lines: id -> line number.
        skipped: reason -> line numbers, of all other lines.
    """

    path: Path
    rows: int = 0
    pairs: dict[str, Pair] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, list[int]] = field(default_factory=dict)

    def __str__(self) -> str:
        used = f"{self.path}: {len(self.pairs):,} of {self.rows:,} lines have one hair and one eye colour that are used"
        reasons = (f"{reason}: {_lines(numbers)}" for reason, numbers in sorted(self.skipped.items()))
        return used + (f"; skipped:{listing(reasons)}" if self.skipped else "")


def read_tags(path: Path) -> TagFile:
    """A tag file of either form. Lines without exactly one known hair and one known eye colour are skipped and listed
    with the reason: no colour, several colours, or an unknown one.

    Raises:
        DataError: no such file, not UTF-8, a line without exactly two columns or without an id (up to 20 are named),
            an id that stands there twice with different tags, or no line that can be used.
    """
    tags = TagFile(path)
    for number, identity, text in _columns(path):
        tags.rows += 1
        found = colours(text)
        reason = _reason(found)
        if reason:
            tags.skipped.setdefault(reason, []).append(number)
            continue
        pair = (found["hair"][0], found["eyes"][0])
        if tags.pairs.setdefault(identity, pair) != pair:
            raise DataError(
                f"{path}, line {number}: id {identity} is tagged otherwise in line {tags.lines[identity]}; keep one"
            )
        tags.lines.setdefault(identity, number)
    if not tags.pairs:
        raise DataError(f"{tags}\n  expected lines such as '12,blue hair red eyes'; colours: {_known()}")
    return tags


def read_requests(path: Path) -> list[Pair]:
    """A testing-tags file: hair and eye colour of each picture to draw, in the order of the lines.

    Raises:
        DataError: as for `read_tags`; also any line without exactly one known hair and one known eye colour, and any
            other word.
    """
    pairs: list[Pair] = []
    for number, _, text in _columns(path):
        found = colours(text)
        strange = set(_words(text)) - {*HAIR, *EYES, *OTHER_WORDS, *SEVERAL, "hair", "eyes"}
        if reason := _reason(found) or ", ".join(f"unknown word {word!r}" for word in sorted(strange)):
            raise DataError(f"{path}, line {number}: {reason} in {text!r}; expected one of each: {_known()}")
        pairs.append((found["hair"][0], found["eyes"][0]))
    if not pairs:
        raise DataError(f"{path}: is empty; expected lines such as '1,blue hair red eyes'")
    return pairs


def colours(text: str) -> dict[str, list[str]]:
    """The different colours of "hair" and of "eyes" in a text, in its order.

    Those of a noun stand before it, back to a tab, comma, noun or unrelated word: of "blonde long hair and pink eyes"
    hair gets "blonde" and eyes "pink", of "green ribbon blue eyes" eyes get "blue". Where there is no known colour,
    the word there is given instead.
    """
    found: dict[str, list[str]] = {"hair": [], "eyes": []}
    for tag in re.split(r"[\t,;]", text):
        before: list[str] = []
        for word in _words(tag):
            if word in found:
                found[word] += [colour for colour in _colours_of(word, before) if colour not in found[word]]
                before = []
            else:
                before.append(word)
    return {
        noun: [word for word in words if word in (*KNOWN[noun], *SEVERAL)] or words for noun, words in found.items()
    }


def _colours_of(noun: str, before: Sequence[str]) -> list[str]:
    """The colours among the words before a noun; a single unknown word if there is none."""
    taken: list[str] = []
    for word in reversed(before):
        if word in KNOWN[noun] or word in SEVERAL:
            taken.insert(0, word)
        elif word not in OTHER_WORDS:
            return taken or [word]
    return taken


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _reason(found: dict[str, list[str]]) -> str:
    """Why these are not one known hair and one known eye colour; empty if they are."""
    reasons = []
    for noun, words in found.items():
        name = noun.removesuffix("s")
        if not words:
            reasons.append(f"no {name} colour")
        elif len(words) > 1 or words[0] in SEVERAL:
            reasons.append(f"several {name} colours")
        elif words[0] not in KNOWN[noun]:
            near = get_close_matches(words[0], KNOWN[noun], n=1)
            reasons.append(f"unknown {name} colour {words[0]!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    return ", ".join(reasons)


def _columns(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, id and text of each line that is not blank."""
    rows = [(number, line.split(",")) for number, line in enumerate(read_lines(path), start=1) if line.strip()]
    wrong = [number for number, cells in rows if len(cells) != 2 or not cells[0].strip()]
    if wrong:
        raise DataError(
            f"{path}: {_lines(wrong)} without exactly two columns; expected 'id,tags', such as '12,blue hair red eyes'"
        )
    return ((number, cells[0].strip(), cells[1].strip()) for number, cells in rows)


def _lines(numbers: Sequence[int], most: int = 10) -> str:
    """ "3 lines (1, 4, 9)", of many the first."""
    shown = ", ".join(map(str, numbers[:most])) + (", ..." if len(numbers) > most else "")
    return f"{len(numbers):,} line{'s' if len(numbers) > 1 else ''} ({shown})"


def _known() -> str:
    return "; ".join(f"{noun} {', '.join(names)}" for noun, names in KNOWN.items())
