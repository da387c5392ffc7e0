/* The page: a header with the text, one of six pages below it, and the state that says which.

The state is in the address, behind #: a copied link shows the same. `set` changes it and draws the
page anew; a changed text runs the model first. */

import { createRunner, readBundle } from "./model/runner.js";
import { element } from "./pages/elements.js";
import { footerOf, headerOf, helpOf } from "./pages/frame.js";
import { textPage } from "./pages/text_page.js";
import { embeddingsPage } from "./pages/embeddings_page.js";
import { layerPage } from "./pages/layer_page.js";
import { layersPage } from "./pages/layers_page.js";
import { guessesPage } from "./pages/guesses_page.js";
import { whatIfPage } from "./pages/what_if_page.js";
import { textIn } from "./texts.js";

const PAGES = {
  text: textPage, embeddings: embeddingsPage, layer: layerPage, layers: layersPage,
  guesses: guessesPage, whatif: whatIfPage,
};
const MOST_CHARACTERS = 2000; // of a text; more would only slow down what is cut anyway
const runner = createRunner(readBundle(document));
const DEFAULTS = {
  page: "text", lang: runner.start.lang, theme: "auto", keys: true,
  text: runner.start.text || "The river flows into the [MASK].", pair: runner.start.textPair || "",
  word: 2, part: "sum", row: 2, column: 3, layer: 0, head: 0, step: "attention.probs",
  view: "attention", compare: "embedding", state: 0, other: "The bank lent him the money.",
  wordA: -1, wordB: -1, how: "mean", at: -1,
  masked: "", swap: "", off: "", noPositions: false, noSqrt: false, flip: false,
};
const page = {
  runner, config: runner.config, result: null, isRunning: true, isPrinting: false,
  state: stateIn(location.hash), run, set, type, addressOf,
  t: (key, values) => textIn(page.state.lang, key, values),
};
window.minibert = runner;

/* State and address. */

function stateIn(hash) {
  const state = { ...DEFAULTS };
  new URLSearchParams(hash.slice(1)).forEach((text, key) => {
    if (!(key in DEFAULTS)) return;
    const kind = typeof DEFAULTS[key];
    if (kind === "string") state[key] = text;
    else if (kind === "boolean") state[key] = text === "true";
    else if (Number.isInteger(Number(text))) state[key] = Math.max(Number(text), -1);
  });
  if (!(state.page in PAGES)) state.page = "text";
  if (!["en", "zh"].includes(state.lang)) state.lang = "en";
  for (const key of ["row", "column", "layer", "head", "word", "state"]) {
    state[key] = Math.max(state[key], 0);
  }
  return state;
}

function addressOf(state) {
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  return `#${new URLSearchParams(changed.map(([key, value]) => [key, String(value)]))}`;
}

function set(changes) {
  const turnsPage = changes.page && changes.page !== page.state.page;
  page.state = { ...page.state, ...changes };
  try {
    history[turnsPage ? "pushState" : "replaceState"](null, "", addressOf(page.state));
  } catch {
    // Inside a notebook the page has no address of its own; Safari takes 100 of them in 30 seconds.
  }
  draw();
  if (turnsPage) {
    window.scrollTo(0, 0);
    document.getElementById("main").focus({ preventScroll: true });
  }
}

/* What is typed runs the model when the typing stops for a moment. */
let timer = 0;
let typed = {};
function type(changes) {
  typed = { ...typed, ...changes };
  clearTimeout(timer);
  timer = setTimeout(() => {
    set(typed);
    typed = {};
  }, 150);
}

/* Running the model. */

const known = new Map(); // request -> result; null while it runs

/* The result, if it is there; if not, null, and the page is drawn anew when it has come. */
function run(text, pair, changes) {
  const request = JSON.stringify([text, pair, changes]);
  const result = known.get(request) || null;
  if (!known.has(request)) start(request, text, pair, changes);
  known.delete(request); // so that the one asked for last is also the last to be forgotten
  known.set(request, result);
  if (known.size > 12) known.delete(known.keys().next().value);
  return result;
}

