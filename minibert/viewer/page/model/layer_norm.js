/* Layer normalisation (层归一化), F4 (minibert/layer_norm.py).

    LayerNorm(x) = γ · (x − μ) / √(σ² + ε) + β

    μ = 1/D · Σ x_i        σ² = 1/D · Σ (x_i − μ)²

where x is one token's D features, and γ (scale) and β (shift) are learned.

Shapes: x [..., D], γ [D], β [D] -> [..., D] */

import { tensor } from "./named.js";

export function layerNorm(x, name, weights, config, named) {
  const gamma = weights(`${name}.gamma`).data;
  const beta = weights(`${name}.beta`).data;
  const normalised = named(`${name}.normalised`, normalise(x, config.layer_norm_eps));
  const size = gamma.length;
  const y = normalised.data.map((number, i) => gamma[i % size] * number + beta[i % size]);
  return named(name, tensor(x.shape, y));
}

/* (x − μ) / √(σ² + ε), over the features of one token. */
function normalise(x, eps) {
  const size = x.shape[x.shape.length - 1];
  const y = tensor(x.shape);
  for (let start = 0; start < x.data.length; start += size) {
    const token = x.data.subarray(start, start + size);
    const mean = token.reduce((sum, number) => sum + number, 0) / size;
    // 1/D, not 1/(D−1): the spread of these D numbers, not an estimate from a sample.
    const variance = token.reduce((sum, number) => sum + (number - mean) ** 2, 0) / size;
    const root = Math.sqrt(variance + eps);
    for (let i = 0; i < size; i += 1) y.data[start + i] = (token[i] - mean) / root;
  }
  return y;
}
