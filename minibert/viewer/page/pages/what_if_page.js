/* Page 6: what if? A change on the left, what it changes downstream on the right, in colour. */

import { button, element, formulaCard, heading, percent, stateLabel, tokenText } from "./elements.js";
import { guessedPosition, guessLine } from "./guesses_page.js";
import { heatMap } from "./heat_map.js";
import { hiddenStates } from "./layers_page.js";
import { vectorOf } from "./vectors.js";

export function whatIfPage(page) {
  const { t, state, set, result, config } = page;
  const isChanged = state.off || state.masked || state.swap.includes("-") || state.noPositions
    || state.noSqrt || state.flip;
  const { base, changed, order } = isChanged ? bothRuns(page) : {};
  return [
    heading(t("what if title"), t("what if idea")),
    element("div", { class: "columns narrow-left" },
      element("section", { class: "switches" },
        element("h2", {}, t("change")), tokenRow(page), switches(page), headSwitches(page),
        button("all-as-trained", t("as trained"), null,
          () => set({ off: "", masked: "", swap: "", noPositions: false, noSqrt: false, flip: false }))),
      element("section", {},
        element("h2", {}, t("effect")),
        isChanged ? [
          element("p", { class: "hint" },
            t(swapOf(state, result) ? "compared unswapped" : "compared as trained")),
          base && changed ? effects() : element("p", { class: "running" }, t("running"))]
          : element("p", { class: "verdict" }, t("change something")))),
  ];

  function effects() {
    const states = [hiddenStates(config, base), hiddenStates(config, changed)];
    const change = (i, j) => {
      const [before, after] = [vectorOf(states[0][j], i), vectorOf(states[1][j], order[i])];
      return distance(before, after) / Math.sqrt(before.reduce((sum, one) => sum + one * one, 0));
    };
    const matrix = { rows: base.tokens.length, columns: states[0].length, at: change };
    const largest = Math.max(...base.tokens.map((_, i) =>
      Math.max(...states[0].map((_, j) => change(i, j)))));
    return [
      formulaCard(page, "", "[S, L + 1]", null, "|h′ − h| / |h|"),
      element("p", { class: "verdict", role: "status" },
        largest < 1e-4 ? t("no change") : t("largest change", { share: percent(largest) })),
      heatMap(page, {
        id: "effect-map", label: t("effect label"), matrix, scale: "weight", rowLabels: base.tokens,
        columnLabels: states[0].map((_, i) => stateLabel(i)),
        selected: { row: Math.min(state.row, matrix.rows - 1), column: Math.min(state.state, matrix.columns - 1) },
        select: (row, column) => set({ row, state: column }),
      }),
      base.mlm ? guessesBeforeAndAfter(page, base, changed, order) : null,
    ];
  }
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
  const mask = (i) => set({
    masked: toggled(state.masked, String(i), "."), swap: state.swap.includes("-") ? state.swap : "" });
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
    element("input", { id: `switch-${name}`, type: "checkbox", checked: state[name], onchange: () => set({ [name]: !state[name] }) }),
    element("span", {}, t(`switch ${name}`)));
  return element("div", {}, ["noPositions", "noSqrt", "flip"].map(one));
}

/* L × N small buttons: pressed is off. */
function headSwitches({ t, state, set, config }) {
  const off = headsOff(state).map((pair) => pair.join("."));
  const rows = Array.from({ length: config.num_hidden_layers }, (_, layer) => element("tr", {},
    element("th", { scope: "row" }, `${t("layer")} ${layer}`),
    Array.from({ length: config.num_attention_heads }, (_, head) => {
      const name = `${layer}.${head}`;
      return element("td", {}, button(`off-${name}`, String(head), off.includes(name),
        () => set({ off: toggled(state.off, name, "_") }),
        { "aria-label": t("head off", { layer, head }) }));
    })));
  return element("div", {}, element("h3", {}, t("heads off title")),
    element("table", { class: "head-switches" }, element("tbody", {}, rows)));
}

function guessesBeforeAndAfter(page, base, changed, order) {
  const { t, state } = page;
  const at = guessedPosition({ at: state.at }, state.at < 0 ? changed : base);
  const from = state.at < 0 ? Math.max(order.indexOf(at), 0) : at;
  const list = (title, run, position) => element("div", { class: "guesses" },
    element("h3", {}, title), element("ol", {}, run.mlm[position].map((guess) =>
      guessLine(guess.token, guess.prob, guess.id === run.mlm[position][0].id))));
  return element("section", {},
    element("h3", {}, t("guesses for", { token: changed.tokens[order[from]], position: order[from] })),
    element("div", { class: "guess-columns" }, list(t("before"), base, from), list(t("after"), changed, order[from])));
}
