/* The weights under the textbook's names, as they are in the file: float16, all in a row.

    const weights = createWeights(bundle.tensors, bundle.bytes);
    weights("encoder.layers.0.attention.query.weight")   // {shape: [D, D], data: Float32Array}

A float16 is a sign s, an exponent e of 5 bits and a fraction f of 10:

    (−1)^s · 2^(e−15) · (1 + f/1024)        and if e = 0:  (−1)^s · 2^(−14) · f/1024 */

import { tensor } from "./named.js";

/* A tensor becomes float32 when it is asked for first. */
export function createWeights(tensors, bytes) {
  const halves = new Uint16Array(bytes);
  const known = new Map();
  const weights = (name) => {
    if (!known.has(name)) {
      const { shape, start } = tensors[name];
      const numbers = tensor(shape);
      const table = halfTable();
      for (let i = 0; i < numbers.data.length; i += 1) numbers.data[i] = table[halves[start + i]];
      known.set(name, numbers);
    }
    return known.get(name);
  };
  weights.has = (name) => name in tensors;
  return weights;
}

/* The weights inside a part: weightsIn(weights, "attention")("query.bias"). */
export function weightsIn(weights, part) {
  return (name) => weights(`${part}.${name}`);
}

function halfToNumber(half) {
  const sign = half >> 15 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = (half & 1023) / 1024;
  if (exponent === 0) return sign * 2 ** -14 * fraction;
  return sign * 2 ** (exponent - 15) * (1 + fraction);
}

/* All 65,536 float16 numbers, computed once. */
let allHalves = null;
function halfTable() {
  allHalves ||= Float32Array.from({ length: 1 << 16 }, (_, half) => halfToNumber(half));
  return allHalves;
}
