/* BERT: embeddings, then the encoder, then the pooler and the heads (minibert/model.py).

    h_0 = E(ids)        h_1 … h_L = Encoder(h_0)        pooler = tanh(h_L[0] · W + b)

where h_L[0] is the last layer's vector of the first token, [CLS].

    const bert = new Bert(config, weights);
    const { intermediates, mlm, nsp } = bert.forward(ids, segments, { changes });
    intermediates["encoder.layers.3.attention.probs"]    // {shape: [1, N, S, S], data}

The names are those of Python's `trace`, without the `bert.` that a model with heads puts in front:
embeddings.token … embeddings.layer_norm, encoder.layers.0.attention.query …, pooler.dense,
pooler.activation, mlm.dense … mlm.logits, nsp.logits. Layers count from 0 in names.

`changes`, the what-ifs; what is left out is as trained:

    headsOff: [[layer, head], …]    their context is 0
    noPositions: true               the position embeddings are 0
    noSqrt: true                    the scores are QKᵀ, not divided by √H

Each is a patch of one named value, as Python's `patch` makes it. */

import { softmax } from "./attention.js";
import { embeddings } from "./embedding.js";
import { encoder } from "./encoder.js";
import { likeliest, maskedLMHead, nextSentenceHead } from "./heads.js";
import { linearMap } from "./linear.js";
import { createNamed, inPart, tensor } from "./named.js";
import { weightsIn } from "./weights.js";

export class Bert {
  constructor(config, weights) {
    this.config = config;
    this.weights = weights;
  }

  forward(ids, segments, { changes = {} } = {}) {
    const { config, weights } = this;
    const intermediates = {};
    const named = createNamed(intermediates, patchesOf(changes, config));
    const part = (name) => [weightsIn(weights, name), config, inPart(named, name)];
    const h0 = embeddings(ids, segments, ...part("embeddings"));
    const hiddenStates = encoder(h0, ...part("encoder"));
    const last = hiddenStates[config.num_hidden_layers];
    const pooled = weights.has("pooler.dense.weight") ? pooler(last, weights, named) : null;
    const mlm = weights.has("mlm.bias") ? maskedLMHead(last, weights, config, named) : null;
    const nsp = pooled && weights.has("nsp.logits.bias")
      ? nextSentenceHead(pooled, weights, named) : null;
    return {
      intermediates,
      mlm: mlm && ids.map((_, position) => likeliest(rowOf(mlm, position), 5)),
      nsp: nsp && softmax(nsp).data, // [P(is next), P(is random)]
    };
  }

  /* The MLM head read early: the k likeliest pieces by the vector of one token, of any layer. */
  mlmAt(hidden, k) {
    const row = tensor([1, 1, hidden.length], hidden); // [B, S, D]
    return likeliest(maskedLMHead(row, this.weights, this.config, createNamed({})).data, k);
  }
}

/* tanh(first token · W + b). */
function pooler(last, weights, named) {
  const first = tensor([1, last.shape[2]], rowOf(last, 0)); // [B, D]
  const dense = linearMap(first, "pooler.dense", weights, named);
  return named("pooler.activation", tensor(dense.shape, dense.data.map(Math.tanh)));
}

/* Name of a value -> what the changes make of it. */
function patchesOf(changes, config) {
  const patches = {};
  const scaled = (factor) => (value) =>
    tensor(value.shape, value.data.map((number) => number * factor));
  if (changes.noPositions) patches["embeddings.position"] = scaled(0);
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    const attention = `encoder.layers.${layer}.attention`;
    const heads = (changes.headsOff || []).filter((pair) => pair[0] === layer);
    if (heads.length) {
      patches[`${attention}.context`] = (context) => withoutHeads(context, heads);
    }
    if (changes.noSqrt) {
      const root = Math.sqrt(config.hidden_size / config.num_attention_heads);
      patches[`${attention}.scores`] = scaled(root);
    }
  }
  return patches;
}

function withoutHeads(context, heads) {
  const [, , length, size] = context.shape;
  const all = length * size; // numbers of one head
  const changed = tensor(context.shape, context.data.slice());
  heads.forEach(([, head]) => changed.data.fill(0, head * all, (head + 1) * all));
  return changed;
}

/* Where h_layer is: 0 the embeddings, i the output of encoder layer i. */
export function stateName(layer) {
  return layer ? `encoder.layers.${layer - 1}.feed_forward_layer_norm` : "embeddings.layer_norm";
}

/* The vector of one token in [B, S, …]. */
function rowOf(value, position) {
  const size = value.shape[value.shape.length - 1];
  return value.data.subarray(position * size, (position + 1) * size);
}
