"""The steps, their lines as they run, their formulas computed again in NumPy, and the debugger."""

import ast
import importlib.util
import inspect
import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import minibert.attention
from minibert import BertModel, trace
from minibert.inspection.walk import FORMULAS, Debugger, check_head, debug, select, walk
from minibert.proof.numpy_twin import as_arrays
from tests import tiny
from tests.articles.formulas import gelu, layer_norm, softmax

MODEL = tiny.ours(BertModel)
INPUTS = tiny.tokenizer()("abc ba")
STEPS = walk(MODEL, INPUTS)
STEP = {step.name: step for step in STEPS}


def test_the_steps_are_those_of_the_trace():
    with trace(MODEL) as t, torch.no_grad():
        output = MODEL(**INPUTS)
    assert [step.name for step in STEPS] == list(t)
    assert all(torch.equal(step.value, t[step.name]) for step in STEPS)
    # What the sections' titles say: the last step of a section is a state that the model returns.
    last = {step.section: step.value for step in STEPS}
    assert torch.equal(last.pop("embeddings"), output.hidden_states[0])
    assert torch.equal(last.pop("pooler"), output.pooler_output)
    for i, (section, value) in enumerate(last.items()):
        assert section == f"encoder.layers.{i}"
        assert torch.equal(value, output.hidden_states[i + 1])


