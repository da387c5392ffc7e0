"""The account of a loaded checkpoint: how each tensor was used, and which do not fit."""

from collections import Counter
from dataclasses import dataclass, field
from reprlib import repr as short

from safetensors import safe_open
from torch import nn

from minibert.vocabulary import CheckpointError

FLOATING = ("F64", "F32", "F16", "BF16")  # as safetensors calls them


@dataclass
class Account:
    """How each tensor of the file was used, and where each tensor of the model came from."""

    source: str
    # Name in the file -> ("used" | "renamed" | "tied" | "left out", the reason or "").
    file: dict[str, tuple[str, str]] = field(default_factory=dict)
    # Name in the model -> "filled" | "new".
    model: dict[str, str] = field(default_factory=dict)
    # What the folder's config.json says of its own weights under "minibert_note", or "".
    note: str = ""
    part: str = ""  # "encoder." or "decoder.": of one half of an encoder-decoder

    def __str__(self) -> str:
        """One line for each group of tensors that were used alike: how, how many, which, why."""
        groups = Counter((use, group_of(name), why) for name, (use, why) in self.file.items())
        lines = [f"{self.source}: {len(self.file)} tensors in the file"]
        for (use, group, why), count in groups.items():
            lines.append(f"  {use:<9} {count:>4}  {group}" + (f"  ({why})" if why else ""))
        lines.append(f"{len(self.model)} tensors in the model")
        for (use, group), count in Counter(
            (use, group_of(name)) for name, use in self.model.items()
        ).items():
            lines.append(f"  {use:<9} {count:>4}  {group}")
        return "\n".join(lines + ([f"note: {self.note}"] if self.note else []))


def group_of(name: str) -> str:
    """The group that a tensor is counted in.

    Example:
        >>> group_of("bert.encoder.layer.11.output.dense.weight")
        'encoder.layer.*'
        >>> group_of("cls.predictions.bias"), group_of("pooler.dense.bias")
        ('cls.predictions.*', 'pooler.*')
        >>> group_of("decoder.bert.encoder.layer.1.crossattention.self.key.bias")
        'decoder.encoder.*'
    """
    parts = [part for part in name.split(".") if part != "bert"]
    depth = 2 if parts[0] in ("encoder", "decoder", "cls") else 1
    return ".".join([*parts[:depth], "*"])


def check_tensors(
    file: safe_open,
    names: dict[str, str],
    account: Account,
    table: dict[str, str],
    found: set[str],
    model: nn.Module,
) -> None:
    """Raise CheckpointError with every tensor that is unknown, missing, or of a wrong kind."""
    problems = []
    for name, (use, _) in account.file.items():
        if use == "unknown":
            problems.append(f"{name!r}: unknown")
        elif use != "left out" and (kind := file.get_slice(name).get_dtype()) not in FLOATING:
            problems.append(f"{name!r}: {kind} is no floating-point type")
    held = model.state_dict()
    for theirs, ours in table.items():
        wanted = list(held[ours].shape)
        shape = file.get_slice(names[theirs]).get_shape() if ours in found else wanted
        if ours not in found and account.model[ours] == "filled":
            problems.append(f"{account.part + theirs!r}: missing")
        if shape != wanted:
            problems.append(f"{names[theirs]!r}: shape {short(shape)}, not {wanted}")
    if problems:
        line = f"{account.source}: {len(problems)} tensors do not fit config.json's BERT: "
        line += "; ".join(problem[:200] for problem in problems[:3])
        if len(problems) > 3:
            how = f"`minibert verify {account.source} --account`"
            line += f"; and {len(problems) - 3} more ({how} lists them)"
        raise CheckpointError(line, problems)
