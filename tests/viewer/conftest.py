"""One browser for all tests of the page, and the page of the bundled model in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minibert.viewer.build import build
from minibert.viewer.show import load_for_page
from tests.viewer.chromium import Opened, chromium, opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def bundled_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the bundled model."""
    file = tmp_path_factory.mktemp("viewer") / "bert.html"
    file.write_text(build(*load_for_page(None)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def bundled(browser: Any, bundled_page: Path) -> Iterator[Opened]:
    """That page, opened; it must ask for nothing, and nothing may go wrong in it."""
    with opened(browser, bundled_page) as found:
        yield found
    assert found.requests == []
    assert found.errors == []
