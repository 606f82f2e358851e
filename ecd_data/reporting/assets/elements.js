// Elements and texts. What comes from a build becomes text nodes, here and nowhere else.

const MOST_CHARACTERS = 20_000; // of a text, shown before a button asks for the rest
// Control characters, half surrogate pairs, and what turns or breaks lines unseen.
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\u200b\ufeff]/gu;

const byId = (id) => document.getElementById(id);

/** An element with attributes, listeners (functions) and children: elements, strings, or nothing. */
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== "" && child !== false));
  return made;
}

/** A text with characters that nobody would see spelled out. */
function visible(text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(UNSEEN)) {
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    nodes.push(text.slice(end, found.index), make("span", { class: "unseen" }, `U+${code}`));
    end = found.index + found[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** A text as it was written, some of its parts marked; `pieces` are as `differences` gives them. */
function passage(pieces, mark = "") {
  const box = make("div", { class: "text", dir: "auto" });
  let room = MOST_CHARACTERS, length = 0;
  const show = (all) => {
    box.replaceChildren();
    for (const [text, differs] of pieces) {
      const piece = all ? text : text.slice(0, room);
      room -= piece.length;
      box.append(...(differs ? [make("mark", { class: mark }, visible(piece))] : visible(piece)));
      if (!all && room <= 0) break;
    }
  };
  for (const [text] of pieces) length += text.length;
  show(length <= MOST_CHARACTERS);
  if (length > MOST_CHARACTERS) {
    const more = make("button", { type: "button", class: "more", click: () => show(true) }, `Show all ${count(length)} characters`);
    box.append(" … ", more);
  }
  return box;
}

const plain = (text) => passage([[text, false]]);
const count = (number) => number.toLocaleString("en");
const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
const tag = (text, kind = "") => make("span", { class: `tag ${kind}` }, visible(text));

/** A bar whose length is a share of the whole. */
function bar(share, kind = "") {
  const filled = make("span", { class: `fill ${kind}` });
  filled.style.width = `${100 * share}%`;
  return make("span", { class: "bar", "aria-hidden": "true" }, filled);
}
