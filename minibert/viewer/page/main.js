/* The page: a header with the text, one of six pages below it, and the state that says which.

The state is in the address, behind #: a copied link shows the same. `set` changes it and draws the
page anew; a changed text runs the model first. */

import { createRunner, readBundle } from "./model/runner.js";
import { button, element } from "./pages/elements.js";
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
  runner, config: runner.config, result: null, isPrinting: false, state: stateIn(location.hash), run, set, type,
  t: (key, values) => textIn(page.state.lang, key, values),
};
window.minibert = runner;

/* State and address. */

function stateIn(hash) {
  const state = { ...DEFAULTS };
  new URLSearchParams(hash.slice(1)).forEach((text, key) => {
    if (!(key in DEFAULTS)) return;
    const kind = typeof DEFAULTS[key];
    if (kind === "number") state[key] = Number.isInteger(Number(text)) ? Math.max(Number(text), -1) : DEFAULTS[key];
    else state[key] = kind === "boolean" ? text === "true" : text;
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
    // Inside a notebook the page has no address of its own.
  }
  draw();
  if (turnsPage) {
    window.scrollTo(0, 0);
    document.getElementById("main").focus({ preventScroll: true });
  }
}

/* What is typed runs the model when the typing stops for a moment. */
let timer = 0;
function type(changes) {
  clearTimeout(timer);
  timer = setTimeout(() => set(changes), 150);
}

/* Running the model. */

const known = new Map(); // request -> result; null while it runs

/* The result, if it is there; if not, null, and the page is drawn anew when it has come. */
function run(text, pair, changes) {
  const request = JSON.stringify([text, pair, changes]);
  if (!known.has(request)) {
    known.set(request, null);
    if (known.size > 12) known.delete(known.keys().next().value);
    const cut = (whole) => [...whole].slice(0, MOST_CHARACTERS).join("");
    runner.run(cut(text), pair ? cut(pair) : null, changes).then(
      (result) => { known.set(request, result); draw(); },
      (error) => { status.textContent = String(error); });
  }
  return known.get(request);
}

/* Drawing. */

const status = element("p", { class: "status", role: "status" });
const main = element("main", { id: "main", tabindex: -1 });
const header = element("header", {});
const footer = element("footer", {});
const help = element("dialog", { id: "help", "aria-labelledby": "help-title" });
const app = document.getElementById("app");
let drawnHeader = "";

function draw() {
  const { state, t } = page;
  document.documentElement.lang = state.lang === "zh" ? "zh-CN" : "en";
  document.documentElement.dataset.theme = page.isPrinting ? "light" : themeOf(state);
  document.title = `${t(`page ${state.page}`)} · BERT`;
  const headerState = [state.page, state.lang, state.theme, state.keys].join();
  const focused = document.activeElement && document.activeElement.id;
  if (headerState !== drawnHeader) {
    drawHeader();
    drawnHeader = headerState;
  }
  for (const name of ["text", "pair"]) {
    const field = document.getElementById(`field-${name}`);
    if (field !== document.activeElement && field.value !== state[name]) field.value = state[name];
  }
  const result = run(state.text, state.pair, {});
  page.result = result || page.result;
  app.classList.toggle("busy", !result);
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

function drawHeader() {
  const { state, t } = page;
  const links = Object.keys(PAGES).map((name, i) => element("a", {
    id: `page-${name}`, href: addressOf({ ...state, page: name }),
    "aria-current": name === state.page ? "page" : null,
    onclick: (event) => { event.preventDefault(); set({ page: name }); },
  }, element("span", { class: "step-number", "aria-hidden": "true" }, String(i + 1)),
  element("span", { class: "step-name" }, t(`page ${name}`))));
  const dark = themeOf(state) === "dark";
  header.replaceChildren(
    element("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, t("skip")),
    element("div", { class: "top" },
      element("span", { class: "brand", translate: "no" }, "BERT ", element("small", {}, runner.start.model)),
      element("nav", { class: "pages", "aria-label": t("pages") }, links),
      element("div", { class: "tools" },
        button("lang", state.lang === "en" ? "中文" : "English", null,
          () => set({ lang: state.lang === "en" ? "zh" : "en" }),
          { lang: state.lang === "en" ? "zh-CN" : "en", translate: "no" }),
        button("theme", dark ? "☀" : "☾", null, () => set({ theme: dark ? "light" : "dark" }),
          { "aria-label": t(dark ? "to light" : "to dark") }),
        button("help-button", "?", null, () => help.showModal(), { "aria-label": t("help") }))),
    element("div", { class: "inputs" }, textField("text"), textField("pair"), examples()),
    status);
  drawFooter();
  drawHelp();
}

function textField(name) {
  const { t, state } = page;
  const field = element("textarea", {
    id: `field-${name}`, rows: 1, spellcheck: "false", autocomplete: "off", dir: "auto",
    placeholder: t(`placeholder ${name}`), oninput: (event) => type({ [name]: event.target.value }),
  });
  field.value = state[name];
  return element("label", { class: `field ${name}` }, element("span", {}, t(`field ${name}`)), field);
}

/* Sentences to begin with. */
function examples() {
  const { t } = page;
  const sentences = ["flows", "born", "bank", "naive", "chinese", "next"].map((name) => [t(`example ${name}`), name]);
  const choose = (event) => {
    const [text, name] = sentences[event.target.value] || [];
    if (!name) return;
    const isPair = name === "next";
    const common = { masked: "", swap: "", at: -1 };
    set(isPair ? { ...common, text: t("example first"), pair: text } : { ...common, text, pair: "" });
    event.target.value = "";
  };
  return element("label", { class: "field examples" }, element("span", {}, t("examples")),
    element("select", { id: "examples", onchange: choose },
      element("option", { value: "" }, "…"),
      sentences.map(([text], i) => element("option", { value: i }, text))));
}

function drawFooter() {
  const { state, t } = page;
  const names = Object.keys(PAGES);
  const i = names.indexOf(state.page);
  const link = (id, name, text) => (name ? button(id, text, null, () => set({ page: name })) : element("span"));
  footer.replaceChildren(
    link("page-before", names[i - 1], i ? `← ${t(`page ${names[i - 1]}`)}` : ""),
    element("span", { class: "print-note", translate: "no" }, `minibert · ${runner.start.model}`),
    link("page-after", names[i + 1], i < names.length - 1 ? `${t(`page ${names[i + 1]}`)} →` : ""));
}

function drawHelp() {
  const { state, t } = page;
  const keys = ["keys pages", "keys text", "keys help", "keys arrows", "keys mask"];
  help.replaceChildren(
    element("h2", { id: "help-title" }, t("help")),
    element("p", {}, t("help text", { model: runner.start.model })),
    runner.start.note ? element("p", { translate: "no" }, runner.start.note) : "",
    element("ul", {}, keys.map((key) => element("li", {}, t(key)))),
    element("label", { class: "switch" },
      element("input", { type: "checkbox", id: "keys-on", checked: state.keys, onchange: () => set({ keys: !page.state.keys }) }),
      element("span", {}, t("keys on"))),
    element("h3", {}, t("letters")),
    element("p", {}, t("letters text", sizesOf(runner.config))),
    element("form", { method: "dialog" }, element("button", { id: "help-close" }, t("close"))));
}

function sizesOf(config) {
  const sizes = {
    V: config.vocab_size, D: config.hidden_size, L: config.num_hidden_layers, N: config.num_attention_heads,
    H: config.hidden_size / config.num_attention_heads, I: config.intermediate_size,
  };
  return Object.fromEntries(Object.entries(sizes).map(([letter, size]) => [letter, size.toLocaleString("en")]));
}

/* Keys that work everywhere but in a text field; they can be switched off. */
function onKey(event) {
  const isTyping = /^(TEXTAREA|INPUT|SELECT)$/.test(event.target.tagName);
  if (isTyping || !page.state.keys || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
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
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawnHeader = ""; draw(); });
draw();
