"""What the commands that train share: options from settings, folders, stops and curves."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minibert.training.settings import RunSettings

if TYPE_CHECKING:
    from minibert.training.curve import Panels
    from minibert.training.loop import Trainer


def add_settings(
    group: Any, kind: type[RunSettings], other: dict[str, Any], without: Iterable[str] = ()
) -> None:
    """An option for each setting; `other`: defaults that are told beside the class's own."""
    for field in fields(kind):
        option, default = "--" + field.name.replace("_", "-"), field.default
        if field.name in without:
            continue
        if isinstance(default, bool):
            group.add_argument(option, action="store_true", default=None)
            continue
        types = {"max_predictions": int}
        both = f"{default}; {other[field.name]}" if field.name in other else default
        told = f"default: {both}" if both != "" else "default: none"
        group.add_argument(option, type=types.get(field.name, type(default)), help=told)


def given_settings(
    args: argparse.Namespace, kind: type[RunSettings], without: Iterable[str] = ()
) -> dict[str, Any]:
    """The settings that were typed."""
    names = [field.name for field in fields(kind) if field.name not in without]
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def check_no_run(out: Path, resume: bool) -> None:
    """Without --resume the folder must not hold a run, which would be lost."""
    begun = [
        name for name in ("checkpoint.pt", "log.jsonl", "config.json") if (out / name).exists()
    ]
    if begun and not resume:
        raise ValueError(
            f"{out} holds a run already ({', '.join(begun)}): --resume goes on with it; or give "
            "another folder"
        )


def run_to_the_end(trainer: "Trainer") -> bool:
    """False if a signal stopped the run, which is told."""
    if trainer.run():
        return True
    if trainer.processes.is_first:
        told = f"stopped and saved after step {trainer.step}"
        print(f"{told}; the same command with --resume goes on", file=sys.stderr)
    return False


def try_to_draw(out: Path, panels: "Panels") -> str:
    """Draw the loss curve, if matplotlib is there; what to tell."""
    from minibert.training.curve import draw_curve

    try:
        draw_curve(out / "log.jsonl", out / "loss.png", panels)
    except ImportError:
        return "no loss curve: matplotlib is missing (the extra `plots`)"
    return f"loss curve: {out / 'loss.png'}"
