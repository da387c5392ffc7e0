/* The linear map: what nn.Linear and nn.Embedding do in the textbook.

    linear(x) = x·W + b        y_o = Σ_i x_i · W_i,o + b_o

The file stores W transposed, as PyTorch does: `weight` is [out, in], so that the numbers of one sum
lie side by side.

Shapes: x [..., in], weight [out, in], bias [out] -> [..., out] */

import { tensor } from "./named.js";

/* The linear map of this name, with its own weight and bias. */
export function linearMap(x, name, weights, named) {
  return named(name, linear(x, weights(`${name}.weight`), weights(`${name}.bias`)));
}

export function linear(x, weight, bias) {
  const [outs, ins] = weight.shape;
  const y = tensor([...x.shape.slice(0, -1), outs]);
  const [tokens, features] = [rows(x.data, ins), rows(weight.data, ins)];
  for (let o = 0; o < outs; o += 4) {
    for (let s = 0; s < tokens.length; s += 2) eightSums(tokens, features, bias.data, s, o, y.data);
  }
  return y;
}

/* Tokens s and s+1 times features o to o+3: each number that is read serves several sums, which is
three times as fast as one by one. Behind the end, the last token or feature is done again. */
function eightSums(tokens, features, bias, s, o, y) {
  const outs = features.length;
  const t = Math.min(s + 1, tokens.length - 1);
  const p = Math.min(o + 1, outs - 1);
  const q = Math.min(o + 2, outs - 1);
  const r = Math.min(o + 3, outs - 1);
  const a = tokens[s];
  const b = tokens[t];
  const [u, v, w, z] = [features[o], features[p], features[q], features[r]];
  let au = 0, av = 0, aw = 0, az = 0, bu = 0, bv = 0, bw = 0, bz = 0;
  for (let i = 0; i < a.length; i += 1) {
    const ai = a[i];
    const bi = b[i];
    au += ai * u[i];
    av += ai * v[i];
    aw += ai * w[i];
    az += ai * z[i];
    bu += bi * u[i];
    bv += bi * v[i];
    bw += bi * w[i];
    bz += bi * z[i];
  }
  y[s * outs + o] = au + bias[o];
  y[s * outs + p] = av + bias[p];
  y[s * outs + q] = aw + bias[q];
  y[s * outs + r] = az + bias[r];
  y[t * outs + o] = bu + bias[o];
  y[t * outs + p] = bv + bias[p];
  y[t * outs + q] = bw + bias[q];
  y[t * outs + r] = bz + bias[r];
}

function rows(numbers, size) {
  return Array.from({ length: numbers.length / size }, (_, i) =>
    numbers.subarray(i * size, (i + 1) * size));
}

/* Row number ids[s] of a table, for each s. */
export function rowsOf(table, ids) {
  const size = table.shape[1];
  const found = tensor([1, ids.length, size]); // [B, S, D]
  ids.forEach((id, s) => {
    found.data.set(table.data.subarray(id * size, (id + 1) * size), s * size);
  });
  return found;
}
