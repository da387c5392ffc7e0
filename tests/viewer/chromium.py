"""A page in headless Chromium: opened from its file, with the network switched off."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# All numbers of one forward pass in one text, which is far faster than as JSON.
RUN = """async ([text, pair, changes]) => {
    const found = await minibert.run(text, pair, changes);
    const values = Object.values(found.intermediates);
    const reader = new FileReader();
    const read = new Promise((resolve) => { reader.onload = () => resolve(reader.result); });
    reader.readAsDataURL(new Blob(values.map((value) => value.data)));
    const numbers = (await read).split(",")[1];
    const shapes = Object.entries(found.intermediates).map(([name, value]) => [name, value.shape]);
    const { ids, segments, tokens, cut, mlm, nsp, ms } = found;
    return { ids, segments, tokens, cut, mlm, nsp, ms, shapes, numbers };
}"""


@dataclass
class Run:
    """What `window.minibert.run` gave."""

    ids: list[int]
    segments: list[int]
    tokens: list[str]
    cut: dict[str, int] | None
    mlm: list[list[dict[str, Any]]] | None
    nsp: dict[str, float] | None
    ms: float
    shapes: list[tuple[str, list[int]]]
    numbers: str

    @cached_property
    def intermediates(self) -> dict[str, numpy.ndarray]:
        flat = numpy.frombuffer(base64.b64decode(self.numbers), "<f4")
        found, start = {}, 0
        for name, shape in self.shapes:
            size = int(numpy.prod(shape))
            found[name] = flat[start : start + size].reshape(shape)
            start += size
        assert start == flat.size
        return found


@dataclass
class Opened:
    """A page, what it asked of the network, and what went wrong in it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run(self, text: str, pair: str | None = None, changes: dict[str, Any] | None = None) -> Run:
        return Run(**self.page.evaluate(RUN, [text, pair, changes or {}]))


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; where there is none, a skip that says so."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip("needs Chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Any, file: Path, *, before: str = "", inside: bool = False, **options: Any
) -> Iterator[Opened]:
    """The page of a file. `before`: a script that runs first. `inside`: it is in a frame of the
    file's. `options`: as for Playwright's new_context.
    """
    context = browser.new_context(offline=True, **options)
    if before:
        context.add_init_script(before)
    found = Opened(context.new_page())

    def request(sent: Any) -> None:
        if sent.url != file.as_uri() and not sent.url.startswith(("blob:", "data:", "about:")):
            found.requests.append(sent.url)

    def said(message: Any) -> None:
        if message.type in ("error", "warning"):
            found.errors.append(message.text)

    found.page.on("request", request)
    found.page.on("pageerror", lambda error: found.errors.append(str(error)))
    found.page.on("console", said)
    found.page.goto(file.as_uri())
    found.page.frames[int(inside)].wait_for_function("window.minibert")
    yield found
    context.close()
