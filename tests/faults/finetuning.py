"""What fine-tuning, prediction and evaluation refuse, and what they never lose."""

import json
from pathlib import Path

from tests.faults.making import Content, append, cut, keys, link
from tests.faults.runner import Fault

QUICK = "--epochs 1 --batch 2 --model model"
RUN = f"finetune classify --train train.tsv --dev train.tsv --out out {QUICK}"
TAG = f"finetune tag --train tags.conll --dev tags.conll --out out {QUICK}"
ANSWER = f"finetune answer --train squad.json --dev squad.json --out out {QUICK}"
MADE = ("out", "out/*", "o.jsonl.parts", "o.jsonl.parts/*")
WRITTEN = ("out/model.safetensors", "out/config.json", "out/vocab.txt", "out/log.jsonl")
TRAIN = "text\tlabel\na b\tgood\nc d\tbad\na c\tgood\nb d\tbad\n"


def squad(**changes: object) -> str:
    """One question in SQuAD's form."""
    question = {"id": "1", "question": "a b", "answers": [{"answer_start": 2, "text": "d"}]}
    paragraph = {"context": "c d e", "qas": [question | changes]}
    return json.dumps({"version": "1.1", "data": [{"paragraphs": [paragraph]}]})


DATA: dict[str, Content] = {
    "train.tsv": TRAIN,
    "tags.conll": "a B-X\nb I-X\n\nc O\n",
    "squad.json": squad(),
    "pairs.tsv": "text\ttext_pair\tscore\na\tb\t0.5\nc\td\t4\n",
}

TABLES: list[tuple[str, str, str | bytes | None]] = [
    ("none", "train.tsv", None),
    ("empty", "train.tsv", ""),
    ("only a header", "no examples", "text\tlabel\n"),
    ("not UTF-8", "line 2", b"text\tlabel\n\xff\tgood\n"),
    ("no column label", "label", "text\tscore\na\t1\n"),
    ("a row is short", "line 3", "text\tlabel\na b\tgood\nc\n"),
    ("labels all the same", "label", "text\tlabel\na\tgood\nb\tgood\n"),
]
TAGS: list[tuple[str, str, str]] = [
    ("empty", "tags.conll", ""),
    ("BIOES", "line 1", "a S-X\n\nb O\n"),
    ("a bare type", "line 1", "a X\n\nb O\n"),
    ("one column", "line", "a\n\nb O\n"),
]
QUESTIONS: list[tuple[str, str, str]] = [
    ("not JSON", "squad.json", "{"),
    ("another shape", "squad.json", '{"data": 5}'),
    ("an answer elsewhere", "'?1'?", squad(answers=[{"answer_start": 0, "text": "d"}])),
    ("a text as place", "", squad(answers=[{"answer_start": "x", "text": "d"}])),
]
OPTIONS: list[tuple[str, str]] = [
    *((f"--{name}={value}", name.replace("-", "[-_]")) for name, value in [
        ("epochs", 0), ("epochs", "x"), ("batch", 0), ("learning-rate", "nan"), ("warmup", 2),
        ("dropout", 1), ("seed", -1), ("precision", "float8"), ("freeze", "layer9"),
        ("freeze", "layer2-layer1"), ("features", "layers"),
        ("pair-column", "label")]),
    *((f"--{name} nowhere{end}", "nowhere") for name, end in [
        ("model", "/"), ("text-column", ""), ("train", ".tsv"), ("dev", "")]),
    ("--features all-layers --freeze layer1", "freeze"),
    ("--freeze 'embeddings layer1-layer6 pooler' --text-column '\x1b[31m'", r"\\x1b"),
]  # fmt: skip
PLACES: list[tuple[str, dict[str, Content]]] = [
    ("mine", {"mine/a.txt": "the user's"}),
    ("model", {}),
    ("train.tsv", {}),
    ("loop", {"loop": link("loop")}),
]
RESUMED: list[tuple[str, str, dict[str, Content]]] = [
    ("", "--resume", {}),
    ("--resume --learning-rate 0.5", "learning_rate", {}),
    ("--resume", "train", {"train.tsv": append(b"a d\tgood\n")}),
    ("--resume", "checkpoint.pt", {"out/checkpoint.pt": cut(100)}),
]
# After a model was made in out.
ASKED: list[tuple[str, str]] = [
    ("predict out", ""),
    ("predict out a --question b", "question"),
    ("predict out --input texts.txt", "--out"),
    ("predict out a --input texts.txt --out o.jsonl", ""),
    ("predict out --input nowhere.txt --out o.jsonl", "nowhere"),
    ("predict out --input texts.txt --out texts.txt", "texts.txt"),
    ("predict out --input texts.txt --out o.npy", "jsonl"),
    ("predict model", ""),
    ("evaluate out nowhere.tsv", "nowhere"),
    ("evaluate out tags.conll", ""),
    ("evaluate out texts.tsv", "label"),
]
BROKEN: list[tuple[str, Content]] = [
    ("id2label", keys(id2label={"0": "a", "2": "b"})),
    ("id2label", keys(id2label={"0": "a", "1": "a"})),
    ("id2label", keys(id2label=[1, 2])),
    ("architectures", keys(architectures=5)),
    ("multi_label", keys(problem_type="multi_label_classification")),
    ("minibert_task", keys(minibert_task=[1])),
]
USERS = '{"text": "a", "score": 1}\n'

