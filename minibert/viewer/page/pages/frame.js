/* What is around every page: the header with the text, the way to the other pages, the help. */

import { button, element } from "./elements.js";

export function headerOf(page, names, status) {
  const { t, state, set, runner, addressOf } = page;
  const links = names.map((name, i) => element("a", {
    id: `page-${name}`, href: addressOf({ ...state, page: name }),
    "aria-current": name === state.page ? "page" : null,
    onclick: (event) => { event.preventDefault(); set({ page: name }); },
  }, element("span", { class: "step-number", "aria-hidden": "true" }, String(i + 1)),
  element("span", { class: "step-name" }, t(`page ${name}`))));
  const toMain = (event) => { event.preventDefault(); document.getElementById("main").focus(); };
  return [
    element("a", { class: "skip", href: "#main", onclick: toMain }, t("skip")),
    element("div", { class: "top" },
      element("span", { class: "brand", translate: "no" },
        "BERT ", element("small", {}, runner.start.model)),
      element("nav", { class: "pages", "aria-label": t("pages") }, links),
      element("div", { class: "tools" }, tools(page))),
    element("div", { class: "inputs" },
      textField(page, "text"), textField(page, "pair"), examples(page)),
    status,
  ];
}

function tools({ t, state, set }) {
  const isDark = document.documentElement.dataset.theme === "dark";
  const other = state.lang === "en" ? "zh" : "en";
  return [
    button("lang", other === "zh" ? "中文" : "English", null, () => set({ lang: other }),
      { lang: other === "zh" ? "zh-CN" : "en", translate: "no" }),
    button("theme", isDark ? "☀" : "☾", null, () => set({ theme: isDark ? "light" : "dark" }),
      { "aria-label": t(isDark ? "to light" : "to dark") }),
    button("help-button", "?", null, () => document.getElementById("help").showModal(),
      { "aria-label": t("help") }),
  ];
}

function textField({ t, state, type }, name) {
  const field = element("textarea", {
    id: `field-${name}`, rows: 1, spellcheck: "false", autocomplete: "off", dir: "auto",
    placeholder: t(`placeholder ${name}`), oninput: (event) => type({ [name]: event.target.value }),
  });
  field.value = state[name];
  return element("label", { class: `field ${name}` },
    element("span", {}, t(`field ${name}`)), field);
}

/* Sentences to begin with; the last one is a pair. */
function examples({ t, set }) {
  const names = ["flows", "born", "bank", "naive", "chinese", "first"];
  const choose = (event) => {
    const name = names[event.target.value];
    event.target.value = "";
    const pair = name === "first" ? t("example next") : "";
    set({ text: t(`example ${name}`), pair, masked: "", swap: "", at: -1 });
  };
  const labels = names.map((name) =>
    (name === "first" ? `${t("example first")} ${t("example next")}` : t(`example ${name}`)));
  return element("label", { class: "field examples" }, element("span", {}, t("examples")),
    element("select", { id: "examples", onchange: choose },
      element("option", { value: "" }, "…"),
      labels.map((label, i) => element("option", { value: i }, label))));
}

/* The way on, and back. */
export function footerOf({ t, state, set, runner }, names) {
  const i = names.indexOf(state.page);
  const [before, after] = [names[i - 1], names[i + 1]];
  const go = (id, name, label) => button(id, label, null, () => set({ page: name }));
  return [
    before ? go("page-before", before, `← ${t(`page ${before}`)}`) : element("span"),
    element("span", { class: "print-note", translate: "no" }, `minibert · ${runner.start.model}`),
    after ? go("page-after", after, `${t(`page ${after}`)} →`) : element("span"),
  ];
}

export function helpOf({ t, state, set, runner }) {
  const { model, note } = runner.start;
  const keys = ["keys pages", "keys text", "keys help", "keys arrows", "keys mask"];
  return [
    element("h2", { id: "help-title" }, t("help")),
    element("p", {}, t("help text", { model })),
    note ? element("p", { translate: "no" }, note) : "",
    element("ul", {}, keys.map((key) => element("li", {}, t(key)))),
    element("label", { class: "switch" },
      element("input", {
        type: "checkbox", id: "keys-on", checked: state.keys,
        onchange: (event) => set({ keys: event.target.checked }),
      }),
      element("span", {}, t("keys on"))),
    element("h3", {}, t("letters")),
    element("p", {}, t("letters text", sizesOf(runner.config))),
    element("form", { method: "dialog" }, element("button", { id: "help-close" }, t("close"))),
  ];
}

function sizesOf(config) {
  const size = (number) => number.toLocaleString("en");
  return {
    V: size(config.vocab_size), D: size(config.hidden_size), I: size(config.intermediate_size),
    L: size(config.num_hidden_layers), N: size(config.num_attention_heads),
    H: size(config.hidden_size / config.num_attention_heads),
  };
}
