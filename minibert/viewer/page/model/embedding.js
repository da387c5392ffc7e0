/* Ids to vectors: token + position + segment, then LayerNorm, F12 (minibert/embedding.py).

    E(ids) = LayerNorm(token[ids] + position[0 … S−1] + segment[segment ids])

where the input row is [CLS] A [SEP] or [CLS] A [SEP] B [SEP], and the segment is 0 from [CLS] to
the first [SEP], 1 after it.

Shapes: ids [S], segments [S] -> [B, S, D] */

import { layerNorm } from "./layer_norm.js";
import { rowsOf } from "./linear.js";
import { add, tensor } from "./named.js";

export function embeddings(ids, segments, weights, config, named) {
  const token = named("token", rowsOf(weights("token.weight"), ids)); // [B, S, D]
  const segment = named("segment", rowsOf(weights("segment.weight"), segments)); // [B, S, D]
  const position = named("position", firstRows(weights("position.table"), ids.length)); // [S, D]
  const sum = named("sum", add(add(token, segment), position)); // [B, S, D]
  return layerNorm(sum, "layer_norm", weights, config, named);
}

function firstRows(table, length) {
  const size = table.shape[1];
  return tensor([length, size], table.data.slice(0, length * size)); // [S, D]
}
