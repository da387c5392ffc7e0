"""The rows of the fault suite: a sample with the ordinary tests, all of them with the slow ones."""

import pytest

from tests.faults.runner import report, run_all
from tests.faults.tables import FAULTS, SAMPLE


def check(faults, capsys):
    answers = run_all(faults)
    lines: list[str] = []
    is_right = report(answers, lines.append)
    with capsys.disabled():
        print(f"\n{lines[-1]}")
    assert is_right, "\n".join(lines)


def test_a_sample(capsys):
    check(SAMPLE, capsys)


@pytest.mark.slow
def test_all(capsys):
    assert len(FAULTS) >= 300
    check(FAULTS, capsys)
