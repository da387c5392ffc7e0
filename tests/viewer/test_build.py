"""The one file: what is in it, what is not, and that it needs nothing beside it."""

import base64
import builtins
import html
import importlib
import json
import re
import webbrowser
from pathlib import Path

import numpy
import pytest
import torch

from minibert import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    view,
)
from minibert.cli import main
from minibert.inspection.walk import FORMULAS
from minibert.viewer import build as builder
from minibert.viewer.build import PAGE, build
from minibert.viewer.lines import HEAD_FORMULAS, TOKENIZING
from minibert.viewer.scripts import joined, modules
from minibert.viewer.show import load_for_page
from tests import tiny
from tests.viewer.chromium import opened
from tests.viewer.test_parity import Reference, as_float16
from weights_loader import save_bert

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea></script></style><!-- <img src=x onerror=alert(1)>",
    "a\0b \u202eright to left\u202c \u2028 \ufeff",
    "مرحبا שלום",
    "x" * 10_000,
    "\ud800 half a character \udfff",
    "\"'`${1}\\n\\u003c",
]


def small(kind=BertForPreTraining):
    return tiny.ours(kind).float(), tiny.tokenizer()


def blocks(page: str) -> dict[str, str]:
    """The scripts of a page by their ids."""
    return dict(re.findall(r'<script type="[^"]*" id="([^"]*)">(.*?)</script>', page, re.DOTALL))


def read_weights(page: str) -> dict[str, numpy.ndarray]:
    found = blocks(page)
    numbers = numpy.frombuffer(base64.b64decode(found["weights"]), "<f2")
    tensors = json.loads(found["bundle"])["tensors"]
    weights = {}
    for name, tensor in tensors.items():
        size = int(numpy.prod(tensor["shape"]))
        weights[name] = numbers[tensor["start"] : tensor["start"] + size].reshape(tensor["shape"])
    assert sum(weight.size for weight in weights.values()) == numbers.size  # nothing twice
    return weights


def test_the_weights_as_float16_each_once():
    model, tokenizer = small()
    weights = read_weights(build(model, tokenizer))
    expected = {name.removeprefix("bert."): t for name, t in as_float16(model).state_dict().items()}
    assert weights.keys() == expected.keys()
    for name, weight in weights.items():
        assert (weight == expected[name].numpy()).all(), name


@pytest.mark.parametrize(
    ("kind", "heads"),
    [
        (BertModel, {"pooler"}),
        (BertForMaskedLM, {"mlm"}),
        (BertForNextSentencePrediction, {"pooler", "nsp"}),
        (BertForPreTraining, {"pooler", "mlm", "nsp"}),
        (BertForSequenceClassification, {"pooler"}),
    ],
)
def test_the_heads_that_a_model_has(kind, heads, tmp_path):
    model, tokenizer = small(kind)
    page = build(model, tokenizer)
    parts = {name.split(".")[0] for name in read_weights(page)}
    assert parts == {"embeddings", "encoder"} | heads
    lines = json.loads(blocks(page)["bundle"])["lines"]
    assert {name.split(".")[0] for name in lines} >= heads
    save_bert(model, tokenizer, tmp_path / "model")
    loaded, _ = load_for_page(str(tmp_path / "model"))
    assert {name.split(".")[0] for name in read_weights(build(loaded, tokenizer))} == parts


def test_the_lines_are_the_textbooks():
    bundle = json.loads(blocks(build(*small()))["bundle"])
    lines = bundle["lines"]
    assert lines.keys() == FORMULAS.keys() | HEAD_FORMULAS.keys() | TOKENIZING.keys()
    for name, line in lines.items():
        file, number = line["location"].split(":")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert source.splitlines()[int(number) - 1].strip() == line["source"]
        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        inside = line["inside"].partition(":")[0].removesuffix(".py").replace("/", ".")
        docs = [module.__doc__, importlib.import_module(inside).__doc__ if inside else ""]
        assert line["formula"] in " ".join(map(str, docs)), name
    assert lines["mlm.logits"]["source"].startswith("return self.logits(")
    assert lines["words.clean"]["source"] == "def clean(text: str) -> str:"


