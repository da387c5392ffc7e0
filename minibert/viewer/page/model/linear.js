/* The linear map, F0: what nn.Linear and nn.Embedding do in the textbook.

    linear(x) = x·W + b        y_o = Σ_i x_i · W_i,o + b_o

The file stores W transposed, as PyTorch does: `weight` is [out, in], so that the numbers of one sum
lie side by side.

Shapes: x [..., in], weight [out, in], bias [out] -> [..., out] */

import { tensor } from "./named.js";

export function linear(x, weight, bias) {
  const [outs, ins] = weight.shape;
  const y = tensor([...x.shape.slice(0, -1), outs]);
  const rows = x.data.length / ins;
  let row = 0;
  for (; row + 4 <= rows; row += 4) fourRows(x.data, weight.data, y.data, row, ins, outs);
  for (; row < rows; row += 1) oneRow(x.data, weight.data, y.data, row, ins, outs);
  for (let i = 0; i < y.data.length; i += outs) {
    for (let o = 0; o < outs; o += 1) y.data[i + o] += bias.data[o];
  }
  return y;
}

function oneRow(x, weight, y, row, ins, outs) {
  for (let o = 0; o < outs; o += 1) {
    let sum = 0;
    for (let i = 0; i < ins; i += 1) sum += x[row * ins + i] * weight[o * ins + i];
    y[row * outs + o] = sum;
  }
}

/* The same for four tokens: each weight is read once for all of them, which is twice as fast. */
function fourRows(x, weight, y, row, ins, outs) {
  const [a, b, c, d] = [0, 1, 2, 3].map((k) => x.subarray((row + k) * ins, (row + k + 1) * ins));
  for (let o = 0; o < outs; o += 1) {
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
    for (let i = 0; i < ins; i += 1) {
      const w = weight[o * ins + i];
      sumA += a[i] * w;
      sumB += b[i] * w;
      sumC += c[i] * w;
      sumD += d[i] * w;
    }
    y[row * outs + o] = sumA;
    y[(row + 1) * outs + o] = sumB;
    y[(row + 2) * outs + o] = sumC;
    y[(row + 3) * outs + o] = sumD;
  }
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
