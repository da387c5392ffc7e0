"""The loop that trains: a run is this and a task.

    for each step:
        take the next rows, make their batches               the task
        loss and gradient, in `accumulation` parts           the task
        clip the gradient, move the weights                  optimizers.py, schedule.py
        now and then: log, measure, save                     log.py, checkpoint.py

With torchrun each process takes its share of every step's rows, and the gradients are summed before
the weights move. So the same settings give the same run on one process or on several.
"""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from minibert.common.devices import choose_precision
from minibert.common.outputs import changes
from minibert.common.processes import Processes
from minibert.training.checkpoint import BEST, load_checkpoint, save_checkpoint
from minibert.training.log import append_to_log, cut_log
from minibert.training.optimizers import diagnosis, make_optimizers
from minibert.training.schedule import schedule, set_learning_rate
from minibert.training.settings import RunSettings
from minibert.training.task import Counts, Rows, Task

MEASURED_AT_ONCE = 64  # rows


class Trainer:
    """One run: `Trainer(task, settings, out).run()`."""

    def __init__(
        self,
        task: Task,
        settings: RunSettings,
        out: Path,
        *,
        processes: Processes | None = None,
    ):
        """`out`: the folder of log and checkpoint. The task's model keeps the weights it has."""
        self.task, self.settings, self.out = task, settings, out
        self.model = task.model
        # All that a checkpoint must agree with.
        self.origin = {**settings.to_dict(), **task.origin}
        self.processes = processes or Processes()
        precision = choose_precision(settings.precision, self.processes.device)
        self.description = (
            f"{precision} on {self.processes.device}, {self.processes.world} processes"
        )
        self.autocast_to = torch.bfloat16 if precision == "bfloat16" else None
        # The weights themselves are never less than float32: small steps would be rounded away.
        kind = torch.float64 if precision == "float64" else torch.float32
        self.losses = task.losses.to(self.processes.device, kind).train()
        self.reducer: Any = self.losses
        if self.processes.world > 1:
            self.reducer = DistributedDataParallel(self.losses)
        self.optimizers = make_optimizers(self.model, settings)
        self.step = self.epoch = self.number = 0  # the next step and its first row
        self.best: float | None = None  # the highest score so far
        self.signal = 0

    def run(self) -> bool:
        """Train from where the run is to its last step. False if Ctrl-C or SIGTERM came before
        that; the run is saved then.
        """
        began, done = time.perf_counter(), 0
        bar = tqdm(
            total=self.settings.steps,
            initial=self.step,
            unit=" steps",
            disable=None if self.processes.is_first else True,
        )
        with self.catch_signals(), bar:
            while self.step < self.settings.steps:
                record = self.train_step()
                if record is None:  # a signal came
                    self.save()
                    return False
                done += record.pop(self.task.unit)
                self.step += 1
                is_last = self.step == self.settings.steps
                if self.step % self.settings.log_every == 0 or is_last:
                    speed = done / (time.perf_counter() - began)
                    self.log({**record, f"{self.task.unit}_per_second": round(speed)})
                    progress = self.task.progress(record)
                    bar.set_postfix_str(f"{progress}, {speed:,.0f} {self.task.unit}/s")
                if self.step % self.settings.validate_every == 0 or is_last:
                    self.validate()
                if self.step % self.settings.save_every == 0 or is_last:
                    self.save()
                bar.update()
        return True

    def train_step(self) -> dict[str, Any] | None:
        """One step; what is worth logging. None if it was asked to stop instead."""
        settings, processes, task = self.settings, self.processes, self.task
        rows, source, epoch, number = self.next_rows()
        mine = rows[processes.rank :: processes.world]
        parts = [
            source.make(mine[i :: settings.accumulation]) for i in range(settings.accumulation)
        ]
        # Means are over all rows of the step, whichever process or part they are in.
        counts, stop = self.total_counts([task.counts(part) for part in parts], self.signal)
        if stop:
            return None
        self.epoch, self.number = epoch, number
        set_learning_rate(self.optimizers, schedule(self.step, settings))
        # Dropout's random numbers, of the step alone: nothing to save for a run that is resumed.
        torch.manual_seed((settings.seed * 1_000_003 + self.step) * 1009 + processes.rank)
        total = torch.zeros(len(task.sum_names), dtype=torch.float64)
        for i, part in enumerate(parts):
            is_last = i == len(parts) - 1
            with nullcontext() if is_last or processes.world == 1 else self.reducer.no_sync():
                with self.precision():
                    sums = self.reducer(part.to(processes.device))
                # The reducer takes the mean over the processes; the sum is wanted.
                (task.loss(sums, counts) * processes.world).backward()
            total += self.stacked(sums)
        length = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip))
        record = task.record(self.total_sums(total), counts)
        if not math.isfinite(record["loss"]) or not math.isfinite(length):
            raise ValueError(
                f"step {self.step + 1}: the loss is {record['loss']}, the gradient's length "
                f"{length}; rows {rows[0]} to {rows[-1]} (epoch, number); "
                f"{diagnosis(self.model)}. A lower learning rate or a longer warm-up helps"
            )
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        rate = self.optimizers[0].param_groups[0]["lr"]
        unit = {task.unit: counts[task.unit]}
        return {**record, "learning_rate": rate, "gradient": length, **unit}

    def next_rows(self) -> tuple[list[Any], Rows, int, int]:
        """The rows of this step, where they are from, and the epoch and number of the row after."""
        source, count = self.task.data(self.step)
        epoch, number = self.epoch, self.number
        if self.step and self.task.data(self.step - 1)[0] is not source:
            epoch, number = epoch + 1, 0  # other data: from its beginning
        rows, epoch, number = source.take(epoch, number, count)
        return rows, source, epoch, number

    @torch.no_grad()
    def validate(self) -> dict[str, float] | None:
        """Measure the model on the held-out rows, and keep its weights if it is the best so far."""
        record, held_out = None, self.task.held_out(self.step)
        if held_out is not None:
            record = self.sum_up(*held_out)
        elif self.processes.is_first:
            record = self.task.measure(self.step)
        if record is None:
            return None
        self.log({"validation": record})
        if self.processes.is_first:
            self.task.report(self.step, record)
        score = self.task.score(record)
        if score is not None and (self.best is None or score > self.best):
            self.best = score
            if self.processes.is_first:
                content = {"step": self.step, "model": self.model.state_dict()}
                save_checkpoint(self.out, content, BEST)
        return record

    def sum_up(self, source: Rows, rows: list[Any]) -> dict[str, float]:
        """The record of held-out rows, shared among the processes."""
        self.losses.eval()
        mine = rows[self.processes.rank :: self.processes.world]
        total = torch.zeros(len(self.task.sum_names), dtype=torch.float64)
        parts = []
        for start in range(0, len(mine), MEASURED_AT_ONCE):
            batch = source.make(mine[start : start + MEASURED_AT_ONCE])
            parts.append(self.task.counts(batch))
            with self.precision():
                total += self.stacked(self.losses(batch.to(self.processes.device)))
        self.losses.train()
        return self.task.record(self.total_sums(total), self.total_counts(parts)[0])

    def stacked(self, sums: dict[str, torch.Tensor]) -> torch.Tensor:
        """The sums of a batch as one tensor."""
        return torch.stack([sums[name].detach().double().cpu() for name in self.task.sum_names])

    def total_sums(self, sums: torch.Tensor) -> dict[str, float]:
        """Over all processes, by their names."""
        totals = self.processes.total(sums).tolist()
        return dict(zip(self.task.sum_names, totals, strict=True))

    def total_counts(self, parts: list[Counts], signal: int = 0) -> tuple[Counts, int]:
        """Over all parts and processes, by their names; and whether a signal came to any."""
        names = self.task.count_names
        own = [*(sum(counts[name] for counts in parts) for name in names), signal]
        *totals, stop = self.processes.total(torch.tensor(own)).tolist()
        return dict(zip(names, totals, strict=True)), stop

    def precision(self) -> AbstractContextManager[Any]:
        """Where the matrix products are taken in bfloat16, if they are."""
        if self.autocast_to is None:
            return nullcontext()
        return torch.autocast(self.processes.device.type, self.autocast_to)

    def log(self, record: dict[str, Any]) -> None:
        """A line of JSON in log.jsonl."""
        if self.processes.is_first:
            append_to_log(self.out / "log.jsonl", {"step": self.step, **record})

    def save(self) -> None:
        """The state after `step` steps; all processes have the same, the first one writes it."""
        if self.processes.is_first:
            content = {
                "origin": self.origin,
                "step": self.step,
                "epoch": self.epoch,
                "number": self.number,
                "model": self.model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            }
            if self.best is not None:
                content["best"] = self.best
            save_checkpoint(self.out, content)
        self.processes.wait()

    def resume(self) -> bool:
        """Go back to the last checkpoint, if there is one; the log too."""
        content = load_checkpoint(self.out, self.processes.device)
        if content is not None:
            changed = changes(content["origin"], self.origin)
            if changed:
                raise ValueError(f"the run in {self.out} was begun with {changed}")
            self.model.load_state_dict(content["model"])
            for optimizer, state in zip(self.optimizers, content["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            self.step, self.epoch = content["step"], content["epoch"]
            self.number, self.best = content["number"], content.get("best")
        if self.processes.is_first:
            cut_log(self.out / "log.jsonl", self.step)
        self.processes.wait()
        return content is not None

    def load_best(self) -> None:
        """Give the model the weights that had the highest score; without a score, the last stay."""
        content = load_checkpoint(self.out, self.processes.device, BEST)
        if self.best is not None and content is not None:
            self.model.load_state_dict(content["model"])

    @contextmanager
    def catch_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run after the step that is under way; a second one at once."""

        def note(number: int, frame: Any) -> None:
            self.signal = number
            signal.signal(number, before[signal.Signals(number)])

        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, note) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