def test_the_bundled_models_page_is_small_and_names_no_other_host(bundled_page):
    assert bundled_page.stat().st_size <= 16e6
    page = bundled_page.read_text(encoding="utf-8")
    names = set(re.findall(r"(?:https?:|ftp:|wss?:)?//[\w-]+\.[\w.-]+", page))
    assert names <= {"http://www.w3.org"}  # a name in SVG, not an address
    assert f'content="{builder.POLICY}"' in page
    assert "default-src 'none'" in builder.POLICY
    assert not re.search(r'<(link|script|img|iframe)[^>]*\b(src|href)="(?!data:)', page)


def test_modules_come_after_what_they_import():
    order = modules(PAGE / "main.js")
    assert len(order) == len(set(order))
    assert {*order, *modules(PAGE / "model" / "worker.js")} == {*PAGE.rglob("*.js")}
    for number, module in enumerate(order):
        source = module.read_text(encoding="utf-8")
        for name in re.findall(r'from "(.*?)"', source):
            assert order.index((module.parent / name).resolve()) < number


def test_what_is_imported_is_exported():
    """Joined, all names are seen everywhere; as modules they would not be."""
    imported, exported = set(), set()
    for module in PAGE.rglob("*.js"):
        source = module.read_text(encoding="utf-8")
        for names, path in re.findall(r'^import \{([^}]*)\} from "(.*)";', source, re.MULTILINE):
            file = (module.parent / path).resolve()
            imported |= {(file, name) for name in re.findall(r"\w+", names)}
        pattern = r"^export (?:async )?(?:function|class|const|let) (\w+)"
        exported |= {(module, name) for name in re.findall(pattern, source, re.MULTILINE)}
    assert imported <= exported
    assert all(file.parent != PAGE / "model" for file, _ in exported - imported)


@pytest.mark.parametrize("name", ["main.js", "model/worker.js"])
def test_joined_modules_are_one_script(name):
    script = joined(PAGE / name)
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    assert "</script" not in script
    assert "<!--" not in script
    top = re.findall(r"^(?:async )?(?:function|class|const|let)\*? (\w+)", script, re.MULTILINE)
    assert len(top) > 20
    assert sorted(top) == sorted(set(top))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text):
    page = build(*small(), text=text, text_pair=text, lang="zh")
    plain = build(*small())
    assert page.count("<script") == plain.count("<script")
    assert page.count("<!--") == plain.count("<!--")
    start = json.loads(blocks(page)["bundle"])["start"]
    assert (start["text"], start["textPair"], start["lang"]) == (text, text, "zh")
    page.encode("utf-8")


def test_what_makes_no_page(monkeypatch):
    model, tokenizer = small()
    for match, given in [
        ("lang", {"lang": "fr"}),
        ("text", {"text": 5}),
        ("text", {"text_pair": b"a"}),
    ]:
        with pytest.raises(ValueError, match=match):
            build(model, tokenizer, **given)
    with pytest.raises(ValueError, match="BERT"):
        build(torch.nn.Linear(1, 1), tokenizer)
    with pytest.raises(ValueError, match=r"33 pieces.*31"):
        build(model, BertTokenizer([*tiny.VOCAB, "x", "y"]))
    with torch.no_grad():
        model.bert.pooler.dense.bias[0] = 1e5
    with pytest.raises(ValueError, match="float16"):
        build(model, tokenizer)
    monkeypatch.setattr(builder, "MAX_BYTES", 50_000)
    with pytest.raises(ValueError, match="the page would have 0 MB; a browser takes 0 MB"):
        build(model, tokenizer)


def run(capsys, *arguments):
    status = main(["view", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The addresses that a browser was asked to open, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not addresses.append(address))
    save_bert(*small(), tmp_path / "model")
    return addresses


def test_the_command_writes_and_opens(capsys, asked, tmp_path):
    status, out, err = run(capsys, "abc d", "--pair", "e", "--model", "model", "--lang", "zh")
    assert (status, err) == (0, "")
    size = (tmp_path / "bert.html").stat().st_size / 1e6
    assert out == f"model: model\nwritten: bert.html ({size:.1f} MB)\n"
    assert asked == [(tmp_path / "bert.html").as_uri()]
    start = json.loads(blocks((tmp_path / "bert.html").read_text("utf-8"))["bundle"])["start"]
    assert start == {"text": "abc d", "textPair": "e", "lang": "zh", "model": "model", "note": ""}
    status, _, err = run(capsys, "--model", "model", "--no-open")
    assert status == 2
    assert "--overwrite" in err
    given = ("--text", "a", "--model", "model", "--no-open", "--overwrite")
    assert run(capsys, *given)[0] == 0
    start = json.loads(blocks((tmp_path / "bert.html").read_text("utf-8"))["bundle"])["start"]
    assert (start["text"], start["textPair"], start["lang"]) == ("a", None, "en")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--out", "page.htm"), ".html"),
        (("--out", "nowhere/a.html"), "nowhere"),
        (("--out", "mine.html", "--overwrite"), "minibert did not write it"),
        (("a", "--text", "b"), "once"),
    ],
)
def test_the_command_refuses(arguments, told, capsys, asked, tmp_path):
    (tmp_path / "mine.html").write_text("<!DOCTYPE html>\n<title>mine</title>\n")
    status, out, err = run(capsys, "--model", "model", *arguments)
    assert (status, out) == (2, "")
    assert told in err
    assert asked == []
    assert (tmp_path / "mine.html").read_text().endswith("mine</title>\n")


