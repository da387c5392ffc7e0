"""What is written down of a run: log.jsonl, a line of JSON for each record, with its step."""

import json
import os
from pathlib import Path
from typing import Any

import torch

from minibert.pretraining.losses import NAMES


def stacked(result: dict[str, torch.Tensor]) -> torch.Tensor:
    """The sums of a batch as one tensor."""
    return torch.stack([result[name].detach().double().cpu() for name in NAMES])


def means(sums: list[float], places: int, rows: int) -> dict[str, float]:
    """Sums over masked tokens and rows to the numbers that people read."""
    total = dict(zip(NAMES, sums, strict=True))
    mlm_loss, nsp_loss = total["mlm_loss"] / max(places, 1), total["nsp_loss"] / rows
    return {
        "loss": mlm_loss + nsp_loss,
        "mlm_loss": mlm_loss,
        "nsp_loss": nsp_loss,
        "mlm_accuracy": total["mlm_correct"] / max(places, 1),
        "mlm_top5": total["mlm_top5"] / max(places, 1),
        "nsp_accuracy": total["nsp_correct"] / rows,
    }


def cut_log(file: Path, step: int) -> None:
    """Take out of the log what came after `step`; a line that was half written goes too."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except ValueError:
            break
    temporary = file.with_suffix(".tmp")
    temporary.write_text("".join(kept), encoding="utf-8")
    os.replace(temporary, file)


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
