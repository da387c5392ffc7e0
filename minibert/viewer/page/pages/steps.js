/* The steps of one encoder layer, in the order of the data: how each is named and computed.

    id        the textbook's name of the value, without the layer
    symbol    what is written on the map of the layer
    letters   its shape
    from      the steps that it reads
    explain   explain(view, step, row, column): where that one number came from
    letter    how the steps after it call it; weight: the matrix that it is multiplied with
    scale     its colours: "signed", or "weight" for 0 to 1 */

import { stateName } from "../model/model.js";
import { geluCurve, normLines, plainSum, softmaxRow, sumOfProducts } from "./terms.js";
import { shortened, shown } from "./elements.js";
import { matrixOf, vectorOf } from "./vectors.js";

export const STEPS = [
  step("layer.input", "x", "B, S, D", [], null, { letter: "x" }),
  step("attention.query", "Q", "B, S, D", ["layer.input"], linearCell,
    { weight: "W_Q", hasHeads: true }),
  step("attention.key", "K", "B, S, D", ["layer.input"], linearCell,
    { weight: "W_K", hasHeads: true }),
  step("attention.value", "V", "B, S, D", ["layer.input"], linearCell,
    { weight: "W_V", hasHeads: true }),
  step("attention.scores", "QKᵀ / √H", "B, N, S, S", ["attention.query", "attention.key"],
    scoreCell, { hasHeads: true }),
  step("attention.masked_scores", "+ mask", "B, N, S, S", ["attention.scores"], maskCell,
    { hasHeads: true }),
  step("attention.probs", "softmax", "B, N, S, S", ["attention.masked_scores"], probCell,
    { hasHeads: true, scale: "weight" }),
  step("attention.context", "· V", "B, N, S, H", ["attention.probs", "attention.value"],
    contextCell, { hasHeads: true }),
  step("attention.merged_context", "Concat", "B, S, D", ["attention.context"], mergedCell,
    { letter: "c" }),
  step("attention.output", "· W_O", "B, S, D", ["attention.merged_context"], linearCell,
    { weight: "W_O" }),
  step("attention_residual", "+ x", "B, S, D", ["attention.output", "layer.input"], residualCell),
  step("attention_layer_norm", "LayerNorm", "B, S, D", ["attention_residual"], normCell,
    { letter: "a" }),
  step("feed_forward.inner", "· W_1", "B, S, I", ["attention_layer_norm"], linearCell,
    { weight: "W_1" }),
  step("feed_forward.activation", "GELU", "B, S, I", ["feed_forward.inner"], geluCell,
    { letter: "g" }),
  step("feed_forward.output", "· W_2", "B, S, D", ["feed_forward.activation"], linearCell,
    { weight: "W_2" }),
  step("feed_forward_residual", "+ a", "B, S, D", ["feed_forward.output", "attention_layer_norm"],
    residualCell),
  step("feed_forward_layer_norm", "LayerNorm", "B, S, D", ["feed_forward_residual"], normCell),
];

function step(id, symbol, letters, from, explain, more = {}) {
  return { id, symbol, letters, from, explain, hasHeads: false, scale: "signed", ...more };
}

/* The step of that name; of none, the attention probs. */
export function stepOf(id) {
  return STEPS.find((one) => one.id === id) || STEPS[6];
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
    value: (id) =>
      result.intermediates[id === "layer.input" ? stateName(layer) : `${prefix}.${id}`],
    weight: (name) => runner.weight(`${prefix}.${name}`),
    matrix: ({ id, hasHeads }) => matrixOf(view.value(id), hasHeads ? head : null, heads),
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
  const value = vectorOf(view.value(step.id), row)[out];
  return sumOfProducts(view.page, { heads, terms, bias, value });
}

/* Σ_h q_h · k_h / √H */
function scoreCell(view, step, row, column) {
  const { t } = view.page;
  const query = view.matrix(stepOf("attention.query"));
  const key = view.matrix(stepOf("attention.key"));
  const terms = Array.from({ length: view.size }, (_, h) =>
    [String(h), query.at(row, h), key.at(column, h)]);
  const value = view.matrix(step).at(row, column);
  const heads = [t("feature"), "q × k"];
  return sumOfProducts(view.page, { heads, terms, divisor: view.size, value });
}

function maskCell(view, step, row, column) {
  const score = view.matrix(stepOf("attention.scores")).at(row, column);
  const masked = view.matrix(step).at(row, column);
  return plainSum([["QKᵀ / √H", score], ["mask", masked - score]], masked);
}

function probCell(view, step, row, column) {
  const scores = view.matrix(stepOf("attention.masked_scores"));
  const numbers = view.tokens.map((_, j) => scores.at(row, j));
  return softmaxRow(view.page, numbers, view.tokens, column);
}

/* Σ_j prob_j · v_j */
function contextCell(view, step, row, column) {
  const probs = view.matrix(stepOf("attention.probs"));
  const values = view.matrix(stepOf("attention.value"));
  const terms = view.tokens.map((token, j) =>
    [shortened(shown(token), 12), probs.at(row, j), values.at(j, column)]);
  const heads = [view.page.t("token"), "prob × v"];
  return sumOfProducts(view.page, { heads, terms, value: view.matrix(step).at(row, column) });
}

function mergedCell(view, step, row, column) {
  const head = Math.floor(column / view.size);
  const name = `${view.page.t("head")} ${head}, ${view.page.t("feature")} ${column % view.size}`;
  const value = view.matrix(step).at(row, column);
  return plainSum([[name, value]], value);
}

function residualCell(view, step, row, column) {
  const { t } = view.page;
  const parts = step.from.map((id) => [t(`${id} title`), view.matrix(stepOf(id)).at(row, column)]);
  return plainSum(parts, view.matrix(step).at(row, column));
}

function normCell(view, step, row, column) {
  const gamma = view.weight(`${step.id}.gamma`).data[column];
  const beta = view.weight(`${step.id}.beta`).data[column];
  const x = vectorOf(view.value(step.from[0]), row);
  const value = view.matrix(step).at(row, column);
  return normLines(x, column, gamma, beta, view.config.layer_norm_eps, value);
}

function geluCell(view, step, row, column) {
  return geluCurve(view.matrix(stepOf("feed_forward.inner")).at(row, column));
}
