"""Official checkpoint -> textbook model, and back, with a full account of every tensor.

    from weights_loader import load_bert, save_bert

    model, tokenizer = load_bert()                              # the bundled tiny model, no network
    model, tokenizer = load_bert("bert-base-uncased")           # a name on the Hugging Face Hub
    model, tokenizer = load_bert("my/folder", head="mlm")       # a folder in the Hub's layout
    model, tokenizer = load_bert("dslim/bert-base-NER")         # fine-tuned: with its head
    model, tokenizer = load_bert("my/translator")               # an encoder and a decoder
    print(model.account)                                        # how every tensor was used
    save_bert(model, tokenizer, "another/folder")               # transformers loads it too

Only `model.safetensors` is read, never `pytorch_model.bin`: unpickling a file runs whatever code
is in it. The tensors are mapped from the file, not copied, so loading takes little more memory than
the model itself.
"""

import json
import shutil
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from minibert.common.devices import choose_device
from minibert.common.files import replacing_in_folder
from minibert.config import BertConfig
from minibert.heads import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    MaskedLMHead,
    NextSentenceHead,
)
from minibert.loading.account import Account, check_tensors
from minibert.loading.finding import find_folder, open_weights, read_tensor
from minibert.loading.head import (
    TARGET,
    TASKS,
    WRITES,
    Head,
    architecture_in,
    choose_head,
    describe_head,
    describe_pair,
)
from minibert.loading.settings import read_config, read_tokenizer, token_id
from minibert.loading.without_init import WithoutInit
from minibert.model import BertModel, Pooler, check_labels, initialise
from minibert.task_heads import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    linear_map,
)
from minibert.tokenizer import BertTokenizer
from minibert.translation.encoder_decoder import BertLMHeadModel, EncoderDecoderModel
from minibert.vocabulary import CheckpointError, one_line, read_json, take
from minibert.weighted_sum import WeightedSum

