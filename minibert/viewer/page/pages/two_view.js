/* Two sentences side by side: how alike are a word of the one and a word of the other at each
layer, and how alike the sentences, pooled into one vector each? */

import { colourOf, css } from "./colours.js";
import {
  button, choice, element, formulaCard, number, shown, stateLabel, table, tokenButtons, track,
} from "./elements.js";
import { cosine, hiddenStates, pooled, vectorOf } from "./vectors.js";

const SPECIAL = /^\[(CLS|SEP)\]$/;

export function twoView(page, states) {
  const { t, state, set, result } = page;
  const other = page.run(state.other, "", {});
  if (!other) {
    return element("section", {}, otherText(page),
      element("p", { class: "running" }, t("running")));
  }
  const [sharedA, sharedB] = sharedWord(result.tokens, other.tokens);
  const a = state.wordA in result.tokens ? state.wordA : sharedA;
  const b = state.wordB in other.tokens ? state.wordB : sharedB;
  const hows = ["mean", "cls", "max"].map((how) => [how, t(`pool ${how}`)]);
  const words = `cos(${shown(result.tokens[a])}, ${shown(other.tokens[b])})`;
  return element("section", {},
    tokenButtons("wordA", t("sentence a"), result.tokens, a, (i) => set({ wordA: i })),
    otherText(page),
    tokenButtons("wordB", t("sentence b"), other.tokens, b, (i) => set({ wordB: i })),
    formulaCard(page, "", "[L + 1]", null, "cos(a, b) = a · b / (|a| |b|)"),
    choice("how", t("pooling"), hows, state.how, (how) => set({ how })),
    table({ class: "plain cosines" }, [t("state"), words, t("cos of sentences")],
      cosineRows(page, states, other, a, b)),
    element("p", { class: "hint" }, t("two hint")),
    button("bank-example", t("show bank"), null, () => set({
      text: t("example bank"), pair: "", other: t("example lent"), wordA: -1, wordB: -1 })));
}

function otherText({ t, state, type }) {
  const text = element("textarea", {
    id: "other-text", rows: 1, spellcheck: "false", dir: "auto",
    // Not in the middle of a Chinese word that is still being composed.
    oninput: (event) => !event.isComposing && type({ other: event.target.value }),
    oncompositionend: (event) => type({ other: event.target.value }),
  });
  text.value = state.other;
  return element("label", { class: "field" }, element("span", {}, t("sentence b")), text);
}

/* For each state: the cosine of the two words, and of the two sentences. */
function cosineRows({ state, result, config }, states, other, a, b) {
  const others = hiddenStates(config, other);
  const [isSpecial, isOtherSpecial] = [result, other].map(({ tokens }) =>
    tokens.map((token) => SPECIAL.test(token)));
  return states.map((one, i) => {
    const words = cosine(vectorOf(one, a), vectorOf(others[i], b));
    const whole = cosine(
      pooled(one, isSpecial, state.how), pooled(others[i], isOtherSpecial, state.how));
    return [stateLabel(i), meter(words), meter(whole)];
  });
}

function meter(value) {
  const colour = css(colourOf("signed", 1)(value < 0 ? -0.7 : 0.7));
  return element("span", { class: "meter" }, track(Math.abs(value), colour),
    element("span", { class: "number" }, number(value)));
}

/* The longest token that both have, as its two positions; [CLS] if there is none. */
function sharedWord(tokens, others) {
  const shared = tokens.filter((token) => others.includes(token) && !SPECIAL.test(token));
  const longest = shared.sort((one, other) => other.length - one.length)[0];
  return longest === undefined ? [0, 0] : [tokens.indexOf(longest), others.indexOf(longest)];
}