function start(request, text, pair, changes) {
  const cut = (whole) => [...whole].slice(0, MOST_CHARACTERS).join("");
  runner.run(cut(text), pair ? cut(pair) : null, changes).then(
    (result) => {
      known.set(request, result);
      draw();
    },
    (error) => { status.textContent = String(error); });
}

/* Drawing. */

const status = element("p", { class: "status", role: "status" });
const main = element("main", { id: "main", tabindex: -1 });
const header = element("header", {});
const footer = element("footer", {});
const help = element("dialog", { id: "help", "aria-labelledby": "help-title" });
const app = document.getElementById("app");
let drawnFrame = "";

function draw() {
  const { state, t } = page;
  document.documentElement.lang = state.lang === "zh" ? "zh-CN" : "en";
  document.documentElement.dataset.theme = page.isPrinting ? "light" : themeOf(state);
  document.title = `${t(`page ${state.page}`)} · BERT`;
  const focused = document.activeElement && document.activeElement.id;
  const frame = [state.page, state.lang, state.keys, document.documentElement.dataset.theme].join();
  if (frame !== drawnFrame) drawFrame();
  drawnFrame = frame;
  for (const name of ["text", "pair"]) {
    const field = document.getElementById(`field-${name}`);
    if (field !== document.activeElement && field.value !== state[name]) field.value = state[name];
  }
  const result = run(state.text, state.pair, {});
  page.result = result || page.result;
  page.isRunning = !result;
  app.classList.toggle("busy", page.isRunning);
  if (!page.result) return;
  const scrolled = [...main.querySelectorAll("[id]")].filter((one) => one.scrollLeft)
    .map((one) => [one.id, one.scrollLeft]);
  const caret = focused && document.activeElement.selectionStart;
  main.className = `page-${state.page}`;
  main.replaceChildren(...PAGES[state.page](page).filter(Boolean));
  scrolled.forEach(([id, left]) => {
    const one = document.getElementById(id);
    if (one) one.scrollLeft = left;
  });
  focusAgain(focused, caret);
  if (result) drawStatus(result);
}

function focusAgain(id, caret) {
  const target = id && document.getElementById(id);
  if (!target || target === document.activeElement) return;
  target.focus({ preventScroll: true });
  if (target.tagName === "TEXTAREA") target.setSelectionRange(caret, caret);
}

function themeOf({ theme }) {
  if (theme !== "auto") return theme;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function drawStatus(result) {
  const { state, t } = page;
  const long = [state.text, state.pair].find((text) => [...text].length > MOST_CHARACTERS);
  const notes = [t("done", { tokens: result.ids.length, ms: Math.round(result.ms) })];
  if (long) notes.push(t("cut characters", { all: [...long].length, kept: MOST_CHARACTERS }));
  if (result.cut) notes.push(t("cut tokens", { all: result.cut.tokens, kept: result.cut.kept }));
  status.textContent = notes.join(" ");
  status.classList.toggle("warning", notes.length > 1);
}

function drawFrame() {
  const names = Object.keys(PAGES);
  header.replaceChildren(...headerOf(page, names, status));
  footer.replaceChildren(...footerOf(page, names));
  help.replaceChildren(...helpOf(page));
}

/* Keys that work everywhere but in a text field; they can be switched off. */
function onKey(event) {
  const isTyping = /^(TEXTAREA|INPUT|SELECT)$/.test(event.target.tagName);
  const isOther = event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping || isOther || help.open || !page.state.keys) return;
  const name = Object.keys(PAGES)[Number(event.key) - 1];
  if (name) set({ page: name });
  else if (event.key === "?") help.showModal();
  else if (event.key === "/") document.getElementById("field-text").focus();
  else return;
  event.preventDefault();
}

/* On paper all is light. */
function onPaper(isPrinting) {
  page.isPrinting = isPrinting;
  draw();
  document.querySelectorAll("canvas").forEach((canvas) => canvas.draw && canvas.draw());
}

app.append(header, main, footer, help);
addEventListener("hashchange", () => { page.state = stateIn(location.hash); draw(); });
addEventListener("keydown", onKey);
addEventListener("beforeprint", () => onPaper(true));
addEventListener("afterprint", () => onPaper(false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
