"""What translating and writing refuse, and what they never lose."""

from tests.faults.finetuning import PLACES
from tests.faults.making import Content, append, cut, keys
from tests.faults.runner import Fault

SIZES = "--size tiny --layers 1 --positions 16 --epochs 1 --batch 2"
PAIRS = "--train pairs.tsv --dev pairs.tsv"
RUN = f"finetune translate {PAIRS} --out out {SIZES}"
LEARN = "pretrain --corpus corpus.txt --config config.json --vocab model/vocab.txt --out out"
WRITER = f"{LEARN} --objective next-token --steps 2 --phases 2x8:1"
MADE = ("out", "out/*", "o.jsonl.parts", "o.jsonl.parts/*")
WRITTEN = ("out/model.safetensors", "out/config.json", "out/vocab.txt", "out/log.jsonl")
TO_FILE = "translate out --input texts.txt --out o.jsonl"
PICTURE = b"\x89PNG\r\n\x1a\n of the user's"
DATA: dict[str, Content] = {"pairs.tsv": "text\ttarget\na b\t我\nc\t你 好\nd a\t我 好\n"}

TABLES: list[tuple[str, str, str | bytes]] = [
    ("empty", "pairs.tsv", ""),
    ("only a header", "no examples", "text\ttarget\n"),
    ("not UTF-8", "line 2", b"text\ttarget\n\xff\tx\n"),
    ("no column target", "target", "text\tlabel\na\tb\n"),
    ("an empty text", "line 3", "text\ttarget\na\tx\n\tx\n"),
    ("an empty target", "line 3", "text\ttarget\na\tx\nb\t \n"),
    ("a row is short", "line 2", "text\ttarget\na\n"),
]
OPTIONS: list[tuple[str, str]] = [
    *((f"--{name}={value}", name.replace("-", "[-_]")) for name, value in [
        ("label-smoothing", 1), ("label-smoothing", "nan"), ("epochs", 0), ("batch", 0),
        ("size", "huge"), ("label-column", "x"), ("freeze", "embeddings")]),
    ("--target-column x", "'x'"),
    ("--target-column '\x1b[31m'", r"\\x1b"),
    ("--layers 0", "num_hidden_layers"),
    ("--positions 0", "max_position_embeddings"),
    ("--vocab-size 3", "vocab_size"),
    ("--target-vocab-size 3", "vocab_size"),
    ("--model model", "--size has no effect"),
    ("--encoder model", "--size has no effect"),
    ("--number", "number"),
]  # fmt: skip
RESUMED: list[tuple[str, str, dict[str, Content]]] = [
    ("", "--resume", {}),
    ("--resume --label-smoothing 0.5", "label_smoothing", {}),
    ("--resume", "train", {"pairs.tsv": append("e\t你\n".encode())}),
    ("--resume", "checkpoint.pt", {"out/checkpoint.pt": cut(100)}),
]
# After a translator was made in out.
ASKED: list[tuple[str, str]] = [
    ("translate out", "give texts"),
    ("translate out ''", "empty"),
    ("translate out a ' '", "text 2"),
    ("translate out a --beams 0", "num_beams"),
    ("translate out a --length-penalty nan", "length_penalty"),
    ("translate out a --max-length 17", "max_length"),
    ("translate out a --device nope", "device"),
    ("translate out a --align --plot texts.txt", r"\.png"),
    ("translate out a b --plot o.png", "--plot for one"),
    ("translate out a --input texts.txt --out o.jsonl", "give texts"),
    ("translate out --input texts.txt", "--out"),
    ("translate out --input nowhere.txt --out o.jsonl", "nowhere"),
    ("translate out --input texts.txt --out texts.txt", "jsonl"),
    ("translate out --input texts.jsonl --out texts.jsonl", "texts.jsonl"),
    ("translate out --input texts.txt --out out/config.json", "jsonl"),
    ("translate out --input texts.csv --out o.jsonl --text-column x", "'x'"),
    ("translate model a", "EncoderDecoderModel"),
    ("generate out a", ""),
    ("predict out a", ""),
    ("embed --model out a", ""),
]
BROKEN: list[tuple[str, str, Content]] = [
    ("t5", "out/config.json", keys(model_type="t5")),
    ("decoder", "out/config.json", keys(decoder=5)),
    ("", "out/config.json", keys(encoder=None)),
    ("", "out/target/vocab.txt", None),
    ("", "out/target/vocab.txt", append(b"one\nmore\n")),
    ("model.safetensors", "out/model.safetensors", cut(100)),
]
# After a model that writes was made in out.
WRITING: list[tuple[str, str]] = [
    ("generate out", "prompt"),
    ("generate out a --top-k 3", "--top-k belongs"),
    ("generate out a --sample --beams 2", "two ways"),
    ("generate out a --beams 0", "num_beams"),
    ("generate out a --sample --temperature 0", "temperature"),
    ("generate out a --sample --temperature inf", "temperature"),
    ("generate out a --sample --top-k -1", "top_k"),
    ("generate out a --sample --top-p 2", "top_p"),
    ("generate out a --sample --seed -1", "seed"),
    ("generate out a --max-length 1000", "max_length"),
    (f"generate out '{'a ' * 200}'", ""),
    ("generate model a", ""),
    ("translate out a", "EncoderDecoderModel"),
    ("fill-mask --model out 'a [MASK]'", ""),
    (f"{LEARN} --resume --steps 2 --phases 2x8:1", "objective"),
    (f"{WRITER} --resume --mask-share 0.2", "--mask-share has no effect"),
]

