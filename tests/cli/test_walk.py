import os
import re
import subprocess
import sys

import pytest
import torch

from minibert import trace
from minibert.cli import main
from minibert.inspection.explain import width
from weights_loader import load_bert

TEXT = "The cat sat on the mat."


def run(capsys, *arguments):
    """(exit status, standard output, standard error) of `minibert walk` in this process."""
    status = main(["walk", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="module")
def bundled():
    """The bundled model, its output for TEXT, and the trace of that."""
    model, tokenizer = load_bert()
    with trace(model) as t, torch.no_grad():
        output = model(**tokenizer(TEXT))
    return model, output, t


def test_the_whole_walk(capsys, bundled):
    model, output, t = bundled
    status, out, err = run(capsys, TEXT)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"model: {model.account.source}"
    assert (f"note: {model.account.note}" in lines) == bool(model.account.note)
    assert f"text: {TEXT}" in lines
    config = model.config
    sizes = dict(re.findall(r"(\w) (\d+)", next(line for line in lines if line.startswith("siz"))))
    assert sizes["D"] == str(config.hidden_size)
    assert sizes["L"] == str(config.num_hidden_layers)
    assert int(sizes["N"]) * int(sizes["H"]) == config.hidden_size
    shown = [name for name in t if not name.startswith("encoder") or ".layers.0." in name]
    assert [line.split()[0] for line in lines if "  [" in line and ".py:" in line] == shown
    for i, state in enumerate(output.hidden_states[2:], 1):
        row = next(line.split() for line in lines if line.startswith(f"  encoder.layers.{i} "))
        assert float(row[1]) == pytest.approx(state[0, 0, 0].item(), abs=6e-4)


def test_one_step_of_one_head(capsys, bundled):
    model, output, _ = bundled
    layer, head = model.config.num_hidden_layers - 1, model.config.num_attention_heads - 1
    arguments = ("--step", "probs", "--layer", str(layer), "--head", str(head))
    status, out, _ = run(capsys, TEXT, *arguments)
    assert status == 0
    assert re.findall(r"^(\S+)  \[.*\.py:", out, flags=re.MULTILINE) == [
        f"encoder.layers.{layer}.attention.probs"
    ]
    rows = out[out.index(f"  head {head} ") :].splitlines()[1:]
    printed = [[float(number) for number in row.split()[1:]] for row in rows]
    expected = output.attention_probs[layer][0, head]
    assert len(printed) == len(expected)  # each token has its row, and that sums to 1
    for numbers, row in zip(printed, expected.tolist(), strict=True):
        assert numbers == pytest.approx(row[: len(numbers)], abs=6e-4)


def test_one_step_of_every_layer_and_one_layer(capsys, bundled):
    model, _, t = bundled
    names = r"^(\S+)  \[.*\.py:"
    layers = model.config.num_hidden_layers
    out = run(capsys, "The cat.", "--step", "attention.scores")[1]
    expected = [f"encoder.layers.{i}.attention.scores" for i in range(layers)]
    assert re.findall(names, out, flags=re.MULTILINE) == expected
    # A step that was asked for is shown to the last token.
    assert len(re.findall(r"^  \[SEP\] ", out, flags=re.MULTILINE)) == layers
    out = run(capsys, TEXT, "--layer", "1")[1]
    assert re.findall(names, out, flags=re.MULTILINE) == [name for name in t if ".1." in name]


@pytest.mark.parametrize("text", [TEXT, "我们的猫坐在垫子上。 naïve", "cat \x07\u200b" * 60])
@pytest.mark.parametrize("options", [(), ("--step", "scores", "--head", "1"), ("--layer", "1")])
def test_no_line_is_over_100_columns(capsys, text, options):
    status, out, _ = run(capsys, text, *options)
    assert status == 0
    assert max(map(width, out.splitlines())) <= 100
    assert out.isprintable() or set(filter(lambda c: not c.isprintable(), out)) == {"\n"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["", "--step", "probs"], "the text has no tokens"),
        (["\x00 \u200b"], "the text has no tokens"),
        (["cat " * 5000], "positions (max_position_embeddings)"),
        (["a", "--layer", "999"], "layer must be 0 to "),
        (["a", "--head", "999"], "head must be 0 to "),
        (["a", "--head", "0", "--step", "inner"], "feed_forward.inner has no heads"),
        (["a", "--step", "output"], "could be attention.output or feed_forward.output"),
        (["a", "--step", "softmax"], "there is no step 'softmax'; there are embeddings.token, "),
        (["a", "--model", "./nowhere"], "there is no folder './nowhere'"),
        (["a", "--debug"], "--debug needs a --step"),
        (["a", "--debug", "--step", "probs", "--layer", "0"], "--debug needs a terminal"),
    ],
)
def test_errors_are_one_line(capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("minibert walk: ")
    assert message in err
    assert err.count("\n") == 1


def in_a_terminal(keys, *arguments):
    """(exit status, what the terminal shows) of `minibert walk` with these keys typed."""
    pty = pytest.importorskip("pty")
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "minibert", "walk", *arguments]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its)
    os.close(its)
    os.write(ours, keys.encode())
    shown = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            more = b""
        if not more:
            break
        shown += more
    os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_debug_in_a_terminal(bundled):
    _, _, t = bundled
    name = "encoder.layers.1.attention.probs"
    keys = "p 'probs' in locals()\nn\np f'{probs[0, 1, 2, 3]:.4f}'\ns\nq\n"
    arguments = (TEXT, "--layer", "1", "--step", "probs", "--head", "1", "--debug")
    status, shown = in_a_terminal(keys, *arguments)
    assert status == 0
    place = re.search(rf"^{name}  .* minibert/(\S+):(\d+)$", shown, flags=re.MULTILINE)
    walked, stop, computed, asked, *_ = shown.split("(Pdb) ")
    assert walked.splitlines()[-3].startswith("pdb: n runs the line")
    assert f"minibert/{place[1]}({place[2]})forward()" in walked.splitlines()[-2]
    assert walked.splitlines()[-1].startswith("-> probs = self.probs(softmax(")
    assert "False" in stop
    assert "-> context = " in computed
    assert f"{t[name][0, 1, 2, 3]:.4f}" in asked
    assert "Traceback" not in shown


@pytest.mark.slow
def test_debug_wants_one_layer():
    status, shown = in_a_terminal("q\n", TEXT, "--step", "probs", "--debug")
    assert status == 2
    assert "minibert walk: --debug stops in one layer: say which, --layer 0 to" in shown