# The name table: official name -> ours. With a head, BERT's own names get "bert." in front on both
# sides; in a bare BertModel neither has it.
EMBEDDINGS = {
    "embeddings.word_embeddings.weight": "embeddings.token.weight",
    "embeddings.position_embeddings.weight": "embeddings.position.table",
    "embeddings.token_type_embeddings.weight": "embeddings.segment.weight",
    "embeddings.LayerNorm.weight": "embeddings.layer_norm.gamma",
    "embeddings.LayerNorm.bias": "embeddings.layer_norm.beta",
}
LAYER = {  # below encoder.layer.{i}. there, encoder.layers.{i}. here
    "attention.self.query.weight": "attention.query.weight",
    "attention.self.query.bias": "attention.query.bias",
    "attention.self.key.weight": "attention.key.weight",
    "attention.self.key.bias": "attention.key.bias",
    "attention.self.value.weight": "attention.value.weight",
    "attention.self.value.bias": "attention.value.bias",
    "attention.output.dense.weight": "attention.output.weight",
    "attention.output.dense.bias": "attention.output.bias",
    "attention.output.LayerNorm.weight": "attention_layer_norm.gamma",
    "attention.output.LayerNorm.bias": "attention_layer_norm.beta",
    "intermediate.dense.weight": "feed_forward.inner.weight",
    "intermediate.dense.bias": "feed_forward.inner.bias",
    "output.dense.weight": "feed_forward.output.weight",
    "output.dense.bias": "feed_forward.output.bias",
    "output.LayerNorm.weight": "feed_forward_layer_norm.gamma",
    "output.LayerNorm.bias": "feed_forward_layer_norm.beta",
}
# A decoder's second attention has the names of the first: crossattention there, cross_attention
# here.
CROSS = {
    f"cross{theirs}": f"cross_{ours}"
    for theirs, ours in LAYER.items()
    if theirs.startswith("attention.")
}
POOLER = {
    "pooler.dense.weight": "pooler.dense.weight",
    "pooler.dense.bias": "pooler.dense.bias",
}
MLM = {
    "cls.predictions.transform.dense.weight": "mlm.dense.weight",
    "cls.predictions.transform.dense.bias": "mlm.dense.bias",
    "cls.predictions.transform.LayerNorm.weight": "mlm.layer_norm.gamma",
    "cls.predictions.transform.LayerNorm.bias": "mlm.layer_norm.beta",
    "cls.predictions.bias": "mlm.bias",
}
NSP = {
    "cls.seq_relationship.weight": "nsp.logits.weight",
    "cls.seq_relationship.bias": "nsp.logits.bias",
}
TASK = {
    "classifier.weight": "classifier.weight",
    "classifier.bias": "classifier.bias",
    "qa_outputs.weight": "qa_outputs.weight",
    "qa_outputs.bias": "qa_outputs.bias",
    "mixture.weights": "mixture.weights",  # minibert's own: the head reads all layers
    "mixture.scale": "mixture.scale",
}
# Stored a second time by some files: these must equal the tensor that the model really has.
TIED = {
    "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
# Older files call LayerNorm's γ and β so; these endings mean nothing anywhere else.
OLD_ENDINGS = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
LEFT_OUT = {  # beginning of an official name -> why it is not read
    "embeddings.position_ids": "only counts 0, 1, 2 …",
    "cls.predictions.": "the MLM head; head='mlm' reads it",
    "cls.seq_relationship.": "the next-sentence head; head='nsp' reads it",
    "pooler.": "this head does not read the pooler",
    "classifier.": "a fine-tuned task's head",
    "qa_outputs.": "a fine-tuned task's head",
    "mixture.": "a fine-tuned task's head",
}
# What may be new, by the first part of its names (without "bert.") -> its start.
NEW: dict[str, Callable[[BertConfig, Head], nn.Module]] = {
    "mlm": lambda config, head: MaskedLMHead(config),
    "nsp": lambda config, head: NextSentenceHead(config),
    "pooler": lambda config, head: new_pooler(config),
    "classifier": lambda config, head: linear_map(config, len(head.labels)),
    "qa_outputs": lambda config, head: linear_map(config, 2),
    "mixture": lambda config, head: WeightedSum(config.num_hidden_layers + 1),
}
Bert = (
    BertModel
    | BertForMaskedLM
    | BertForNextSentencePrediction
    | BertForPreTraining
    | BertForSequenceClassification
    | BertForTokenClassification
    | BertForQuestionAnswering
    | BertLMHeadModel
)
# `head` -> the class, which transformers has under the same name.
MODELS: dict[str, Any] = {
    "bert": BertModel,
    "mlm": BertForMaskedLM,
    "nsp": BertForNextSentencePrediction,
    "pretraining": BertForPreTraining,
    **TASKS,
    WRITES: BertLMHeadModel,
}


def load_bert(
    name: str | Path | None = None,
    *,
    head: str | None = None,
    labels: Sequence[str] | None = None,
    all_layers: bool | None = None,
    revision: str | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[Any, BertTokenizer]:
    """A model in eval mode (no dropout) and its tokenizer.

    `name`: a folder, a name on the Hub, or None for the bundled tiny model.
    `head`: "bert" (none), "mlm", "nsp", "pretraining" (both), "classification", "tagging",
    "answering" or "next-token"; None is the head that the folder says it has, or "bert". A folder
    of an encoder and a decoder gives both, and takes no head.
    `labels`: of a new head for classification or tagging; None is what config.json says. One label
    for a classification makes it a number.
    `all_layers`: a new head for a task reads a learned mixture of all layers.
    `revision`: a branch, tag or commit on the Hub.
    `device`: what to compute on; None is the CPU.
    `dtype`: of the weights; None is float32, whatever the file has.

    A head that the file does not have is new, with a warning: it answers at random until trained.
    """
    if head not in [None, *MODELS]:
        raise ValueError(f"head must be one of {[None, *MODELS]}, not {head!r}")
    labels = None if labels is None else check_labels(labels)
    dtype = torch.float32 if dtype is None else dtype
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating-point torch.dtype, not {dtype!r}")
    device = choose_device("cpu" if device is None else device)
    folder = find_folder(name, revision)
    config_file = folder / "config.json"
    settings = read_json(config_file)
    note = take({"minibert_note": "", **settings}, "minibert_note", str, config_file)
    account = Account(str(name or "minibert-tiny"), note=one_line(note))
    task = take({"minibert_task": {}, **settings}, "minibert_task", dict, config_file)
    if settings.get("model_type") == "encoder-decoder":
        if (head, labels, all_layers) != (None, None, None):
            what = "is an encoder-decoder, which takes no head and no labels"
            raise CheckpointError(f"{account.source} {what}; `minibert translate` runs it")
        pair, tokenizer = load_pair(folder, settings, dtype, account)
        pair.account, pair.task = account, task
        return pair.to(device).eval(), tokenizer
    writes = settings.get("is_decoder") is True
    config = read_config(settings, config_file, is_decoder=writes)
    if writes and head not in (None, WRITES):
        what = f"is a decoder, whose only head is {WRITES!r}, not {head!r}"
        raise CheckpointError(f"{account.source} {what}: its tokens do not see what follows them")
    tokenizer = read_tokenizer(folder, config)
    with open_weights(folder) as file:
        names = official_names(file.keys(), account.source)
        shapes = {theirs: file.get_slice(name).get_shape() for theirs, name in names.items()}
        wanted = choose_head(head, labels, all_layers, settings, config_file, shapes)
        model: Any = fill_model(file, folder, names, config, wanted, dtype, account)
    new = {part_of(ours) for ours, use in account.model.items() if use == "new"}
    is_own = type(model).__name__ == architecture_in(settings, config_file) and not new
    model.account, model.task = account, task if is_own else {}
    if isinstance(model, BertLMHeadModel):
        model.end_token_id = token_id(folder, settings, "eos_token_id", config, tokenizer)
    if new:
        which = wanted.describe() or f"{' and no '.join(sorted(new))} head"
        what = f"has no {which}; a new one answers at random until it is trained"
        warnings.warn(f"{account.source} {what}", stacklevel=2)
    return model.to(device).eval(), tokenizer


def load_pair(
    folder: Path, settings: dict[str, Any], dtype: torch.dtype, account: Account
) -> tuple[EncoderDecoderModel, BertTokenizer]:
    """The two BERTs of an encoder-decoder, and the tokenizer of the text that is read."""
    config_file = folder / "config.json"
    models: list[Any] = []
    with open_weights(folder) as file:
        for part, kind in (("encoder", "bert"), ("decoder", WRITES)):
            writes = part == "decoder"
            own = take(settings, part, dict, config_file)
            where = f"{config_file}, {part}"
            config = read_config(own, where, is_decoder=writes, add_cross_attention=writes)
            names = official_names(file.keys(), account.source, f"{part}.")
            half = Account(account.source, part=f"{part}.")
            head = Head(kind, is_stored=True, cross_attention=writes)
            models.append(fill_model(file, folder, names, config, head, dtype, half))
            account.file |= half.file
            account.model |= {f"{part}.{ours}": use for ours, use in half.model.items()}
        other = sorted(set(file.keys()) - account.file.keys())
    target_config = models[1].bert.config
    tokenizer = read_tokenizer(folder, models[0].config)
    has_target = take({TARGET: False, **settings}, TARGET, bool, config_file)
    target = read_tokenizer(folder / "target" if has_target else folder, target_config)
    start = token_id(folder, settings, "decoder_start_token_id", target_config, target)
    end = token_id(folder, settings, "eos_token_id", target_config, target)
    models[1].end_token_id = end
    try:
        pair = EncoderDecoderModel(*models, start_token_id=start, end_token_id=end)
    except ValueError as error:  # their widths
        raise CheckpointError(f"{config_file}: {error}") from None
    if other:
        raise CheckpointError(f"{account.source}: {other[0]!r} is of neither encoder nor decoder")
    pair.target_tokenizer = target
    return pair, tokenizer


def fill_model(
    file: safe_open,
    folder: Path,
    names: dict[str, str],
    config: BertConfig,
    head: Head,
    dtype: torch.dtype,
    account: Account,
) -> Bert:
    """Build the model, and give it the folder's tensors; `names`: official -> in the file."""
    model = empty_model(names, config, head, account)
    table = name_table(model)
    # Another head of the same names is left out: for another task, or with other labels.
    readable = {t: ours for t, ours in table.items() if head.is_stored or t not in TASK}
    found = {ours for theirs, ours in readable.items() if theirs in names}
    absent = {part_of(ours) for ours in table.values()} - {part_of(ours) for ours in found}
    # Only a new head for classification gets a pooler, too, if there is none.
    never = {"pooler"} if head.name != "classification" else set()
    new = set() if head.is_stored else absent & NEW.keys() - never

    account.file = {name: use_of(theirs, name, readable) for theirs, name in names.items()}
    account.model = {ours: "new" if part_of(ours) in new else "filled" for ours in table.values()}
    check_tensors(file, names, account, table, found, model)

    state = {
        ours: read_tensor(file, folder, names[theirs])
        for theirs, ours in table.items()
        if ours in found
    }
    for copy, original in TIED.items():
        if copy in names and account.file[names[copy]][0] == "tied":
            tensor = state[table[original]]
            if not torch.equal(file.get_tensor(names[copy]).to(tensor.dtype), tensor):
                raise CheckpointError(
                    f"{account.source}: {names[copy]} differs from {names[original]}. minibert's "
                    "MLM head has one tensor for both (tied), so it cannot be this model"
                )
    for part in sorted(new):
        prefix = "bert.pooler." if part == "pooler" else f"{part}."
        start = NEW[part](config, head).state_dict()
        state |= {prefix + name: tensor for name, tensor in start.items()}
    state = {ours: tensor.to(dtype) for ours, tensor in state.items()}
    model.load_state_dict(state, strict=True, assign=True)
    return model


def part_of(ours: str) -> str:
    """The part of the model that a tensor belongs to: embeddings, encoder, pooler, mlm …"""
    return ours.removeprefix("bert.").split(".")[0]


def new_pooler(config: BertConfig) -> Pooler:
    pooler = Pooler(config)
    initialise(pooler, config.initializer_range)
    return pooler


def empty_model(names: dict[str, str], config: BertConfig, head: Head, account: Account) -> Bert:
    """config.json's model, without memory for its weights; the file must have all its layers.

    A number that is far too large would take minutes.
    """
    layers = {theirs.split(".")[2] for theirs in names if theirs.startswith("encoder.layer.")}
    if len(layers) < config.num_hidden_layers:
        count = f"{account.part}num_hidden_layers {config.num_hidden_layers}"
        but = f"but the file has {len(layers)} layers"
        raise CheckpointError(f"{account.source}: config.json says {count}, {but}")
    with torch.device("meta"), WithoutInit():
        if head.name == "bert":
            has_pooler = any(theirs.startswith("pooler.") for theirs in names)
            return BertModel(config, with_pooler=has_pooler)
        return MODELS[head.name](config, **head.options)


def official_names(names: Iterable[str], source: str, part: str = "") -> dict[str, str]:
    """Official name without "bert." and with LayerNorm.weight/bias -> the name in the file; of the
    names that begin with `part`, which is taken off, too.
    """
    official: dict[str, str] = {}
    for name in names:
        if not name.startswith(part):
            continue
        theirs = name.removeprefix(part).removeprefix("bert.")
        for old, now in OLD_ENDINGS.items():
            if theirs.endswith(old):
                theirs = theirs.removesuffix(old) + now
        if theirs in official:
            both = f"{official[theirs]} and {name}"
            raise CheckpointError(f"{source}: {both} are the same tensor twice")
        official[theirs] = name
    # Some files have the MLM bias only under the decoder's name.
    if "cls.predictions.decoder.bias" in official and "cls.predictions.bias" not in official:
        official["cls.predictions.bias"] = official.pop("cls.predictions.decoder.bias")
    return official


def name_table(model: Bert) -> dict[str, str]:
    """Official name -> our name, for exactly the tensors that this model has."""
    core = model if isinstance(model, BertModel) else model.bert
    stack = "encoder" if isinstance(core, BertModel) else "decoder"
    layers = {
        f"encoder.layer.{i}.{theirs}": f"{stack}.layers.{i}.{ours}"
        for i in range(core.config.num_hidden_layers)
        for theirs, ours in (LAYER | CROSS).items()
    }
    prefix = "" if core is model else "bert."
    bert = {theirs: prefix + ours for theirs, ours in (EMBEDDINGS | layers | POOLER).items()}
    held = model.state_dict().keys()
    return {theirs: ours for theirs, ours in (bert | MLM | NSP | TASK).items() if ours in held}


def use_of(theirs: str, name: str, table: dict[str, str]) -> tuple[str, str]:
    """How the file's tensor `name` is used, and why."""
    if theirs in table:
        if name.endswith(theirs):
            return "used", ""
        return "renamed", "LayerNorm.gamma and beta, the older names of weight and bias"
    if theirs in TIED and "cls.predictions.bias" in table:
        return "tied", f"must equal {TIED[theirs]}"
    for start, why in LEFT_OUT.items():
        if theirs.startswith(start):
            return "left out", why
    return "unknown", ""


def save_bert(
    model: Bert | EncoderDecoderModel, tokenizer: BertTokenizer, folder: str | Path
) -> None:
    """Write config.json, model.safetensors, vocab.txt and tokenizer_config.json.

    The official layout: transformers loads it with no missing and no unexpected name; only a head
    that reads all layers means nothing to it, and is read by load_bert alone. An encoder-decoder
    that writes with another vocabulary has that in the folder `target` inside. A folder that was
    not there appears whole; in one that was, each file is replaced whole.
    """
    if type(model) not in (EncoderDecoderModel, *MODELS.values()):
        raise CheckpointError(f"save_bert takes minibert's models, not {type(model).__name__}")
    if isinstance(model, BertLMHeadModel) and model.has_cross_attention:
        raise CheckpointError("a decoder with cross-attention is saved with its encoder, as a pair")
    if not isinstance(tokenizer, BertTokenizer):
        raise CheckpointError(f"tokenizer must be a BertTokenizer, not {type(tokenizer).__name__}")
    # dtype: what transformers computes in, whatever precision the file has.
    config: dict[str, Any] = {"architectures": [type(model).__name__], "dtype": "float32"}
    texts = tokenizer.files()
    if isinstance(model, EncoderDecoderModel):
        parts: dict[str, Any] = {"encoder": model.encoder, "decoder": model.decoder}
        tensors = {f"{p}.{name}": t for p, one in parts.items() for name, t in stored(one).items()}
        config |= {part: describe(one) for part, one in parts.items()} | describe_pair(model)
        target = model.target_tokenizer or tokenizer
        if target.checksum() != tokenizer.checksum():
            config[TARGET] = True
            texts |= {f"target/{name}": text for name, text in target.files().items()}
    else:
        tensors = stored(model)
        config |= describe(model)
    texts["config.json"] = json.dumps(config, indent=2) + "\n"

    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; save_bert needs a folder")
    with replacing_in_folder(folder) as part:
        save_file(tensors, part / "model.safetensors", metadata={"format": "pt"})
        for name, text in texts.items():
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_text(text, encoding="utf-8", newline="\n")
        # safetensors lets only the owner read its file; give it the other files' permissions.
        shutil.copymode(part / "config.json", part / "model.safetensors")


def stored(model: Bert) -> dict[str, torch.Tensor]:
    """Official name -> tensor."""
    held = model.state_dict()
    return {
        ("bert." if ours.startswith("bert.") else "") + theirs: held[ours].cpu().contiguous()
        for theirs, ours in name_table(model).items()
    }


def describe(model: Bert) -> dict[str, Any]:
    """What config.json says of a model."""
    core = model if isinstance(model, BertModel) else model.bert
    return {**core.config.to_dict(), **describe_head(model)}