def test_where_no_browser_is_found(capsys, asked, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    status, out, _ = run(capsys, "--model", "model")
    assert status == 0
    assert "double-click" in out


def test_view_in_a_notebook(asked):
    shown = view("a <b>", model="model", lang="zh")
    page = html.unescape(re.findall('srcdoc="([^"]*)"', shown.data)[0])
    assert page == build(*load_for_page("model"), text="a <b>", lang="zh")


def test_view_without_ipython(asked, monkeypatch):
    def no_ipython(name, *rest):
        if name.startswith("IPython"):
            raise ImportError(name)
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_ipython)
    with pytest.raises(ModuleNotFoundError, match="minibert view"):
        view(model="model")


# In a browser.


@pytest.mark.browser
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_in_the_page(text, browser, tmp_path):
    model, tokenizer = small()
    file = tmp_path / "a b#c%20.html"
    file.write_text(build(model, tokenizer, text=text), encoding="utf-8")
    reference = Reference(model, tokenizer)
    with opened(browser, file) as page:
        dialogs = []
        page.page.on("dialog", lambda dialog: dialogs.append(dialog.dismiss()))
        started = page.page.evaluate("minibert.run(minibert.start.text).then(({ ids }) => ids)")
        assert started == reference.inputs(text)["input_ids"][0].tolist()
        reference.check(page, "a b")
        assert (dialogs, page.requests, page.errors) == ([], [], [])


@pytest.mark.browser
def test_a_model_without_heads_in_the_page(browser, tmp_path):
    (tmp_path / "bert.html").write_text(build(*small(BertModel)), encoding="utf-8")
    with opened(browser, tmp_path / "bert.html") as page:
        run = page.run("a b")
        assert (run.mlm, run.nsp) == (None, None)
        assert list(run.shapes)[-1] == "pooler.activation"
        assert page.page.evaluate("minibert.mlmAt(new Float32Array(28))") is None
        assert page.errors == []


NO_WORKER = {
    "no such class": "delete window.Worker;",
    "it cannot be made": "window.Worker = class { constructor() { throw new Error('no'); } };",
    "it ends at once": """window.Worker = class {
        postMessage() { setTimeout(() => this.onerror?.({}), 0); }
    };""",
}


@pytest.mark.browser
@pytest.mark.parametrize("what", NO_WORKER)
def test_a_browser_that_starts_no_worker(what, browser, bundled_page):
    reference = Reference(*load_for_page(None))
    with opened(browser, bundled_page, before=NO_WORKER[what]) as page:
        for text in ("The cat sat.", "on the mat"):
            reference.check(page, text)
        assert (page.requests, page.errors) == ([], [])


@pytest.mark.browser
def test_it_is_a_worker_that_computes(bundled):
    """The page's own thread is free meanwhile."""
    beats = bundled.page.evaluate(
        """async () => {
            let beats = 0;
            const beat = setInterval(() => { beats += 1; }, 10);
            const { ms } = await minibert.run("a b ".repeat(100));
            clearInterval(beat);
            return beats / (ms / 10);
        }"""
    )
    assert beats > 0.3


@pytest.mark.browser
def test_view_runs_inside_another_page(browser, asked, tmp_path):
    frame = view("abc", model="model").data
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><body>{frame}", encoding="utf-8")
    with opened(browser, tmp_path / "notebook.html", inside=True) as page:
        found = page.page.frames[1].evaluate("minibert.run('abc').then(({ tokens }) => tokens)")
        assert found == ["[CLS]", "a", "##b", "##c", "[SEP]"]
        assert (page.requests, page.errors) == ([], [])