FAULTS = [
    *(
        Fault(RUN, told, f"a table: {what}", files={**DATA, "train.tsv": content}, may=MADE)
        if content is not None
        else Fault(RUN, told, "no table", may=MADE)
        for what, told, content in TABLES
    ),
    *(
        Fault(TAG, told, f"tags: {what}", files={**DATA, "tags.conll": content}, may=MADE)
        for what, told, content in TAGS
    ),
    *(
        Fault(ANSWER, told, f"questions: {what}", files={**DATA, "squad.json": content}, may=MADE)
        for what, told, content in QUESTIONS
    ),
    *(Fault(f"{RUN} {more}", told, more[:40], files=DATA, may=MADE) for more, told in OPTIONS),
    Fault(
        f"{RUN} --dev dev.tsv",
        "line 2",
        "a label that train has not",
        files={**DATA, "dev.tsv": "text\tlabel\na\tnice\n"},
        may=MADE,
    ),
    *(
        Fault(f"{RUN} --out {place}", place, f"a place that is not ours: {place}", 2, DATA | files)
        for place, files in PLACES
    ),
    *(
        Fault(f"{RUN} {more}", told, f"begun: {more}, {', '.join(then)}", 2, DATA, RUN, then)
        for more, told, then in RESUMED
    ),
    *(
        Fault(line, status=0, files=DATA, written=WRITTEN, may=MADE)
        for line in (
            RUN,
            f"{RUN} --features all-layers",
            f"{RUN} --freeze 'embeddings layer1-layer2'",
            TAG,
            ANSWER,
            f"finetune similar --train pairs.tsv --dev pairs.tsv --out out {QUICK}",
            f"finetune pairs --number --train pairs.tsv --dev pairs.tsv --out out {QUICK}",
        )
    ),
    *(Fault(line, told, first=RUN, files=DATA, may=MADE) for line, told in ASKED),
    *(
        Fault("predict out a", told, f"broken: {told}", 2, DATA, RUN, {"out/config.json": content})
        for told, content in BROKEN
    ),
    *(
        Fault(
            f"predict out --input texts.txt --out o.jsonl{more}",
            "o.jsonl",
            f"a file of the user's{more}",
            first=RUN,
            files={**DATA, "o.jsonl": USERS},
        )
        for more in ("", " --overwrite")
    ),
    Fault(
        "predict out --input texts.txt --out o.jsonl",
        "",
        "all is well",
        0,
        DATA,
        RUN,
        written=("o.jsonl",),
    ),
    Fault("evaluate out train.tsv", "accuracy", "all is well", 0, DATA, RUN),
    Fault("predict out a --question b", "", "no folder yet"),
    *(Fault(f"{command} --help", "usage", status=0) for command in ("finetune", "predict")),
    Fault("evaluate out train.tsv --out o.json", "", "a folder", first=RUN, files={
        **DATA, "o.json": Path.mkdir}),
]  # fmt: skip
