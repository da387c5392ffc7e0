"""The log of a run: log.jsonl, a line of JSON for each record, with its step."""

import json
from pathlib import Path
from typing import Any

from minibert.common.files import replacing


def append_to_log(file: Path, record: dict[str, Any]) -> None:
    """A line more."""
    with open(file, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")


def cut_log(file: Path, step: int) -> None:
    """Remove from the log what came after `step`, and a line that was half written."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except ValueError:
            break
    with replacing(file) as temporary:
        temporary.write_text("".join(kept), encoding="utf-8")


def read_log(file: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps of training, and those of validation."""
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    training = [record for record in records if "loss" in record]
    validation = [
        {"step": record["step"], **record["validation"]}
        for record in records
        if "validation" in record
    ]
    return training, validation
