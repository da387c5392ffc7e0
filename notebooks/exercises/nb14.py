"""What is right in notebook 14: small and fast."""

import torch

from minibert.compression.quantization import quantize

from . import compare, exercise


@exercise("14.1")
def by_hand(answer: list[int]) -> str | None:
    q, scale = quantize(torch.tensor([[1.5, -6.35, 0.62, -0.02]]))
    hint = compare(answer, q[0], tolerance=0)
    if hint and not compare(answer, q[0] * scale[0]):
        return "These are the restored numbers. The bytes are wanted."
    return hint


@exercise("14.2")
def bytes_of_a_layer(answer: int) -> str | None:
    maps = [(768, 768)] * 4 + [(3072, 768), (768, 3072)]
    weights, rows = sum(out * into for out, into in maps), sum(out for out, _ in maps)
    hint = compare(answer, weights + 4 * rows, tolerance=0)
    if hint and not compare(answer, weights, tolerance=0):
        return "These are the weights. Each row has a scale, too."
    if hint and not compare(answer, 4 * weights, tolerance=0):
        return "These are the weights in float32."
    return hint


@exercise("14.3")
def in_groups(answer) -> str | None:
    generator = torch.Generator().manual_seed(143)
    for rows, features, size in ((1, 4, 4), (1, 8, 4), (3, 15, 5)):
        x = torch.randn(rows, features, generator=generator)
        x[0, 1] = 20.0
        q, scale = quantize(x.view(rows, -1, size))
        given = answer(x.clone(), size)
        hint = compare(given, (q * scale).view(rows, features), tolerance=1e-5)
        whole, scale = quantize(x)
        if hint and not compare(given, whole * scale, tolerance=1e-5):
            return "Each row has one scale here. Each group of a row should have its own."
        if hint:
            return f"{rows} rows, {features} features in groups of {size}: {hint}"
    return None


@exercise("14.4")
def importance_of_heads(answer) -> str | None:
    gradients = torch.randn(6, 5, generator=torch.Generator().manual_seed(144))
    gradients[:, 2] *= 4
    right = gradients.abs().mean(dim=0)
    signed = gradients.mean(dim=0).abs()
    given = answer(gradients.clone())
    hint = compare(given, right / right.norm())
    if hint and not compare(given, signed / signed.norm()):
        return "A head that helps one text and harms another is not unimportant: |…| comes first."
    if hint and not compare(given, right):
        return "Now divide, so that the squares of the layer's numbers sum to 1."
    return hint


@exercise("14.5")
def smoothed(answer) -> str | None:
    generator = torch.Generator().manual_seed(145)
    x, weight = (torch.randn(n, 6, generator=generator) for n in (9, 4))
    x[:, 3] *= 50
    given = answer(x.clone(), weight.clone())
    if given is ... or given is None:
        return "There is no answer yet: nothing came back."
    if len(given) != 2:
        return f"Two matrices are wanted, (x, weight), not {len(given)}."
    new_x, new_weight = (torch.as_tensor(each) for each in given)
    if new_x.shape != x.shape or new_weight.shape != weight.shape:
        return "The two matrices should keep their shapes."
    if compare(new_x @ new_weight.T, x @ weight.T):
        return "The product x · Wᵀ is not what it was."
    hint = compare(new_x.abs().amax(dim=0), new_weight.abs().amax(dim=0))
    return hint and "The product is right. The largest |x| and |W| of a feature are not yet equal."