def test_each_step_has_one_formula_and_each_formula_a_step():
    assert list(dict.fromkeys(step.short_name for step in STEPS)) == list(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_a_piece_of_the_docstring_of_the_file_that_computes_it(name):
    step = next(step for step in STEPS if step.short_name == name)
    module_file = inspect.getfile(type(MODEL.get_submodule(step.name)))
    files = [step.file] if "/torch/" in module_file else [step.file, module_file]
    docstrings = [ast.get_docstring(ast.parse(Path(file).read_text("utf-8"))) for file in files]
    assert any(step.formula in docstring for docstring in docstrings)


def heads(x):
    """[B, S, D] -> [B, N, S, H]"""
    return np.stack(np.split(x, tiny.CONFIG.num_attention_heads, axis=-1), axis=1)


# The formula as it is shown -> the same in NumPy: w a weight, v the value of another step of the
# layer, x the layer's input, last the step before.
COMPUTED = {
    "token[ids]": lambda s: s.w("token.weight")[INPUTS["input_ids"].numpy()],
    "segment[segment ids]": lambda s: s.w("segment.weight")[INPUTS["token_type_ids"].numpy()],
    "position[0 … S−1]": lambda s: s.w("position.table")[: INPUTS["input_ids"].shape[1]],
    "token[ids] + position[0 … S−1] + segment[segment ids]": lambda s: (
        s.v("token") + s.v("position") + s.v("segment")
    ),
    "(x − μ) / √(σ² + ε)": lambda s: layer_norm(s.last, 1, 0),
    "LayerNorm(x) = γ · (x − μ) / √(σ² + ε) + β": lambda s: layer_norm(
        s.last_but_one, s.w(f"{s.own}.gamma"), s.w(f"{s.own}.beta")
    ),
    "x·W_Q,i + b_Q,i": lambda s: s.linear(s.x, "attention.query"),
    "x·W_K,i + b_K,i": lambda s: s.linear(s.x, "attention.key"),
    "x·W_V,i + b_V,i": lambda s: s.linear(s.x, "attention.value"),
    "QKᵀ / √H": lambda s: (
        heads(s.v("attention.query")) @ heads(s.v("attention.key")).swapaxes(2, 3) / 7**0.5
    ),
    "QKᵀ / √H + mask": lambda s: s.v("attention.scores"),  # a text without padding
    "softmax(QKᵀ / √H + mask)": lambda s: softmax(s.v("attention.scores")),
    "softmax(QKᵀ / √H + mask) · V": lambda s: (
        s.v("attention.probs") @ heads(s.v("attention.value"))
    ),
    "Concat(head_1 … head_N)": lambda s: np.concatenate([*s.v("attention.context")[0]], axis=1),
    "Concat(head_1 … head_N) · W_O + b_O": lambda s: s.linear(
        s.v("attention.merged_context"), "attention.output"
    ),
    "x + MultiHead(x)": lambda s: s.x + s.v("attention.output"),
    "x·W_1 + b_1": lambda s: s.linear(s.v("attention_layer_norm"), "feed_forward.inner"),
    "GELU(x·W_1 + b_1)": lambda s: gelu(s.v("feed_forward.inner")),
    "GELU(x·W_1 + b_1) · W_2 + b_2": lambda s: s.linear(
        s.v("feed_forward.activation"), "feed_forward.output"
    ),
    "a + FFN(a)": lambda s: s.v("attention_layer_norm") + s.v("feed_forward.output"),
    "h_L[0] · W + b": lambda s: s.linear(s.last[:, 0], "dense"),
    "tanh(h_L[0] · W + b)": lambda s: np.tanh(s.v("dense")),
}


class Scope:
    """What a formula may use."""

    weights = as_arrays(MODEL.state_dict())

    def __init__(self, number):
        step = STEPS[number]
        self.prefix = step.section + "."
        self.own = step.name.removeprefix(self.prefix)
        self.last_but_one, self.last = (STEPS[number - i].value.numpy() for i in (2, 1))
        before = [other for other in STEPS[:number] if other.section != step.section]
        self.x = before[-1].value.numpy() if before else None

    def w(self, name):
        return self.weights[self.prefix + name]

    def v(self, name):
        return STEP[self.prefix + name].value.numpy()

    def linear(self, x, name):
        return x @ self.w(f"{name}.weight").T + self.w(f"{name}.bias")


@pytest.mark.parametrize("number", range(len(STEPS)), ids=list(STEP))
def test_the_formula_gives_the_numbers(number):
    step = STEPS[number]
    computed = COMPUTED[step.formula](Scope(number))
    assert np.abs(computed - step.value.numpy()).max() <= 1e-12  # measured: 4e-15


def line_of(file, number):
    return Path(file).read_text("utf-8").splitlines()[number - 1]


def test_the_line_is_the_one_that_calls_the_step():
    for step in STEPS:
        line = line_of(step.file, step.line)
        assert f"self.{step.name.rpartition('.')[2]}(" in line, step.name
        assert step.source == line.strip()
    probs = STEP["encoder.layers.3.attention.probs"]
    assert "softmax(masked_scores)" in probs.source
    assert probs.location == f"minibert/attention.py:{probs.line}"


def test_what_the_textbook_computes_in_another_file_is_named():
    inside = {step.short_name: step.inside.rpartition(":")[0] for step in STEPS if step.inside}
    assert inside == {
        "embeddings.position": "minibert/positional.py",
        "embeddings.layer_norm": "minibert/layer_norm.py",
        "attention_layer_norm": "minibert/layer_norm.py",
        "feed_forward_layer_norm": "minibert/layer_norm.py",
    }
    file, line = STEP["embeddings.position"].inside.split(":")
    assert "def forward(self, length: int)" in line_of(Path(__file__).parents[2] / file, int(line))


def moved_attention(folder):
    """The textbook's attention from another file, seven lines further down, once rewritten."""
    text = Path(minibert.attention.__file__).read_text("utf-8")
    old = "probs = self.probs(softmax(masked_scores))"
    assert old in text
    file = folder / "moved.py"
    new = "exact = masked_scores\n        probs = self.probs(softmax(exact))"
    file.write_text("\n" * 7 + text.replace(old, new), "utf-8")
    spec = importlib.util.spec_from_file_location("moved", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return file, module.MultiHeadAttention(tiny.CONFIG).double()


def test_a_line_that_moved_is_found_where_it_is(tmp_path):
    model = tiny.ours(BertModel)
    file, attention = moved_attention(tmp_path)
    attention.load_state_dict(model.encoder.layers[2].attention.state_dict())
    model.encoder.layers[2].attention = attention
    steps = {step.name: step for step in walk(model, INPUTS)}
    moved = steps["encoder.layers.2.attention.probs"]
    here = STEP["encoder.layers.2.attention.probs"]
    assert torch.equal(moved.value, here.value)
    assert moved.file == str(file)
    assert moved.location == f"{file.as_posix()}:{here.line + 8}"
    assert moved.source == "probs = self.probs(softmax(exact))"
    assert steps["encoder.layers.1.attention.probs"].location == here.location
    out = debugged(model, moved, "")
    assert f"> {file}({moved.line})forward()" in out


def test_nothing_is_left_behind_even_after_an_error():
    hooked = [module for module in MODEL.modules() if module._forward_hooks]
    with pytest.raises(ValueError, match="input_ids holds 31"):
        walk(MODEL, {"input_ids": torch.tensor([[31]])})
    assert hooked == [] == [module for module in MODEL.modules() if module._forward_hooks]


def test_a_model_without_pooler():
    model = tiny.randomise(BertModel(tiny.CONFIG, with_pooler=False).double(), 0)
    assert [step.name for step in walk(model, INPUTS)] == [step.name for step in STEPS[:-2]]


def names(layer=None, name=None):
    return [step.name for step in select(STEPS, tiny.CONFIG, layer, name)]


def test_select():
    assert names() == list(STEP)
    assert names(4) == [name for name in STEP if ".4." in name]
    every_layer = [f"encoder.layers.{i}.attention.probs" for i in range(6)]
    assert names(None, "probs") == names(None, "attention.probs") == every_layer
    assert names(4, "probs") == names(None, every_layer[4]) == [every_layer[4]]
    assert names(None, "layer_norm") == ["embeddings.layer_norm"]  # and none that only ends so
    assert names(0, "activation") == ["encoder.layers.0.feed_forward.activation"]


@pytest.mark.parametrize(
    ("layer", "name", "message"),
    [
        (6, None, "layer must be 0 to 5, as in encoder.layers.5, not 6"),
        (-1, None, "layer must be 0 to 5"),
        (None, "output", "'output' could be attention.output or feed_forward.output"),
        (None, "activation", "could be feed_forward.activation or pooler.activation"),
        (None, "prob", "no step 'prob'; there are embeddings.token, .*, pooler.activation$"),
        (None, "", "no step ''; there are"),
        (2, "sum", r"no step 'sum' in encoder.layers.2; there are attention.query, .*_layer_norm$"),
        (2, "encoder.layers.3.attention.probs", r"in encoder.layers.2; there are attention.query"),
    ],
)
def test_select_says_what_is_allowed(layer, name, message):
    with pytest.raises(ValueError, match=message):
        select(STEPS, tiny.CONFIG, layer, name)


def test_check_head():
    for name in ("query", "merged_context", "scores", "context"):
        check_head(select(STEPS, tiny.CONFIG, 1, name), tiny.CONFIG, 3)
    with pytest.raises(ValueError, match=r"head must be 0 to 3 \(this model has 4\), not 4"):
        check_head(STEPS, tiny.CONFIG, 4)
    with pytest.raises(ValueError, match="not -1"):
        check_head(STEPS, tiny.CONFIG, -1)
    with pytest.raises(ValueError, match=r"feed_forward.inner has no heads; attention.query, key"):
        check_head(select(STEPS, tiny.CONFIG, 1, "inner"), tiny.CONFIG, 0)


def debugged(model, step, commands):
    """What pdb prints for the commands."""
    out = io.StringIO()
    debug(model, INPUTS, step, Debugger(stdin=io.StringIO(commands), stdout=out))
    return out.getvalue()


@pytest.mark.parametrize("step", STEPS, ids=list(STEP))
def test_debug_stops_once_at_the_line_of_the_step_in_its_own_module(step):
    owner = MODEL.get_submodule(step.name.rpartition(".")[0])
    out = debugged(MODEL, step, "p id(self)\nc\n")
    (stop, code, number) = out.removesuffix("(Pdb) ").splitlines()
    assert stop == f"> {step.file}({step.line})forward()"
    assert code == f"-> {step.source}"
    assert number == f"(Pdb) {id(owner)}"


def answers(out):
    """What pdb answered to each command."""
    return [answer.strip() for answer in out.split("(Pdb)")[1:]]


def test_debug_stops_before_the_line_runs_and_steps_over_it():
    step = STEP["encoder.layers.4.attention.probs"]
    asked = "p probs[0, 2, 1].tolist()\n"
    before, _, after, _ = answers(debugged(MODEL, step, f"{asked}n\n{asked}q\n"))
    assert "NameError" in before
    assert ast.literal_eval(after) == step.value[0, 2, 1].tolist()


def test_debug_steps_into_the_formula_and_looks_at_the_caller_without_pytorch():
    step = STEP["encoder.layers.4.feed_forward_layer_norm"]
    call, body, caller, length, _ = answers(debugged(MODEL, step, "s\ns\nu\np x.shape[1]\nq\n"))
    assert "layer_norm.py" in call
    assert "-> def forward(self, x: torch.Tensor)" in call
    assert "-> centred = x - x.mean(dim=-1, keepdim=True)" in body
    assert "encoder.py" in caller
    assert f"-> {step.source}" in caller
    assert length == str(INPUTS["input_ids"].shape[1])


def test_debug_steps_out_into_the_textbook():
    step = STEP["encoder.layers.4.attention.output"]
    end, outside, stack, _ = answers(debugged(MODEL, step, "n\nn\nw\nq\n"))
    assert "--Return--" in end
    assert f"-> {STEP['encoder.layers.4.attention_residual'].source}" in outside
    assert stack.endswith(outside)
    assert "model.py" in stack
    assert "torch/nn" not in stack


def test_debug_ends_where_the_model_ends():
    stops = answers("(Pdb)" + debugged(MODEL, STEPS[-1], "n\n" * 500))
    assert stops[-2].startswith("--Return--")
    assert "-> return BertOutput(" in stops[-2]
    assert stops[-1] == ""


def test_debug_leaves_no_trace_function():
    def traced(*_):
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        for commands in ("q\n", "c\n", "n\n" * 500, ""):
            debugged(MODEL, STEPS[-1], commands)
            assert sys.gettrace() is traced
    finally:
        sys.settrace(before)