FAULTS = [
    *(
        Fault(RUN, told, f"a table: {what}", files={"pairs.tsv": content}, may=MADE)
        for what, told, content in TABLES
    ),
    *(Fault(f"{RUN} {more}", told, more[:40], files=DATA, may=MADE) for more, told in OPTIONS),
    *(
        Fault(f"{RUN} --out {place}", place, f"a place that is not ours: {place}", 2, DATA | files)
        for place, files in PLACES
        if place != "train.tsv"
    ),
    *(
        Fault(f"{RUN} {more}", told, f"begun: {more}, {', '.join(then)}", 2, DATA, RUN, then)
        for more, told, then in RESUMED
    ),
    *(Fault(line, told, first=RUN, files=DATA, may=MADE) for line, told in ASKED),
    *(
        Fault("translate out a", told, f"broken: {name}, {told}", 2, DATA, RUN, {name: content})
        for told, name, content in BROKEN
    ),
    *(Fault(line, told, first=WRITER, may=MADE) for line, told in WRITING),
    *(
        Fault(f"{TO_FILE}{more}", "o.jsonl", f"a file of the user's{more}", first=RUN, files={
            **DATA, "o.jsonl": '{"text": "a", "score": 1}\n'})
        for more in ("", " --overwrite")
    ),
    Fault(RUN, status=0, files=DATA, written=WRITTEN, may=MADE),
    Fault(WRITER, status=0, written=WRITTEN, may=MADE),
    Fault(TO_FILE, "", "all is well", 0, DATA, RUN, written=("o.jsonl",)),
    Fault("translate out a --plot o.png", "", "all is well", 0, DATA, RUN, written=("o.png",)),
    Fault("generate out a --sample --seed 3", "", "all is well", 0, first=WRITER),
    *(
        Fault(f"translate out a --plot o.png{more}", "o.png", f"a picture of the user's{more}", 2, {
            **DATA, "o.png": PICTURE}, RUN)
        for more in ("", " --overwrite")
    ),
    *(Fault(f"finetune translate {PAIRS} --out out --{side} nowhere/", "nowhere", files=DATA)
      for side in ("encoder", "decoder", "model")),
    Fault("translate out a", "", "no folder yet"),
    *(Fault(f"{command} --help", "usage", status=0) for command in ("translate", "generate")),
]  # fmt: skip
