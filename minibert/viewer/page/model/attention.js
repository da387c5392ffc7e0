/* Scaled dot-product attention, F1, and multi-head attention (多头注意力), F2
(minibert/attention.py).

    Attention(Q, K, V) = softmax(QKᵀ / √H + mask) · V

    MultiHead(x) = Concat(head_1 … head_N) · W_O + b_O
    head_i = Attention(x·W_Q,i + b_Q,i,  x·W_K,i + b_K,i,  x·W_V,i + b_V,i)

where softmax(s)_j = exp(s_j) / Σ_k exp(s_k) runs over the keys. The mask is 0 at a real key and a
very large negative number at padding. One text has no padding, so here the mask is 0.

Shapes: x [B, S, D] -> [B, S, D]; scores and probs [B, N, S, S] */

import { linearMap } from "./linear.js";
import { tensor } from "./named.js";

export function multiHeadAttention(x, weights, config, named) {
  const heads = config.num_attention_heads;
  const query = splitHeads(linearMap(x, "query", weights, named), heads); // [B, N, S, H]
  const key = splitHeads(linearMap(x, "key", weights, named), heads); // [B, N, S, H]
  const value = splitHeads(linearMap(x, "value", weights, named), heads); // [B, N, S, H]
  const scores = named("scores", attentionScores(query, key)); // [B, N, S, S]
  const maskedScores = named("masked_scores", tensor(scores.shape, scores.data.slice()));
  const probs = named("probs", softmax(maskedScores));
  const context = named("context", weightedValues(probs, value)); // [B, N, S, H]
  const mergedContext = named("merged_context", mergeHeads(context)); // [B, S, D]
  return linearMap(mergedContext, "output", weights, named);
}

/* QKᵀ / √H: how well each query fits each key. */
function attentionScores(query, key) {
  const [batch, heads, length, size] = query.shape;
  const scores = tensor([batch, heads, length, length]);
  const root = Math.sqrt(size);
  for (let n = 0; n < heads; n += 1) {
    for (let q = 0; q < length; q += 1) {
      for (let k = 0; k < length; k += 1) {
        const [i, j] = [(n * length + q) * size, (n * length + k) * size];
        let sum = 0;
        for (let h = 0; h < size; h += 1) sum += query.data[i + h] * key.data[j + h];
        scores.data[(n * length + q) * length + k] = sum / root;
      }
    }
  }
  return scores;
}

/* exp(s_j) / Σ_k exp(s_k) along the last axis: positive weights that sum to 1. */
export function softmax(scores) {
  const size = scores.shape[scores.shape.length - 1];
  const probs = tensor(scores.shape);
  for (let start = 0; start < scores.data.length; start += size) {
    const row = scores.data.subarray(start, start + size);
    // The same number is subtracted from each score: no ratio changes, and exp never overflows.
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    let total = 0;
    for (let i = 0; i < size; i += 1) total += Math.exp(row[i] - largest);
    for (let i = 0; i < size; i += 1) probs.data[start + i] = Math.exp(row[i] - largest) / total;
  }
  return probs;
}

/* probs · V: for each query the values of all keys, each as much as its prob says. */
function weightedValues(probs, value) {
  const [, heads, length, size] = value.shape;
  const context = tensor(value.shape);
  for (let n = 0; n < heads; n += 1) {
    for (let q = 0; q < length; q += 1) {
      const sums = context.data.subarray((n * length + q) * size, (n * length + q + 1) * size);
      for (let k = 0; k < length; k += 1) {
        const prob = probs.data[(n * length + q) * length + k];
        const start = (n * length + k) * size;
        for (let h = 0; h < size; h += 1) sums[h] += prob * value.data[start + h];
      }
    }
  }
  return context;
}

/* [B, S, D] -> [B, N, S, H]: head i is features i·H … (i+1)·H − 1. */
function splitHeads(x, heads) {
  const [, length, hidden] = x.shape;
  const size = hidden / heads;
  const split = tensor([1, heads, length, size]); // [B, N, S, H]
  for (let n = 0; n < heads; n += 1) {
    for (let s = 0; s < length; s += 1) {
      const start = s * hidden + n * size;
      split.data.set(x.data.subarray(start, start + size), (n * length + s) * size);
    }
  }
  return split;
}

/* [B, N, S, H] -> [B, S, D]: each token's heads side by side again. */
function mergeHeads(context) {
  const [, heads, length, size] = context.shape;
  const merged = tensor([1, length, heads * size]); // [B, S, D]
  for (let n = 0; n < heads; n += 1) {
    for (let s = 0; s < length; s += 1) {
      const start = (n * length + s) * size;
      merged.data.set(context.data.subarray(start, start + size), (s * heads + n) * size);
    }
  }
  return merged;
}
