from copy import deepcopy

import pytest
import torch
import transformers

from minibert import BertConfig, BertForPreTraining
from minibert.pretraining.settings import Settings
from minibert.training import optimizers as module
from minibert.training.optimizers import MuonFloat32, diagnosis, make_optimizers
from minibert.training.schedule import schedule, set_learning_rate
from tests import tiny


def test_schedule_is_that_of_transformers():
    settings = Settings(steps=50, warmup=0.2)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = transformers.get_linear_schedule_with_warmup(optimizer, 10, 50)
    for step in range(50):
        assert schedule(step, settings) == pytest.approx(theirs.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        theirs.step()
    assert schedule(0, Settings(steps=10, warmup=0.0)) == 1


def test_the_rate_of_a_step_does_not_depend_on_the_one_before():
    settings = Settings(steps=10, learning_rate=0.5)
    optimizers = make_optimizers(BertForPreTraining(tiny.CONFIG), settings)
    for share in (0.25, 0.0, 1.0, 0.5):
        set_learning_rate(optimizers, share)
        assert {group["lr"] for group in optimizers[0].param_groups} == {0.5 * share}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_parameter_is_in_one_group_and_only_matrices_decay(optimizer):
    model = BertForPreTraining(tiny.CONFIG)
    optimizers = make_optimizers(model, Settings(optimizer=optimizer, weight_decay=0.3))
    decay = {}
    for which in optimizers:
        for group in which.param_groups:
            for parameter in group["params"]:
                assert parameter not in decay
                decay[parameter] = group["weight_decay"]
    names = {parameter: name for name, parameter in model.named_parameters()}
    assert set(decay) == set(names)
    for parameter, value in decay.items():
        is_plain = names[parameter].endswith(("bias", "gamma", "beta"))
        assert value == (0.0 if is_plain else 0.3), names[parameter]
    if optimizer == "muon":
        muon = {names[p] for group in optimizers[1].param_groups for p in group["params"]}
        assert len(muon) == 6 * tiny.CONFIG.num_hidden_layers
        assert all(name.startswith("bert.encoder.layers.") for name in muon)


def test_adamw_is_the_formula():
    """Three steps of every parameter by the docstring's formula, in float64."""
    config = BertConfig(**(tiny.SIZES | {"num_hidden_layers": 1}))
    model = tiny.randomise(BertForPreTraining(config).double(), seed=1)
    settings = Settings(learning_rate=0.01, weight_decay=0.1, beta1=0.8, beta2=0.9, epsilon=1e-3)
    (optimizer,) = make_optimizers(model, settings)
    state = {name: [p.detach().clone(), 0.0, 0.0] for name, p in model.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    for t in (1, 2, 3):
        for name, parameter in model.named_parameters():
            g = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.grad = g.clone()
            w, m, v = state[name]
            m = 0.8 * m + 0.2 * g
            v = 0.9 * v + 0.1 * g * g
            decay = 0.1 if parameter.ndim > 1 else 0.0
            step = m / (1 - 0.8**t) / ((v / (1 - 0.9**t)).sqrt() + 1e-3)
            state[name] = [w - 0.01 * decay * w - 0.01 * step, m, v]
        optimizer.step()
        for name, parameter in model.named_parameters():
            assert (parameter - state[name][0]).abs().max() < 1e-13, name


SHAPES = [(48, 96), (96, 48), (64, 64)]


def muon_of(kind: type[torch.optim.Muon], dtype: torch.dtype) -> torch.optim.Muon:
    """An optimizer of three matrices, with the settings of make_optimizers."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in SHAPES]
    return kind(weights, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")


def gradients(muon: torch.optim.Muon, seed: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    weights = muon.param_groups[0]["params"]
    for weight in weights:
        g = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        weight.grad = g.to(weight.dtype)
    return weights


def test_muon_is_the_formula():
    """Three steps in float64; the singular values are turned one by one, by an SVD."""
    muon = muon_of(MuonFloat32, torch.float64)
    averages = [0.0] * len(SHAPES)
    for seed in (1, 2, 3):
        weights = gradients(muon, seed)
        wanted = []
        for number, w in enumerate(weights):
            g = w.grad
            averages[number] = 0.95 * averages[number] + 0.05 * g
            u, s, v = torch.linalg.svd(0.95 * averages[number] + 0.05 * g, full_matrices=False)
            s = s / s.square().sum().sqrt()
            is_small = s < 0.002
            for _ in range(5):
                s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
            assert ((s > 0.68) | is_small).all()
            assert (s < 1.21).all()
            size = 0.01 * 0.2 * max(w.shape) ** 0.5
            wanted.append(w.detach() * (1 - 0.01 * 0.1) - size * (u * s @ v))
        muon.step()
        for number, w in enumerate(weights):
            assert (w - wanted[number]).abs().max() < 1e-11


def test_muon_is_pytorchs_up_to_bfloat16():
    """Also where a run goes on with the state of the other: both have the same."""
    theirs, ours = muon_of(torch.optim.Muon, torch.float32), muon_of(MuonFloat32, torch.float32)
    for seed in (1, 2, 3):
        before = [w.detach().clone() for w in gradients(theirs, seed)]
        gradients(ours, seed)
        theirs.step()
        ours.step()
        for number, start in enumerate(before):
            a, b = (muon.param_groups[0]["params"][number] for muon in (theirs, ours))
            assert (a - b).norm() < 0.03 * (a - start).norm()
            b.data.copy_(a)
        states = [muon.state_dict() for muon in (theirs, ours)]
        assert states[0]["param_groups"] == states[1]["param_groups"]
        for number in range(len(SHAPES)):
            a, b = (state["state"][number] for state in states)
            assert set(a) == set(b) == {"momentum_buffer"}
            assert torch.equal(a["momentum_buffer"], b["momentum_buffer"])
        ours.load_state_dict(deepcopy(states[0]))


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_muon_multiplies_in_bfloat16_only_where_the_hardware_does(monkeypatch, has_bfloat16):
    monkeypatch.setattr(module, "has_bfloat16", lambda device: has_bfloat16)
    model = BertForPreTraining(tiny.CONFIG)
    muon = make_optimizers(model, Settings(optimizer="muon", muon_learning_rate=0.01))[1]
    assert type(muon) is (torch.optim.Muon if has_bfloat16 else MuonFloat32)
    still, moved = muon.param_groups[0]["params"][:2]
    moved.grad = torch.ones_like(moved)
    before = [still.detach().clone(), moved.detach().clone()]
    muon.step()
    assert torch.equal(still, before[0]), "no gradient: it stays"
    # A matrix of ones has one singular value; turned, its entries are 0.68 to 1.21 over the size.
    step = (before[1] * (1 - 0.01 * muon.param_groups[0]["weight_decay"]) - moved).mean()
    assert 0.68 < step * moved.shape[0] / (0.01 * 0.2 * max(moved.shape) ** 0.5) < 1.21


def test_diagnosis_names_what_is_broken_first():
    model = BertForPreTraining(tiny.CONFIG)
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, 0.001 * number)
    model.nsp.logits.weight.grad[0, 0] = torch.nan
    told = diagnosis(model).removeprefix("largest gradients: ").split(", ")
    assert told[0] == "nsp.logits.weight nan"
    assert len(told) == 5
    sizes = [float(one.split()[1]) for one in told[1:]]
    assert sizes == sorted(sizes, reverse=True)
    model.mlm.bias.data[3] = torch.inf
    assert diagnosis(model) == "weights that are not finite: mlm.bias"
