/* The steps of one encoder layer, in the order of the data: how each is named, drawn and computed.

`from`: the steps that it reads. `letters`: its shape. `show`: where its matrix has one row for each
token and what its columns are. `explain(view, row, column)`: where that one number came from. */

import { stateName } from "../model/model.js";
import { geluCurve, normLines, plainSum, softmaxRow, sumOfProducts } from "./terms.js";
import { shortened, shown } from "./elements.js";
import { matrixOf, vectorOf } from "./vectors.js";

export const STEPS = [
  { id: "layer.input", letter: "x", symbol: "x", letters: "B, S, D", from: [], explain: null },
  { id: "attention.query", weight: "W_Q", symbol: "Q", letters: "B, S, D", hasHeads: true, from: ["layer.input"], explain: linearCell },
  { id: "attention.key", weight: "W_K", symbol: "K", letters: "B, S, D", hasHeads: true, from: ["layer.input"], explain: linearCell },
  { id: "attention.value", weight: "W_V", symbol: "V", letters: "B, S, D", hasHeads: true, from: ["layer.input"], explain: linearCell },
  { id: "attention.scores", symbol: "QKᵀ / √H", letters: "B, N, S, S", hasHeads: true, from: ["attention.query", "attention.key"], explain: scoreCell },
  { id: "attention.masked_scores", symbol: "+ mask", letters: "B, N, S, S", hasHeads: true, from: ["attention.scores"], explain: maskCell },
  { id: "attention.probs", symbol: "softmax", letters: "B, N, S, S", hasHeads: true, from: ["attention.masked_scores"], explain: probCell },
  { id: "attention.context", symbol: "· V", letters: "B, N, S, H", hasHeads: true, from: ["attention.probs", "attention.value"], explain: contextCell },
  { id: "attention.merged_context", letter: "c", symbol: "Concat", letters: "B, S, D", from: ["attention.context"], explain: mergedCell },
  { id: "attention.output", weight: "W_O", symbol: "· W_O", letters: "B, S, D", from: ["attention.merged_context"], explain: linearCell },
  { id: "attention_residual", symbol: "+ x", letters: "B, S, D", from: ["attention.output", "layer.input"], explain: residualCell },
  { id: "attention_layer_norm", letter: "a", symbol: "LayerNorm", letters: "B, S, D", from: ["attention_residual"], explain: normCell },
  { id: "feed_forward.inner", weight: "W_1", symbol: "· W_1", letters: "B, S, I", from: ["attention_layer_norm"], explain: linearCell },
  { id: "feed_forward.activation", letter: "g", symbol: "GELU", letters: "B, S, I", from: ["feed_forward.inner"], explain: geluCell },
  { id: "feed_forward.output", weight: "W_2", symbol: "· W_2", letters: "B, S, D", from: ["feed_forward.activation"], explain: linearCell },
  { id: "feed_forward_residual", symbol: "+ a", letters: "B, S, D", from: ["feed_forward.output", "attention_layer_norm"], explain: residualCell },
  { id: "feed_forward_layer_norm", symbol: "LayerNorm", letters: "B, S, D", from: ["feed_forward_residual"], explain: normCell },
];

export function stepOf(id) {
  return STEPS.find((step) => step.id === id) || STEPS[6];
}

/* Between tokens: the columns are keys, not features. */
export function isBetweenTokens(step) {
  return step.letters === "B, N, S, S";
}

/* One layer of a result, with one of its heads: what the steps read. */
export function layerView(page, layer, head) {
  const { config, result, runner } = page;
  const prefix = `encoder.layers.${layer}`;
  const heads = config.num_attention_heads;
  const view = {
    page, layer, head, config, tokens: result.tokens, size: config.hidden_size / heads,
    value: (id) => result.intermediates[id === "layer.input" ? stateName(layer) : `${prefix}.${id}`],
    weight: (name) => runner.weight(`${prefix}.${name}`),
    matrix: (step) => matrixOf(view.value(step.id), step.hasHeads ? head : null, heads),
  };
  return view;
}

/* y_o = Σ_i x_i · W_i,o + b_o */
function linearCell(view, step, row, column) {
  const { t } = view.page;
  const weight = view.weight(`${step.id}.weight`); // [out, in]
  const out = column + (step.hasHeads ? view.head * view.size : 0);
  const weights = vectorOf(weight, out);
  const x = vectorOf(view.value(step.from[0]), row);
  const terms = Array.from(x, (number, i) => [String(i), number, weights[i]]);
  const bias = view.weight(`${step.id}.bias`).data[out];
  const heads = [t("feature"), `${stepOf(step.from[0]).letter} × ${step.weight}`];
  return sumOfProducts(view.page, { heads, terms, bias, value: vectorOf(view.value(step.id), row)[out] });
}

/* Σ_h q_h · k_h / √H */
function scoreCell(view, step, row, column) {
  const { t } = view.page;
  const [query, key] = ["query", "key"].map((name) => view.matrix(stepOf(`attention.${name}`)));
  const terms = Array.from({ length: view.size }, (_, h) =>
    [String(h), query.at(row, h), key.at(column, h)]);
  const value = view.matrix(step).at(row, column);
  return sumOfProducts(view.page, { heads: [t("feature"), "q × k"], terms, divisor: view.size, value });
}

function maskCell(view, step, row, column) {
  const score = view.matrix(stepOf("attention.scores")).at(row, column);
  const masked = view.matrix(step).at(row, column);
  return plainSum(view.page, [["QKᵀ / √H", score], ["mask", masked - score]], masked);
}

function probCell(view, step, row, column) {
  const scores = view.matrix(stepOf("attention.masked_scores"));
  const numbers = view.tokens.map((_, j) => scores.at(row, j));
  return softmaxRow(view.page, numbers, view.tokens, column);
}

/* Σ_j prob_j · v_j */
function contextCell(view, step, row, column) {
  const [probs, values] = ["probs", "value"].map((name) => view.matrix(stepOf(`attention.${name}`)));
  const terms = view.tokens.map((token, j) =>
    [shortened(shown(token), 12), probs.at(row, j), values.at(j, column)]);
  const heads = [view.page.t("token"), "prob × v"];
  return sumOfProducts(view.page, { heads, terms, value: view.matrix(step).at(row, column) });
}

function mergedCell(view, step, row, column) {
  const head = Math.floor(column / view.size);
  const name = `${view.page.t("head")} ${head}, ${view.page.t("feature")} ${column % view.size}`;
  const value = view.matrix(step).at(row, column);
  return plainSum(view.page, [[name, value]], value);
}

function residualCell(view, step, row, column) {
  const { t } = view.page;
  const parts = step.from.map((id) => [t(`${id} title`), view.matrix(stepOf(id)).at(row, column)]);
  return plainSum(view.page, parts, view.matrix(step).at(row, column));
}

function normCell(view, step, row, column) {
  const [gamma, beta] = ["gamma", "beta"].map((name) => view.weight(`${step.id}.${name}`).data[column]);
  const x = vectorOf(view.value(step.from[0]), row);
  const value = view.matrix(step).at(row, column);
  return normLines(x, column, gamma, beta, view.config.layer_norm_eps, value);
}

function geluCell(view, step, row, column) {
  return geluCurve(view.page, view.matrix(stepOf("feed_forward.inner")).at(row, column));
}
