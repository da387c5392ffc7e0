"""The steps of `walk` as plain text: for each the name, shape, line, formula, code and numbers."""

from collections.abc import Sequence
from itertools import groupby

import torch

from minibert.common.language import said
from minibert.inspection.explain import aligned, visible, width
from minibert.inspection.walk import Step

COLUMNS = 100  # of a line, at most
ACROSS = 10  # numbers in a line, at most
FEW, MANY = 3, 12  # tokens of a step in passing; of one that was asked for, and of the probs


class Page:
    """What is shown of each step: some of its tokens, and one of its heads."""

    def __init__(self, tokens: Sequence[str], *, head: int, head_size: int, in_full: bool = False):
        self.tokens = [cut(visible(token), 6) for token in tokens]
        self.head, self.head_size, self.in_full = head, head_size, in_full

    def inputs(self, inputs: dict[str, torch.Tensor]) -> str:
        """What the model is given for each token."""
        rows = [(name, ids[0].tolist()) for name, ids in inputs.items()]
        return rule(said("inputs")) + table(said("token"), self.tokens, rows, "d")

    def overview(self, steps: Sequence[Step]) -> str:
        """The embeddings, the first layer and the pooler in full; a line for each further layer."""
        sections = {name: list(group) for name, group in groupby(steps, lambda s: s.section)}
        first, *further = [name for name in sections if name.startswith("encoder")]
        text = self.steps(sections["embeddings"] + sections[first])
        if further:
            rows = [(name, sections[name][-1].value[0, 0].tolist()) for name in further]
            first_token = self.tokens[0]
            text += rule(said(f"the same steps in each further layer; its output at {first_token}"))
            text += table(said("feature"), counted(0, len(rows[0][1])), rows)
        return text + self.steps(sections.get("pooler", []))

    def steps(self, steps: Sequence[Step]) -> str:
        """Each step, under the title of the part that it belongs to."""
        text = ""
        for section, group in groupby(steps, lambda step: step.section):
            text += rule(title(section)) + "".join(map(self.step, group))
        return text

    def step(self, step: Step) -> str:
        matrix, start = self.matrix(step)
        is_probs = step.short_name == "attention.probs"
        between_tokens = is_probs or step.short_name.endswith("scores")
        columns = self.tokens if between_tokens else counted(start, matrix.shape[1])
        count = MANY if self.in_full or is_probs else FEW
        # The pooler has one row, of the first token.
        rows = list(zip(self.tokens, matrix[:count].tolist(), strict=False))
        if len(matrix) > count:
            rows.append(("…", []))
        return (
            both_ends(f"{step.name}  {list(step.value.shape)}", step.location)
            + both_ends(f"  =  {step.formula}", step.inside and said(f"in {step.inside}"))
            + both_ends(f"  -> {step.source}", "")
            + table(said(f"head {self.head}" if step.has_heads else "feature"), columns, rows)
        )

    def matrix(self, step: Step) -> tuple[torch.Tensor, int]:
        """The rows of the one text, in one head if there are heads; the number of column 0."""
        value = step.value
        if value.dim() == 4:  # [B, N, S, S] or [B, N, S, H]
            return value[0, self.head], 0
        rows = value[0] if value.dim() == 3 else value  # else [S, D], positions; [B, D], pooler
        if not step.has_heads:
            return rows, 0
        start = self.head * self.head_size
        return rows[:, start : start + self.head_size], start


def title(section: str) -> str:
    """A part of the model, and which of the returned states it makes from which."""
    if section == "embeddings":
        return "embeddings: input_ids -> hidden_states[0]"
    if section == "pooler":
        return "pooler: last_hidden_state -> pooler_output"
    layer = int(section.rpartition(".")[2])
    return f"{section}: hidden_states[{layer}] -> hidden_states[{layer + 1}]"


def rule(text: str) -> str:
    begun = f"── {text} "
    return begun + "─" * (COLUMNS - width(begun)) + "\n\n"


def table(corner: str, columns: list[str], rows: list[tuple[str, list]], form: str = ".3f") -> str:
    """Numbers under their columns, aligned to the right, as many as a line holds."""
    lines = [columns[:ACROSS], *([f"{n:{form}}" for n in line[:ACROSS]] for _, line in rows)]
    labels = [corner, *(label for label, _ in rows)]
    size = max(width(cell) for line in lines for cell in line)
    # There are two spaces before each column, and three columns are kept for a … at the end.
    room = min(ACROSS, (COLUMNS - 2 - max(map(width, labels)) - 3) // (size + 2))
    lines = [[" " * (size - width(cell)) + cell for cell in line[:room]] for line in lines]
    if len(columns) > room:
        lines[0].append("…")
    return aligned([[label, *line] for label, line in zip(labels, lines, strict=True)]) + "\n\n"


def counted(start: int, length: int) -> list[str]:
    return [str(number) for number in range(start, start + length)]


def both_ends(left: str, right: str) -> str:
    """A line with a text at each end."""
    return (left + " " * max(2, COLUMNS - width(left) - width(right)) + right).rstrip() + "\n"


def cut(text: str, columns: int) -> str:
    """The text, or as much of it as fits before a …"""
    if width(text) <= columns:
        return text
    while width(text) >= columns:
        text = text[:-1]
    return text + "…"
