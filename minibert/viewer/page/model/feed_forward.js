/* The feed-forward network (前馈神经网络), F3, and GELU (minibert/feed_forward.py).

    FFN(x) = GELU(x·W_1 + b_1) · W_2 + b_2

    GELU(x) = x · Φ(x) = x/2 · (1 + erf(x / √2))

where Φ is the normal distribution's cumulative function. Each token is transformed by itself, with
the same weights.

Shapes: x [B, S, D] -> inner [B, S, I] -> [B, S, D] */

import { linearMap } from "./linear.js";
import { tensor } from "./named.js";

export function feedForward(x, weights, named) {
  const inner = linearMap(x, "inner", weights, named); // [B, S, I]
  const activation = named("activation", tensor(inner.shape, inner.data.map(gelu)));
  return linearMap(activation, "output", weights, named); // [B, S, D]
}

/* x/2 · (1 + erf(x/√2)): a smooth ReLU that lets small negative numbers through. */
export function gelu(x) {
  const phi = 0.5 * (1 + erf(x / Math.SQRT2)); // Φ(x)
  return x * phi;
}

/* erf(x) = 2/√π · exp(−x²) · (x + 2x³/3 + 4x⁵/15 + 8x⁷/105 + …), which JavaScript lacks.

Each term is the one before, times 2x² / (2n+1). All have the sign of x, so nothing cancels. */
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x); // closer to ±1 than any number beside it
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
