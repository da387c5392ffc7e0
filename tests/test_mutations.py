"""Does the suite see the faults it is there for? Each mutation must turn its guard red.

A mutation changes the source on its way into a fresh import; nothing on the disk is touched. The
guard then runs in a pytest of its own inside this process, on the changed modules.
"""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from minibert.extraction.linear import has_onednn
from tests.mutations import MUTATIONS

RELOADED = ("minibert", "weights_loader", "tests")


class MutatedSource:
    """An importer of one module that changes its text first."""

    def __init__(self, module: str, old: str, new: str):
        self.module, self.old, self.new = module, old, new

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.module:
            return None
        self.file = importlib.machinery.PathFinder.find_spec(fullname, path).origin
        return importlib.util.spec_from_loader(fullname, self, origin=self.file)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        source = Path(self.file).read_text(encoding="utf-8")
        assert source.count(self.old) == 1, f"{self.old!r} stands {source.count(self.old)} times"
        module.__file__ = self.file
        code = compile(source.replace(self.old, self.new), self.file, "exec")
        exec(code, module.__dict__)


class Reports:
    """How the tests of one run ended."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def pytest_runtest_logreport(self, report):
        self.passed += report.when == "call" and report.passed
        self.failed += report.when == "call" and report.failed
        self.skipped += report.skipped


def run_guards(guards: list[str], importers: list, monkeypatch) -> Reports:
    """Run some tests on freshly imported sources; then put everything back."""
    monkeypatch.chdir(Path(__file__).parents[1])
    before = dict(sys.modules)
    for name in before:
        if name.split(".")[0] in RELOADED:
            del sys.modules[name]
    monkeypatch.setattr(sys, "meta_path", importers + sys.meta_path)
    reports = Reports()
    # Nothing is shown, and no garbage is collected: this runs a hundred times.
    options = ["-o", "addopts=", "-x", "-q", "-s", "--no-header", "--tb=no", "--assert=plain"]
    options += ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    try:
        pytest.main([*guards, *options], plugins=[reports])
    finally:
        monkeypatch.undo()
        for name in list(sys.modules):
            if name.split(".")[0] in RELOADED:
                del sys.modules[name]
        sys.modules.update(before)
    return reports


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param(each, marks=[pytest.mark.slow] * each.is_slow, id=each.name)
        for each in MUTATIONS
    ],
)
def test_the_guard_sees_it(mutation, monkeypatch):
    if "(oneDNN)" in mutation.name and not has_onednn(torch.device("cpu"), torch.float32):
        pytest.skip("this build of PyTorch or this CPU has no oneDNN operators")
    importer = MutatedSource(mutation.module, "\n".join(mutation.old), "\n".join(mutation.new))
    assert run_guards([mutation.guard], [importer], monkeypatch).failed == 1


@pytest.mark.slow
def test_the_guards_pass_on_the_true_sources(monkeypatch):
    """In the same pytest within pytest: a guard that could not pass there would prove nothing.
    One of each file; the guards are tests, so the others run by themselves anyway.
    """
    guards = {mutation.guard.split("::")[0]: mutation.guard for mutation in MUTATIONS}.values()
    reports = run_guards(guards, [], monkeypatch)
    assert (reports.failed, reports.skipped) == (0, 0)
    assert reports.passed >= len(guards)
