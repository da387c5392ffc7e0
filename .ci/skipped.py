"""A plugin of pytest: the file that SKIPPED names gets the tests that were skipped, one a line."""

import os

FILE = os.environ["SKIPPED"]


def pytest_runtest_logreport(report):
    if report.skipped:
        with open(FILE, "a", encoding="utf-8") as file:
            print(report.nodeid, file=file)


pytest_collectreport = pytest_runtest_logreport  # a whole file
