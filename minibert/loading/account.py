"""The account of a loaded checkpoint: how each tensor was used."""

from collections import Counter
from dataclasses import dataclass, field


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
