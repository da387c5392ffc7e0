"""A page in headless Chromium: opened from its file, with the network switched off."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
INPUT = "document.body.insertAdjacentHTML('beforeend', '<input id=expected type=file hidden>')"
# Without the numbers: their way to Python would take longer than the forward pass. What they must
# be lies in a file, which the page reads: it says how far each intermediate is from that.
RUN = """async ([text, pair, changes]) => {
    const found = await minibert.run(text, pair, changes);
    const { ids, segments, tokens, cut, mlm, nsp, ms } = found;
    const values = Object.entries(found.intermediates);
    const shapes = Object.fromEntries(values.map(([name, { shape }]) => [name, shape]));
    const [file] = document.querySelector("#expected")?.files ?? [];
    if (!file) return { ids, segments, tokens, cut, mlm, nsp, ms, shapes, off: {} };
    const expected = new Float64Array(await file.arrayBuffer());
    const off = {};
    let start = 0;
    for (const [name, { data }] of values) {
        off[name] = 0;
        for (const number of data) {  // where one is NaN, or none is expected, NaN is the largest
            const wanted = expected[start++];
            const own = Math.abs(number - wanted) / Math.max(1, Math.abs(wanted));
            off[name] = Math.max(off[name], own);
        }
    }
    return { ids, segments, tokens, cut, mlm, nsp, ms, shapes, off };
}"""
NUMBERS = """async ([name, text, changes]) => {
    const { shape, data } = (await minibert.run(text, null, changes)).intermediates[name];
    return [shape, Array.from(data)];
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
    shapes: dict[str, list[int]]
    off: dict[str, float]  # absolute, or relative where the expected number is above 1


@dataclass
class Opened:
    """A page, what it asked of the network, and what went wrong in it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, file: Path, inside: bool = False) -> None:
        self.page.goto(file.as_uri())
        self.page.frames[int(inside)].wait_for_function("window.minibert")

    def run(
        self,
        text: str,
        pair: str | None = None,
        changes: dict[str, Any] | None = None,
        expected: Mapping[str, numpy.ndarray] | None = None,
    ) -> Run:
        """`expected`: the numbers of each intermediate, in the page's order."""
        with TemporaryDirectory() as folder:
            if expected is not None:
                file = Path(folder) / "expected"
                numbers = [value.astype("<f8").ravel() for value in expected.values()]
                file.write_bytes(numpy.concatenate(numbers).data)
                if self.page.query_selector("#expected") is None:
                    self.page.evaluate(INPUT)
                self.page.set_input_files("#expected", file)
            found = Run(**self.page.evaluate(RUN, [text, pair, changes or {}]))
            if expected is not None:
                self.page.set_input_files("#expected", [])
        return found

    def numbers(self, name: str, text: str, changes: dict[str, Any] | None = None) -> numpy.ndarray:
        """One intermediate of a run."""
        shape, data = self.page.evaluate(NUMBERS, [name, text, changes or {}])
        return numpy.array(data).reshape(shape)


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
    found.open(file, inside)
    yield found
    context.close()
