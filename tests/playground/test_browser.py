"""The page in a real browser: what a visitor does, by mouse and by keyboard, on a wide and on a narrow screen.

With SCREENSHOTS=docs/pictures in the environment the pictures of the documentation are taken again.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lit_gans.playground.actions import Actions
from lit_gans.playground.shelf import Shelf, shelf_of

pytestmark = [pytest.mark.browser]
pytest.importorskip("gradio", reason="the extra playground is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("there is no Chromium", allow_module_level=True)

GAN, FLOW = "conditional_gan_iclevr", "flow_iclevr_layout"
PATIENCE = 120_000  # milliseconds, for a machine with other work
UNLABELLED = """() => [...document.querySelectorAll("input, textarea, select")]
    .filter((input) => input.offsetParent !== null)
    .filter((input) => !input.labels?.length && !input.ariaLabel && !input.getAttribute("aria-labelledby"))
    .map((input) => input.outerHTML.slice(0, 200))"""
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def zoo_and_more(files: dict[str, str]) -> Shelf:
    """The zoo's pair of models for the same objects, and a translation."""
    return shelf_of([GAN, FLOW, files["cyclegan"]], [], torch.device("cpu"))


@pytest.fixture(scope="module")
def address(zoo_and_more: Shelf) -> Iterator[str]:
    from lit_gans.playground.serve import environment, served

    with environment(), served(zoo_and_more, "127.0.0.1", None) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tools:
        started = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Open]:
    """Opens the page for another visitor, who asks no other address for anything."""
    contexts, strangers = [], []

    def visit(width: int = 1100, height: int = 1000) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: strangers.append(request.url))
        page.goto(address)
        page.get_by_role("button", name="Draw", exact=True).wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [url for url in strangers if not url.startswith((address, "data:", "blob:"))] == []


def drawn(page: Any, name: str = "objects") -> list[str]:
    """The pictures in the place of a button, as addresses."""
    page.locator(f"#pictures_{name} img").first.wait_for()
    found: list[str] = page.locator(f"#pictures_{name} img").evaluate_all("all => all.map((one) => one.src)")
    return found


def screenshot(page: Any, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / name, full_page=True)


def test_a_visitor_chooses_objects_draws_and_sees_other_pictures_and_scores(opened: Open, zoo_and_more: Shelf) -> None:
    page = opened()
    page.get_by_label("gray cube").first.uncheck()
    page.get_by_label("red cube").first.check()
    page.get_by_label("blue sphere").first.check()
    page.get_by_role("button", name="Draw", exact=True).click()
    first = drawn(page)
    expected = Actions(zoo_and_more).draw(GAN, ["red cube", "blue sphere"], 8, 0, 1.0)
    assert len(first) == 8 and all(source in expected for source in first)
    text = page.locator("#pictures_objects").inner_text()
    assert "Object score" in text and "of 16 objects" in text and text.count("red cube") == 8
    screenshot(page, "playground_objects.png")

    page.get_by_label("green cylinder").first.check()
    page.get_by_label("Seed", exact=True).first.fill("7")
    page.get_by_role("button", name="Draw", exact=True).click()
    playwright.expect(page.locator("#pictures_objects")).to_contain_text("of 24 objects", timeout=PATIENCE)
    assert not set(first) & set(drawn(page))


def test_a_picture_is_translated_and_a_file_that_is_none_is_told(
    opened: Open, picture_file: str, tmp_path: Path
) -> None:
    def translate(file: str) -> Any:
        page = opened()
        page.get_by_role("tab", name="Translate").click()
        page.locator("input[type=file]").first.set_input_files(file)
        page.get_by_text(Path(file).stem).first.wait_for()
        page.get_by_role("button", name="Translate", exact=True).click()
        return page

    assert len(drawn(translate(picture_file), "translate")) == 2
    none = tmp_path / "none.png"
    none.write_text("no picture")
    page = translate(str(none))
    page.get_by_text("none.png: no picture in a format that is read").wait_for()
    assert page.locator("#pictures_translate img").count() == 0


def test_two_visitors_at_once_each_see_their_own_pictures(opened: Open, zoo_and_more: Shelf) -> None:
    pages = [opened(), opened()]
    for seed, page in enumerate(pages, start=11):
        page.get_by_label("Seed", exact=True).first.fill(str(seed))
        page.keyboard.press("Tab")
    for page in pages:
        page.get_by_role("button", name="Draw", exact=True).click()
    for seed, page in enumerate(pages, start=11):
        expected = Actions(zoo_and_more).draw(GAN, ["gray cube"], 8, seed, 1.0)
        assert all(source in expected for source in drawn(page))


def test_everything_is_reached_by_the_keyboard(opened: Open) -> None:
    page = opened()

    def tab_to(condition: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(f"() => {{ const here = document.activeElement; return {condition}; }}"):
                return
        raise AssertionError(f"Tab never comes to {condition}")

    page.locator("body").click(position={"x": 2, "y": 2})
    tab_to('here.type === "checkbox" && here.closest("label").innerText.trim() === "purple cube"')
    page.keyboard.press("Space")
    tab_to('here.tagName === "BUTTON" && here.innerText.trim() === "Draw"')
    page.keyboard.press("Enter")
    drawn(page)
    assert "purple cube" in page.locator("#pictures_objects").inner_text()


def test_every_input_that_is_shown_has_a_label(opened: Open) -> None:
    page = opened()
    for name in ("Objects", "Translate", "Random", "Compare"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(300)
        assert page.evaluate(UNLABELLED) == [], name


def test_a_screen_of_400_pixels_shows_everything_without_scrolling_sideways(opened: Open) -> None:
    page = opened(width=400, height=800)
    page.get_by_role("button", name="Draw", exact=True).click()
    drawn(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    right = page.locator("#pictures_objects img").evaluate_all(
        "all => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
    )
    assert right <= 400
    screenshot(page, "playground_narrow.png")


def test_models_are_compared_side_by_side(opened: Open) -> None:
    page = opened()
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Compare", exact=True).click()
    assert len(drawn(page, "compare")) == 16
    text = page.locator("#pictures_compare").inner_text()
    assert text.index(GAN) < text.index(FLOW) and text.count("Object score") == 2
    screenshot(page, "playground_compare.png")
