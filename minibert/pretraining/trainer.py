"""The training loop: from a corpus and a model with random weights to a trained one.

    for each step:
        take the next rows, make and mask the pairs          batches.py
        loss and gradient, in `accumulation` parts           losses.py
        clip the gradient, move the weights                  optimizer.py
        now and then: log, validate, save                    checkpoint.py

With torchrun each process takes its share of every step's rows, and the gradients are summed before
the weights move. So the same settings give the same run on one process or on several.
"""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy
import torch
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from minibert.heads import BertForPreTraining
from minibert.pretraining.batches import Batches
from minibert.pretraining.checkpoint import load_checkpoint, save_checkpoint
from minibert.pretraining.corpus import Corpus, fingerprint, split_documents
from minibert.pretraining.log import cut_log, means, stacked
from minibert.pretraining.losses import NAMES, PretrainingLoss
from minibert.pretraining.masking import Masking
from minibert.pretraining.optimizer import (
    diagnosis,
    make_optimizers,
    schedule,
    set_learning_rate,
)
from minibert.pretraining.processes import Processes, choose_precision
from minibert.pretraining.sentence_pairs import SentencePairs
from minibert.pretraining.settings import Settings
from minibert.tokenizer import BertTokenizer


class Trainer:
    """One run of pretraining: `Trainer(…).run()`."""

    def __init__(
        self,
        model: BertForPreTraining,
        tokenizer: BertTokenizer,
        corpus: Corpus,
        settings: Settings,
        out: Path,
        *,
        processes: Processes | None = None,
    ):
        """`model` keeps its weights if they are trained further; see `new_model` for fresh ones."""
        if fingerprint(tokenizer) != corpus.vocabulary:
            raise ValueError("the corpus was tokenized with another vocabulary than this tokenizer")
        if len(tokenizer) > model.bert.config.vocab_size:
            raise ValueError(
                f"the tokenizer has {len(tokenizer)} pieces, the model only "
                f"{model.bert.config.vocab_size} (vocab_size)"
            )
        self.settings, self.out = settings, out
        # All that a checkpoint must agree with.
        self.origin = {
            **settings.to_dict(),
            "corpus": corpus.files,
            "vocabulary": corpus.vocabulary,
            "config": model.bert.config.to_dict(),
        }
        self.processes = processes or Processes()
        for phase in settings.parts():
            check_phase(phase.rows, phase.length, model, settings, self.processes.world)
        precision = choose_precision(settings.precision, self.processes.device)
        self.path = f"{precision} on {self.processes.device}, {self.processes.world} processes"
        self.autocast_to = torch.bfloat16 if precision == "bfloat16" else None
        # The weights themselves are never less than float32: small steps would be rounded away.
        kind = torch.float64 if precision == "float64" else torch.float32
        self.model = model.to(self.processes.device, kind).train()
        self.loss = PretrainingLoss(self.model, dropout=settings.dropout)
        self.reducer = self.loss
        if self.processes.world > 1:
            self.reducer = DistributedDataParallel(self.loss)
        self.optimizers = make_optimizers(self.model, settings)

        masking = Masking(
            tokenizer,
            share=settings.mask_share,
            at_most=settings.max_predictions,
            whole_words=settings.whole_words,
        )
        training, held_out = split_documents(len(corpus.documents) - 1, settings.held_out)

        def batches_of(documents: numpy.ndarray) -> dict[int, Batches]:
            """Row length -> its batches."""
            pairs = SentencePairs(corpus, documents, short_share=settings.short_share)
            return {
                phase.length: Batches(
                    pairs, masking, tokenizer, length=phase.length, seed=settings.seed
                )
                for phase in settings.parts()
            }

        self.batches = batches_of(training)
        self.validation = batches_of(held_out) if len(held_out) else None
        self.step = self.epoch = self.number = 0  # the next step and its first row
        self.signal = 0

    def run(self) -> bool:
        """Train from where the run is to its last step. False if Ctrl-C or SIGTERM came before
        that; the run is saved then.
        """
        is_first = self.processes.rank == 0
        began, tokens = time.perf_counter(), 0
        bar = tqdm(
            total=self.settings.steps,
            initial=self.step,
            unit=" steps",
            disable=None if is_first else True,
        )
        with self.catch_signals(), bar:
            while self.step < self.settings.steps:
                record = self.train_step()
                if record is None:  # a signal came
                    self.save()
                    return False
                tokens += record.pop("tokens")
                self.step += 1
                is_last = self.step == self.settings.steps
                if self.step % self.settings.log_every == 0 or is_last:
                    speed = tokens / (time.perf_counter() - began)
                    self.log({**record, "tokens_per_second": round(speed)})
                    bar.set_postfix_str(
                        f"loss {record['loss']:.3f}, MLM {record['mlm_accuracy']:.1%}, "
                        f"NSP {record['nsp_accuracy']:.1%}, {speed:,.0f} tokens/s"
                    )
                if self.step % self.settings.validate_every == 0 or is_last:
                    self.validate()
                if self.step % self.settings.save_every == 0 or is_last:
                    self.save()
                bar.update()
        return True

    def train_step(self) -> dict[str, Any] | None:
        """One step; what is worth logging. None if it was asked to stop instead."""
        settings, processes = self.settings, self.processes
        phase = settings.phase(self.step)
        source = self.batches[phase.length]
        epoch, number = self.epoch, self.number
        if self.step and settings.phase(self.step - 1).length != phase.length:
            epoch, number = epoch + 1, 0  # rows of another length: another plan
        rows, epoch, number = source.take(epoch, number, phase.rows)
        mine = rows[processes.rank :: processes.world]
        parts = [
            source.make(mine[i :: settings.accumulation]) for i in range(settings.accumulation)
        ]
        # Means are over all rows of the step, whichever process or part they are in.
        counts = [len(part.mlm_labels) for part in parts], [part.tokens() for part in parts]
        mine_counts = torch.tensor([sum(counts[0]), sum(counts[1]), self.signal])
        places, tokens, stop = processes.total(mine_counts).tolist()
        if stop:
            return None
        self.epoch, self.number = epoch, number
        set_learning_rate(self.optimizers, schedule(self.step, settings))
        # Dropout's random numbers, of the step alone: nothing to save for a run that is resumed.
        torch.manual_seed((settings.seed * 1_000_003 + self.step) * 1009 + processes.rank)
        sums = torch.zeros(len(NAMES), dtype=torch.float64)
        for i, part in enumerate(parts):
            is_last = i == len(parts) - 1
            waits = nullcontext() if is_last or processes.world == 1 else self.reducer.no_sync()
            with waits:
                with self.precision():
                    result = self.reducer(part.to(processes.device))
                loss = result["mlm_loss"] / max(places, 1) + result["nsp_loss"] / phase.rows
                # The reducer takes the mean over the processes; the sum is wanted.
                (loss * processes.world).backward()
            sums += stacked(result)
        length = torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        record = means(processes.total(sums).tolist(), places, phase.rows)
        if not numpy.isfinite([record["loss"], float(length)]).all():
            raise ValueError(
                f"step {self.step + 1}: the loss is {record['loss']}, the gradient's length "
                f"{float(length)}; rows {rows[0]} to {rows[-1]} (epoch, number); "
                f"{diagnosis(self.model)}. A lower learning rate or a longer warm-up helps"
            )
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        rate = self.optimizers[0].param_groups[0]["lr"]
        return {**record, "learning_rate": rate, "gradient": float(length), "tokens": tokens}

    @torch.no_grad()
    def validate(self) -> dict[str, float] | None:
        """Losses and accuracies on the held-out documents, for each row length always on the same
        masked rows.
        """
        if self.validation is None:
            return None
        self.model.eval()
        processes = self.processes
        source = self.validation[self.settings.phase(self.step - 1).length]
        count = min(self.settings.validation_rows, len(source.plan(0)))
        mine = [(0, number) for number in range(processes.rank, count, processes.world)]
        sums = torch.zeros(len(NAMES) + 1, dtype=torch.float64)
        for start in range(0, len(mine), 64):
            batch = source.make(mine[start : start + 64])
            with self.precision():
                result = self.loss(batch.to(processes.device))
            places = torch.tensor([len(batch.mlm_labels)], dtype=torch.float64)
            sums += torch.cat([stacked(result), places])
        self.model.train()
        *totals, places = processes.total(sums).tolist()
        record = means(totals, int(places), count)
        self.log({"validation": record})
        return record

    def precision(self) -> Any:
        """Where the matrix products are taken in bfloat16, if they are."""
        if self.autocast_to is None:
            return nullcontext()
        return torch.autocast(self.processes.device.type, self.autocast_to)

    def log(self, record: dict[str, Any]) -> None:
        """A line of JSON in log.jsonl."""
        if self.processes.rank == 0:
            with open(self.out / "log.jsonl", "a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": self.step, **record}) + "\n")

    def save(self) -> None:
        """The state after `step` steps; all processes have the same, the first one writes it."""
        if self.processes.rank == 0:
            content = {
                "origin": self.origin,
                "step": self.step,
                "epoch": self.epoch,
                "number": self.number,
                "model": self.model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            }
            save_checkpoint(self.out, content)
        self.processes.wait()

    def resume(self) -> bool:
        """Go back to the last checkpoint, if there is one; the log too."""
        content = load_checkpoint(self.out, self.processes.device)
        if content is not None:
            now, then = self.origin, content["origin"]
            changed = [name for name in now if now[name] != then.get(name)]
            if changed:
                listed = ", ".join(
                    f"{name} {then.get(name)!r}, not {now[name]!r}" for name in changed
                )
                raise ValueError(f"the run in {self.out} was begun with {listed}")
            self.model.load_state_dict(content["model"])
            for optimizer, state in zip(self.optimizers, content["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            self.step, self.epoch = content["step"], content["epoch"]
            self.number = content["number"]
        if self.processes.rank == 0:
            cut_log(self.out / "log.jsonl", self.step)
        self.processes.wait()
        return content is not None

    @contextmanager
    def catch_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run after the step that is under way; a second one at once."""

        def note(number: int, frame: Any) -> None:
            self.signal = number
            signal.signal(number, before[number])

        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, note) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def check_phase(
    rows: int, length: int, model: BertForPreTraining, settings: Settings, world: int
) -> None:
    limit = model.bert.config.max_position_embeddings
    if length > limit:
        raise ValueError(f"phases: rows of {length}, but the model has {limit} positions")
    if rows % (world * settings.accumulation):
        raise ValueError(
            f"phases: {rows} rows cannot be shared by {world} processes × accumulation "
            f"{settings.accumulation}"
        )
