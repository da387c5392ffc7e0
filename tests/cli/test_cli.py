import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import minibert.feed_forward
from minibert.cli import main
from minibert.inspection.trace import trace
from minibert.proof.verify import BOUNDS, TEXTS
from tests import tiny
from tests.parity.helpers import save_theirs
from weights_loader import load_bert


def run(capsys, *arguments):
    """(exit status, standard output, standard error) of one command in this process."""
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def failing(capsys, *arguments):
    """The one line of an error; nothing else may be printed and no traceback."""
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert "Traceback" not in err
    return err


def test_embed_prints_every_layer_and_says_that_the_weights_are_random(capsys):
    status, out, err = run(capsys, "embed", "The cat sat on the mat.")
    assert (status, err) == (0, "")
    model, tokenizer = load_bert()
    names = ["embeddings"] + [f"layer{i + 1}" for i in range(model.config.num_hidden_layers)]
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines[-len(names) :]] == names
    assert (model.account.note in out) or not model.account.note
    with torch.no_grad():
        states = model(**tokenizer("The cat sat on the mat.")).hidden_states
    for line, state in zip(lines[-len(names) :], states, strict=True):
        assert float(line[3]) == pytest.approx(state[0, 0, 0].item(), abs=6e-4)


def test_embed_prints_the_layers_that_are_asked_for(capsys):
    def printed(*options):
        _, out, _ = run(capsys, "embed", "A cat.", *options)
        return [line.split()[0] for line in out.split("tokens:")[1].splitlines()[3:]]

    assert printed("--layers", "layer2,embeddings") == ["layer2", "embeddings"]
    assert printed("--layers=0") == ["embeddings"]
    assert printed("--layers=0", "--convention", "google") == ["layer1"]


def test_verify_passes_and_fails(capsys, tmp_path, monkeypatch):
    save_theirs(tiny.theirs("BertForPreTraining"), tmp_path)
    arguments = ("verify", tmp_path, "--dtype", "float64", "--text", "abc", "--text", "a b")
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert out.splitlines()[-1] == "36 of 36 operations agree"
    tanh_form = torch.nn.GELU(approximate="tanh")
    monkeypatch.setattr(minibert.feed_forward, "gelu", tanh_form)
    status, out, _ = run(capsys, *arguments)
    assert status == 1
    failed = [line.split()[0] for line in out.splitlines() if line.endswith("FAIL")]
    assert failed[0] == "bert.encoder.layers.*.attention.query"  # of the second layer on
    assert "bert.encoder.layers.*.feed_forward.activation" in failed
    assert "bert.embeddings.layer_norm" not in failed
    assert "only rounding" not in out
    status, out, _ = run(capsys, "verify", tmp_path, "--text", "abc")
    assert status == 1
    assert out.endswith("If --dtype float64 passes, it is only rounding.\n")


def test_verify_a_broken_file(capsys, tmp_path):
    save_theirs(tiny.theirs("BertModel"), tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "is broken or cut short" in failing(capsys, "verify", tmp_path)


def test_verify_the_bundled_model(capsys):
    """In float64. In float32 transformers can be 8.7e-6 off by itself (MKL on AVX2, one thread)."""
    status, out, _ = run(capsys, "verify", "--dtype", "float64")
    assert status == 0
    assert out.endswith("36 of 36 operations agree\n")


@pytest.mark.parametrize("text", TEXTS)
def test_the_bundled_model_in_float32_is_near_to_float64(text):
    """So what verify finds in float32 is no fault of ours."""
    found = []
    for dtype in (torch.float32, torch.float64):
        model, tokenizer = load_bert(dtype=dtype)
        with torch.no_grad(), trace(model) as traced:
            model(**tokenizer(text))
        found.append(traced)
    assert found[0].keys() == found[1].keys()
    for name, exact in found[1].items():
        error = (found[0][name] - exact).abs().amax(dim=-1) / exact.abs().amax(dim=-1)
        assert error.max() <= BOUNDS[torch.float32], name  # measured: 4.5e-6


def test_verify_prints_the_account_or_all_problems(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)  # it is not needed for that
    save_theirs(tiny.theirs("BertForPreTraining"), tmp_path)
    model, _ = load_bert(tmp_path, head="pretraining")
    assert run(capsys, "verify", tmp_path, "--account") == (0, f"{model.account}\n", "")

    state = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if "layer.2.attention" not in name}
    save_file({**kept, "\x1b[31m\n": torch.zeros(1)}, tmp_path / "model.safetensors")
    status, out, err = run(capsys, "verify", tmp_path, "--account")
    missing = [name.removeprefix("bert.") for name in state.keys() - kept.keys()]
    wanted = [r"'\x1b[31m\n': unknown", *(f"'{name}': missing" for name in missing)]
    assert (status, sorted(out.splitlines())) == (2, sorted(wanted))
    assert f"{len(wanted)} tensors do not fit" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "head"),
    [(["fill-mask", "a [MASK]"], "mlm"), (["next-sentence", "a", "b"], "nsp")],
)
def test_a_head_that_nobody_trained_is_not_asked(capsys, tmp_path, command, head):
    save_theirs(tiny.theirs("BertModel"), tmp_path)
    error = failing(capsys, *command, "--model", tmp_path)
    assert f"has no trained {head} head, so every answer would be random" in error
    assert error.count("\n") == 1
    save_theirs(tiny.theirs("BertForPreTraining"), tmp_path)
    assert run(capsys, *command, "--model", tmp_path)[0] == 0


def test_verify_without_transformers(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "pip install transformers" in failing(capsys, "verify")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "a", "--model", "./nowhere"], "minibert embed: there is no folder './nowhere'"),
        (["embed"], "give texts, or a file with --input"),
        (["embed", "a", "--pool", "cls"], "--pool needs --out; printed are whole layers"),
        (["embed", "a", "--on-error", "skip"], "--on-error needs --out"),
        (["embed", "a", "--layers", "layer99"], "there is no layer 'layer99'"),
        (["embed", "cat " * 600], "positions (max_position_embeddings)"),
        (["verify", "./nowhere"], "minibert verify: there is no folder './nowhere'"),
        (["verify", "--text", "cat " * 600], "positions (max_position_embeddings)"),
    ],
)
def test_errors_are_one_line(capsys, arguments, message):
    error = failing(capsys, *arguments)
    assert message in error
    assert error.count("\n") == 1


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "minibert", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
def test_python_m_minibert_and_a_reader_that_goes_away():
    process = command("embed", *["a cat sat on a mat"] * 500)
    assert process.stdout.readline().startswith("model: minibert-tiny")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_help_does_not_load_torch():
    code = "import sys; from minibert.cli import main\ntry: main(['--help'])\nexcept SystemExit: "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_no_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: minibert" in capsys.readouterr().err


def test_texts_may_come_after_an_option(capsys):
    assert main(["tokenize", "--explain", "hello"]) == 0
    assert main(["embed", "a", "--layers", "last", "b"]) == 0
    said = capsys.readouterr().out
    assert "text: a\n" in said
    assert "text: b\n" in said
    with pytest.raises(SystemExit):
        main(["embed", "a", "--nonsense", "b"])
    assert "unrecognized arguments: --nonsense b" in capsys.readouterr().err
