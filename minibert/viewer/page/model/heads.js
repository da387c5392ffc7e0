/* The two pretraining heads: masked language model (MLM) and next sentence (NSP), F13
(minibert/heads.py).

    MLM:  P(token) = softmax(LayerNorm(GELU(h·W + b)) · Eᵀ + c)        E the token embeddings, tied
    NSP:  P(is next, is random) = softmax(pooler · W + b)

Shapes: h [B, S, D] -> mlm.logits [B, S, V];  pooler [B, D] -> nsp.logits [B, 2] */

import { softmax } from "./attention.js";
import { gelu } from "./feed_forward.js";
import { layerNorm } from "./layer_norm.js";
import { linear, linearMap } from "./linear.js";
import { inPart, tensor } from "./named.js";
import { weightsIn } from "./weights.js";

/* For each token a score for each of the V pieces of the vocabulary. */
export function maskedLMHead(hidden, weights, config, named) {
  const own = weightsIn(weights, "mlm");
  const name = inPart(named, "mlm");
  const dense = linearMap(hidden, "dense", own, name);
  const activation = name("activation", tensor(dense.shape, dense.data.map(gelu)));
  const normalised = layerNorm(activation, "layer_norm", own, config, name);
  // BERT's own table, not a copy: that is what "tied" means.
  const tokenEmbeddings = weights("embeddings.token.weight"); // [V, D]
  return name("logits", linear(normalised, tokenEmbeddings, own("bias"))); // [B, S, V]
}

/* Two scores from the pooled [CLS] vector: is next, is random. */
export function nextSentenceHead(pooled, weights, named) {
  return linearMap(pooled, "nsp.logits", weights, named); // [B, 2]
}

/* The k likeliest pieces by the logits of one token: [{id, logit, prob}], the likeliest first. */
export function likeliest(logits, k) {
  const probs = softmax(tensor([logits.length], logits)).data;
  const best = [];
  logits.forEach((logit, id) => {
    if (best.length === k && logit <= logits[best[k - 1]]) return;
    const rank = best.findIndex((other) => logits[other] < logit);
    best.splice(rank < 0 ? best.length : rank, 0, id);
    best.length = Math.min(best.length, k);
  });
  return best.map((id) => ({ id, logit: logits[id], prob: probs[id] }));
}
