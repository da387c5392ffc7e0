/* Building blocks of the pages: elements, buttons, choices.

Text always goes into the page as text, never as HTML: so what a user types is shown, not run. */

/* element("p", { class: "idea" }, "text", child …): a DOM element. `on…` are event listeners. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => {
    if (value === null || value === undefined || value === false) return;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  });
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/* A button that stays pressed or not. After each click the page is drawn anew; the `id` brings the
focus back to where it was. */
export function button(id, label, pressed, onclick, attributes = {}) {
  const state = pressed === null ? {} : { "aria-pressed": String(pressed) };
  return element("button", { id, type: "button", onclick, ...state, ...attributes }, label);
}

/* Some buttons, one of which is pressed: [[value, label], …]. */
export function choice(id, title, options, chosen, choose) {
  const buttons = options.map(([value, label]) =>
    button(`${id}-${value}`, label, value === chosen, () => choose(value)));
  return element("div", { class: "choice", role: "group", "aria-label": title },
    element("span", { class: "choice-title", "aria-hidden": "true" }, title), buttons);
}

/* The number of a character, as in Unicode's tables. */
export function code(char) {
  return char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

/* A control character is invisible; its number is not. */
export function shown(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `<U+${code(char)}>`);
}

export function shortened(text, length) {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}

/* A piece of the user's text. <bdi> keeps right-to-left letters from turning their neighbours. */
export function tokenText(token, length = 24) {
  return element("bdi", { class: "token", translate: "no" }, shortened(shown(token), length));
}

/* The tokens of the sentence as buttons in a row; [CLS] is number 0. */
export function tokenButtons(id, title, tokens, chosen, choose) {
  const buttons = tokens.map((token, i) =>
    button(`${id}-${i}`, tokenText(token), i === chosen, () => choose(i)));
  return element("div", { class: "tokens", role: "group", "aria-label": title }, buttons);
}

/* A table: the heads of its columns (or none), then rows whose first cell is their head. */
export function table(attributes, heads, rows) {
  const cells = (row) => element("tr", {}, row.map((cell, i) =>
    (i ? element("td", {}, cell) : element("th", { scope: "row" }, cell))));
  const columns = heads && element("thead", {},
    element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head))));
  return element("table", attributes, columns, element("tbody", {}, rows.map(cells)));
}

/* What may be wider than the screen, and can then be moved, with the keyboard too. */
export function scroller(id, label, ...children) {
  const attributes = { id, class: "scroller", tabindex: 0, role: "region", "aria-label": label };
  return element("div", attributes, children);
}

/* A bar whose filled part is the share, 0 to 1. */
export function track(share, colour) {
  return element("span", { class: "track", "aria-hidden": "true" },
    element("span", { style: `width: ${100 * share}%; background: ${colour}` }));
}

/* Three digits after the point, with a true minus sign, and no minus before a 0. */
export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  if (Math.abs(value) >= 1e5) return value.toExponential(1).replace("e+", "e").replace("-", "−");
  const text = value.toFixed(digits).replace("-", "−");
  return /[1-9]/.test(text) ? text : text.replace("−", "");
}

export function bracketed(value) {
  return value < 0 ? `(${number(value)})` : number(value);
}

/* h₀, h₁ …: the name of a state. */
export function stateLabel(i) {
  return `h${String(i).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit])}`;
}

/* "W_Q,i" with its index set lower. */
export function withIndices(formula) {
  return formula.split(/_([A-Za-z0-9]+(?:,[a-z])?)/).map((part, i) =>
    (i % 2 ? element("sub", {}, part) : part));
}

export function percent(value) {
  return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

/* Formula, shape and the line of the Python textbook that computes the same. `formula` is said
where the textbook has none. */
export function formulaCard(page, name, letters, value = null, formula = "") {
  const line = page.runner.lines[name];
  if (!line && !formula) return null;
  const shape = value ? `[${letters}] = [${value.shape.join(", ")}]` : letters;
  return element("div", { class: "formula-card" },
    element("span", { class: "formula", translate: formula ? null : "no" },
      withIndices(formula || line.formula)),
    element("span", { class: "shape", translate: "no" }, shape),
    line ? element("code", { class: "python", translate: "no" },
      element("span", { class: "location" }, line.location), ` ${line.source} `,
      element("span", { class: "location" }, line.inside && `→ ${line.inside}`)) : null);
}

/* A title and one sentence that says the idea of a page. */
export function heading(title, idea) {
  return element("div", { class: "heading" }, element("h1", {}, title),
    element("p", { class: "idea" }, idea));
}
