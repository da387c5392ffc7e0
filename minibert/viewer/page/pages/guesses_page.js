/* Page 5: the two pretraining heads. The MLM head is read at every layer, not only at the last. */

import { stateName } from "../model/model.js";
import {
  button, element, formulaCard, heading, percent, stateLabel, tokenButtons, tokenText, track,
} from "./elements.js";
import { colourOf, css } from "./colours.js";
import { vectorOf } from "./vectors.js";

export function guessesPage(page) {
  const { t, state, set, result } = page;
  if (!result.mlm) return [heading(t("guesses title"), t("no heads"))];
  const at = guessedPosition(state, result);
  return [
    heading(t("guesses title"), t("guesses idea")),
    formulaCard(page, "mlm.logits", "B, S, V", result.intermediates["mlm.logits"]),
    element("p", { class: "hint" }, t("guesses hint")),
    tokenButtons("at", t("token"), result.tokens, at, (i) => set({ at: i })),
    guessTable(page, at),
    result.nsp ? nextSentence(page) : null,
  ];
}

/* The chosen position; if none is chosen, the first [MASK]. */
export function guessedPosition(state, { tokens }) {
  if (state.at >= 0 && state.at < tokens.length) return state.at;
  return Math.max(tokens.indexOf("[MASK]"), 0);
}

/* A column for each state h_0 … h_L: its five likeliest pieces. */
function guessTable({ t, result, runner, config }, at) {
  const states = Array.from({ length: config.num_hidden_layers + 1 }, (_, i) =>
    runner.mlmAt(vectorOf(result.intermediates[stateName(i)], at)));
  const last = states[states.length - 1][0].id;
  const columns = states.map((guesses, i) => element("section", { class: "guesses" },
    element("h2", {}, element("span", { translate: "no" }, stateLabel(i)), " ",
      element("small", {}, i === 0 ? t("embeddings") : t("after layer", { layer: i - 1 }))),
    guessList(guesses, last)));
  return element("div", { class: "guess-columns" }, columns);
}

/* Guesses with their probabilities; the one with the id `marked` is underlined. */
export function guessList(guesses, marked) {
  return element("ol", {}, guesses.map((guess) =>
    guessLine(guess.token, guess.prob, guess.id === marked)));
}

function guessLine(text, prob, isMarked) {
  return element("li", { class: isMarked ? "guess marked" : "guess" },
    tokenText(text, 40), element("span", { class: "number" }, percent(prob)),
    track(prob, css(colourOf("weight", 1)(0.55))));
}

function nextSentence(page) {
  const { t, state, set, result } = page;
  const { isNext, isRandom } = result.nsp;
  return element("section", {}, element("h2", {}, t("nsp title")),
    formulaCard(page, "nsp.logits", "B, 2", result.intermediates["nsp.logits"]),
    state.pair ? element("ol", { class: "nsp" },
      guessLine(t("is next"), isNext, isNext > isRandom),
      guessLine(t("is random"), isRandom, isRandom > isNext))
      : element("p", {}, t("nsp needs pair"), " ",
        button("add-pair", t("add example pair"), null, () => set({ pair: t("example next") }))),
    element("p", { class: "hint" }, t("nsp hint")));
}
