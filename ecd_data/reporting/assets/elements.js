// Elements and texts. Whatever comes from a build becomes text nodes, here and nowhere else.

const MAX_CHARACTERS = 20_000; // of a text, before a button offers the rest
// Control characters, half surrogate pairs, and characters that reverse or break lines invisibly.
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\u200b\ufeff]/gu;

const byId = (id) => document.getElementById(id);

/** Create an element with attributes, listeners (functions) and children (elements, strings or nothing). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== "" && child !== false));
  return element;
}

/** Return the nodes of a text, with its invisible characters spelled out. */
function visible(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INVISIBLE)) {
    const code = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    nodes.push(text.slice(end, match.index), make("span", { class: "invisible" }, `U+${code}`));
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** Split a text into pieces, [piece, whether it is marked]; `marks` are the lengths of all but the last, in turn. */
function pieces(text, marks) {
  let start = 0;
  return [...marks, text.length].map((length, i) => [text.slice(start, (start += length)), i % 2 === 1]).filter(([piece]) => piece);
}

/** Create the box of a text, some of its pieces marked. */
function passage(text, marks = [], kind = "") {
  const box = make("div", { class: "text", dir: "auto" });
  const show = (length) =>
    box.replaceChildren(...pieces(text.slice(0, length), marks).flatMap(([piece, marked]) => (marked ? make("mark", { class: kind }, visible(piece)) : visible(piece))));
  show(MAX_CHARACTERS);
  if (text.length > MAX_CHARACTERS) {
    const rest = make("button", { type: "button", class: "more", click: () => show(text.length) }, `Show all ${count(text.length)} characters`);
    box.append(" … ", rest);
  }
  return box;
}

const count = (number) => number.toLocaleString("en");
const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
const tag = (text, kind = "") => make("span", { class: `tag ${kind}` }, visible(text));

/** Create a bar whose length is a share of the whole. */
function bar(share, kind = "") {
  const fill = make("span", { class: `fill ${kind}` });
  fill.style.width = `${100 * share}%`;
  return make("span", { class: "bar", "aria-hidden": "true" }, fill);
}
