/* One encoder layer and the stack of L layers (编码器), F6 and F7 (minibert/encoder.py).

    a = LayerNorm(x + MultiHead(x))
    layer(x) = LayerNorm(a + FFN(a))

    h_0 = embeddings,  h_i = layer_i(h_{i−1})

where h_i is the embedding of encoder layer i: L+1 states for L layers.

Shapes: x [B, S, D] -> hidden states (L+1) × [B, S, D] */

import { multiHeadAttention } from "./attention.js";
import { feedForward } from "./feed_forward.js";
import { layerNorm } from "./layer_norm.js";
import { add, inPart } from "./named.js";
import { weightsIn } from "./weights.js";

function encoderLayer(x, weights, config, named) {
  const attentionOutput = multiHeadAttention(
    x, weightsIn(weights, "attention"), config, inPart(named, "attention"));
  const attentionResidual = named("attention_residual", add(x, attentionOutput));
  const a = layerNorm(attentionResidual, "attention_layer_norm", weights, config, named);
  const feedForwardOutput = feedForward(
    a, weightsIn(weights, "feed_forward"), inPart(named, "feed_forward"));
  const feedForwardResidual = named("feed_forward_residual", add(a, feedForwardOutput));
  return layerNorm(feedForwardResidual, "feed_forward_layer_norm", weights, config, named);
}

export function encoder(h0, weights, config, named) {
  const hiddenStates = [h0];
  for (let i = 0; i < config.num_hidden_layers; i += 1) {
    const layer = `layers.${i}`;
    const part = [weightsIn(weights, layer), config, inPart(named, layer)];
    hiddenStates.push(encoderLayer(hiddenStates[i], ...part));
  }
  return hiddenStates;
}
