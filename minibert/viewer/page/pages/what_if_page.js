/* Page 6: what if? A change on the left, what it changes downstream on the right, in colour. */

import {
  button, element, formulaCard, heading, percent, scroller, stateLabel, table, tokenText,
} from "./elements.js";
import { guessedPosition, guessList } from "./guesses_page.js";
import { heatMap } from "./heat_map.js";
import { hiddenStates, vectorOf, within } from "./vectors.js";

const AS_TRAINED = {
  off: "", masked: "", swap: "", noPositions: false, noSqrt: false, flip: false,
};

export function whatIfPage(page) {
  const { t, state, set } = page;
  return [
    heading(t("what if title"), t("what if idea")),
    element("div", { class: "columns narrow-left" },
      element("section", { class: "switches" },
        element("h2", {}, t("change")), tokenRow(page), switches(page), headSwitches(page),
        button("all-as-trained", t("as trained"), null, () => set(AS_TRAINED))),
      element("section", {}, element("h2", {}, t("effect")), effects(page, state))),
  ];
}

function effects(page, state) {
  const { t, result } = page;
  const isChanged = state.off || state.masked || state.swap.includes("-") || state.noPositions
    || state.noSqrt || state.flip;
  if (!isChanged) return element("p", { class: "verdict" }, t("change something"));
  const running = element("p", { class: "running" }, t("running"));
  if (page.isRunning) return running; // the text has changed; `result` is still the old one's
  const { base, changed, order } = bothRuns(page);
  const compared = swapOf(state, result) ? "compared unswapped" : "compared as trained";
  return [
    element("p", { class: "hint" }, t(compared)),
    base && changed ? effectsShown(page, base, changed, order) : running,
  ];
}

/* How much each token changes at each state; and the guesses before and after. */
function effectsShown(page, base, changed, order) {
  const { t, state, set, config } = page;
  const states = [hiddenStates(config, base), hiddenStates(config, changed)];
  const change = (i, j) => {
    const before = vectorOf(states[0][j], i);
    const after = vectorOf(states[1][j], order[i]);
    return distance(before, after) / Math.sqrt(before.reduce((sum, one) => sum + one * one, 0));
  };
  const matrix = { rows: base.tokens.length, columns: states[0].length, at: change };
  const largest = Math.max(...base.tokens.flatMap((_, i) => states[0].map((_, j) => change(i, j))));
  return [
    formulaCard(page, "", "[S, L + 1]", null, "|h′ − h| / |h|"),
    element("p", { class: "verdict", role: "status" },
      largest < 1e-4 ? t("no change") : t("largest change", { share: percent(largest) })),
    heatMap(page, {
      id: "effect-map", label: t("effect label"), matrix, scale: "weight",
      rowLabels: base.tokens, columnLabels: states[0].map((_, i) => stateLabel(i)),
      selected: {
        row: within(state.row, matrix.rows), column: within(state.state, matrix.columns),
      },
      select: (row, column) => set({ row, state: column }),
    }),
    base.mlm ? guessesBeforeAndAfter(page, base, changed, order) : null,
  ];
}

/* |a − b| */
function distance(a, b) {
  return Math.sqrt(a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0));
}

/* The run to compare with, the changed run, and where each token went. A swap is compared with the
same run without it, so that its own effect shows; everything else with the model as trained. */
function bothRuns(page) {
  const { state, result, runner } = page;
  const mask = runner.vocab.indexOf("[MASK]");
  const masked = positionsIn(state.masked);
  const ids = result.ids.map((id, i) => (masked.includes(i) ? mask : id));
  const order = orderAfterSwap(swapOf(state, result), result.tokens.length);
  const swappedIds = ids.slice();
  order.forEach((to, from) => { swappedIds[to] = ids[from]; });
  const changes = {
    ids, noPositions: state.noPositions, noSqrt: state.noSqrt, headsOff: headsOff(state),
    segments: state.flip ? result.segments.map((segment) => 1 - segment) : result.segments,
  };
  const isSwapped = order.some((to, from) => to !== from);
  return {
    order,
    base: page.run(state.text, state.pair, isSwapped ? changes : {}),
    changed: page.run(state.text, state.pair, { ...changes, ids: swappedIds }),
  };
}

/* "1-4" -> the two words (groups of pieces) that are swapped, as positions: [[1], [4, 5]]. */
function swapOf(state, { tokens }) {
  const [a, b] = state.swap.split("-").map(Number);
  if (!state.swap || !(a > 0 && b > a && b < tokens.length)) return null;
  return [wordAt(tokens, a), wordAt(tokens, b)];
}

