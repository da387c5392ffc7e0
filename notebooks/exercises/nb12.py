"""What is right in notebook 12: gradients by hand, computed by autograd."""

import torch

from minibert.attention import attention_scores, make_additive_mask, softmax
from minibert.feed_forward import gelu
from minibert.heads import cross_entropy
from minibert.layer_norm import LayerNorm

from . import compare, exercise


def gradients(function, inputs: list[torch.Tensor], g: torch.Tensor) -> list[torch.Tensor]:
    """Autograd's gradients of Σ g · function(inputs) to each of the inputs."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    return list(torch.autograd.grad((function(*leaves) * g).sum(), leaves))


def random(*sizes: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(12)
    return [torch.randn(*size, generator=generator, dtype=torch.float64) for size in sizes]


@exercise("12.1")
def p_minus_y(answer: list[float]) -> str | None:
    scores = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64).log()
    right = gradients(lambda s: cross_entropy(s, torch.tensor([1])), [scores], torch.ones(()))
    return compare(answer, right[0][0])


@exercise("12.2")
def ten_times(answer: float) -> str | None:
    norm = LayerNorm(6, eps=1e-12).double()
    x, g = random((1, 6), (1, 6))
    once, tenfold = (gradients(norm, [factor * x], g)[0] for factor in (1, 10))
    hint = compare(answer, (tenfold / once).mean())
    return hint and "Look at dx again: x̂ stays as it is; what happens to σ?"


@exercise("12.3")
def tanh_backward(answer) -> str | None:
    x, g = random((4, 3), (4, 3))
    right = gradients(torch.tanh, [x], g)[0]
    return compare(answer(torch.tanh(x).numpy(), g.numpy()), right, tolerance=1e-6)


@exercise("12.4")
def residual_backward(answer) -> str | None:
    x, g = random((4, 3), (4, 3))
    right = gradients(lambda x: x + gelu(x), [x], g)[0]
    return compare(answer(x.numpy(), g.numpy()), right, tolerance=1e-6)


@exercise("12.5")
def masked_attention_backward(answer) -> str | None:
    Q, K, V, g = random((5, 4), (5, 4), (5, 3), (5, 3))
    for padding_mask in (torch.ones(5, dtype=torch.long), torch.tensor([1, 1, 1, 0, 0])):
        additive_mask = make_additive_mask(padding_mask[None], Q.dtype)[0, 0]

        def attention(Q, K, V, additive_mask=additive_mask):
            return softmax(attention_scores(Q, K) + additive_mask) @ V

        given = answer(*(x.numpy() for x in (Q, K, V, padding_mask, g)))
        if given is ... or given is None:
            return "There is no answer yet: nothing came back."
        if len(given) != 3:
            return f"Three gradients are wanted, (dQ, dK, dV), not {len(given)}."
        names = ("dQ", "dK", "dV")
        rights = gradients(attention, [Q, K, V], g)
        for name, one, right in zip(names, given, rights, strict=True):
            hint = compare(one, right, tolerance=1e-6)
            if hint:
                where = "with padding" if (padding_mask == 0).any() else "without any padding"
                return f"{name} on 5 tokens, H = 4, {where}: {hint}"
    return None
