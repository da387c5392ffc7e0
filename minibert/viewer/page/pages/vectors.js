/* Matrices and vectors out of recorded values, which are {shape, data} with B = 1. */

import { stateName } from "../model/model.js";

/* The hidden states h_0 … h_L of a result. */
export function hiddenStates(config, result) {
  return Array.from({ length: config.num_hidden_layers + 1 }, (_, i) =>
    result.intermediates[stateName(i)]);
}

/* One matrix of a value: {rows, columns, at(i, j)}. `head` picks one of N heads: of [B, N, S, …]
directly, of [B, S, D] the features head·H … (head+1)·H − 1. */
export function matrixOf(value, head = null, heads = 1) {
  const { shape, data } = value;
  const width = shape[shape.length - 1];
  if (shape.length === 4) {
    const [, , rows, columns] = shape;
    return { rows, columns, at: (i, j) => data[(head * rows + i) * columns + j] };
  }
  const rows = data.length / width;
  const columns = head === null ? width : width / heads;
  const first = head === null ? 0 : head * columns;
  return { rows, columns, at: (i, j) => data[i * width + first + j] };
}

/* i, or the nearest number that is there: 0 … size − 1. */
export function within(i, size) {
  return Math.min(Math.max(i, 0), size - 1);
}

export function vectorOf(value, row) {
  const width = value.shape[value.shape.length - 1];
  return value.data.subarray(row * width, (row + 1) * width);
}

function dot(a, b) {
  return a.reduce((sum, number, i) => sum + number * b[i], 0);
}

export function cosine(a, b) {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b) || 1);
}

/* One vector for a sentence: of its tokens without [CLS] and [SEP], or [CLS] alone. */
export function pooled(state, isSpecial, how) {
  if (how === "cls") return vectorOf(state, 0);
  const vectors = isSpecial.flatMap((special, i) => (special ? [] : [vectorOf(state, i)]));
  if (!vectors.length) return vectorOf(state, 0);
  const feature = (j) => vectors.map((vector) => vector[j]);
  const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const largest = (numbers) => Math.max(...numbers);
  const mix = how === "max" ? largest : mean;
  return Float32Array.from(vectors[0], (_, j) => mix(feature(j)));
}