function wordAt(tokens, position) {
  let [first, end] = [position, position + 1];
  while (tokens[first].startsWith("##")) first -= 1;
  while (end < tokens.length && tokens[end].startsWith("##")) end += 1;
  return Array.from({ length: end - first }, (_, i) => first + i);
}

/* order[i] is where token i is after the swap. */
function orderAfterSwap(swap, length) {
  const all = Array.from({ length }, (_, i) => i);
  if (!swap || swap[0][0] === swap[1][0]) return all;
  const [a, b] = swap;
  const middle = all.slice(a[a.length - 1] + 1, b[0]);
  const after = [...all.slice(0, a[0]), ...b, ...middle, ...a, ...all.slice(b[b.length - 1] + 1)];
  return all.map((i) => after.indexOf(i));
}

function positionsIn(text) {
  return text ? text.split(".").map(Number) : [];
}

function headsOff(state) {
  return state.off ? state.off.split("_").map((pair) => pair.split(".").map(Number)) : [];
}

/* The list in the address with one entry more, or without it. */
function toggled(text, entry, separator) {
  const entries = text ? text.split(separator) : [];
  const rest = entries.filter((one) => one !== entry);
  return (rest.length < entries.length ? rest : [...entries, entry]).join(separator);
}

/* The sentence: a second click (or M) masks a token; two words chosen one after the other are
swapped. */
function tokenRow({ t, state, set, result }) {
  const masked = positionsIn(state.masked);
  const swap = swapOf(state, result);
  const inSwap = (i) => Boolean(swap && swap.flat().includes(i)) || String(i) === state.swap;
  const swapped = state.swap.includes("-") ? state.swap : "";
  const mask = (i) => set({ masked: toggled(state.masked, String(i), "."), swap: swapped });
  const choose = (i) => {
    const first = Number(state.swap);
    if (!state.swap || state.swap.includes("-")) set({ swap: String(i) });
    else if (first === i) mask(i);
    else set({ swap: `${Math.min(first, i)}-${Math.max(first, i)}` });
  };
  const buttons = result.tokens.map((token, i) => {
    const isFixed = /^\[(CLS|SEP)\]$/.test(token);
    const isMasked = masked.includes(i);
    return button(`change-${i}`, tokenText(isMasked ? "[MASK]" : token), inSwap(i),
      () => !isFixed && choose(i), {
        class: isMasked ? "masked" : null, "aria-disabled": isFixed ? "true" : null,
        onkeydown: (event) => { if (event.key.toLowerCase() === "m" && !isFixed) mask(i); },
      });
  });
  return element("div", {}, element("p", { class: "hint" }, t("token row hint")),
    element("div", { class: "tokens", role: "group", "aria-label": t("token row hint") }, buttons));
}

function switches({ t, state, set }) {
  const one = (name) => element("label", { class: "switch" },
    element("input", {
      id: `switch-${name}`, type: "checkbox", checked: state[name],
      onchange: () => set({ [name]: !state[name] }),
    }),
    element("span", {}, t(`switch ${name}`)));
  return element("div", {}, ["noPositions", "noSqrt", "flip"].map(one));
}

/* L × N small buttons: pressed is off. */
function headSwitches({ t, state, set, config }) {
  const off = headsOff(state).map((pair) => pair.join("."));
  const one = (layer, head) => button(`off-${layer}.${head}`, String(head),
    off.includes(`${layer}.${head}`),
    () => set({ off: toggled(state.off, `${layer}.${head}`, "_") }),
    { "aria-label": t("head off", { layer, head }) });
  const rows = Array.from({ length: config.num_hidden_layers }, (_, layer) => [
    `${t("layer")} ${layer}`,
    ...Array.from({ length: config.num_attention_heads }, (_, head) => one(layer, head)),
  ]);
  return element("div", {}, element("h3", {}, t("heads off title")),
    scroller("heads-scroller", t("heads off title"), table({ class: "head-switches" }, null, rows)));
}

/* The guesses for the first [MASK], or for the position chosen on the page of the guesses. */
function guessesBeforeAndAfter({ t, state }, base, changed, order) {
  const isChosen = state.at >= 0;
  const at = guessedPosition(state, isChosen ? base : changed);
  const from = isChosen ? at : order.indexOf(at);
  const list = (title, guesses) => element("div", { class: "guesses" },
    element("h3", {}, title), guessList(guesses, guesses[0].id));
  const [token, position] = [changed.tokens[order[from]], order[from]];
  return element("section", {},
    element("h3", {}, t("guesses for", { token, position })),
    element("div", { class: "guess-columns" },
      list(t("before"), base.mlm[from]), list(t("after"), changed.mlm[order[from]])));
}
