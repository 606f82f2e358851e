// A list of any length: only the rows in sight are elements.

const ROW = 60; // pixels, as in report.css
const AROUND = 6; // rows more on either side

/** Fills a listbox; `draw` makes the inside of a row, `open` is called with the row that was clicked. */
function makeList(box, draw, open) {
  const sizer = make("div", { class: "sizer", role: "presentation" });
  box.append(sizer);
  let items = [], at = -1;

  const show = () => {
    const from = Math.max(0, Math.floor(box.scrollTop / ROW) - AROUND);
    const to = Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + AROUND);
    const rows = [];
    for (let i = from; i < to; i++) {
      const option = make(
        "div",
        {
          role: "option", id: `option-${i}`, class: "row", "aria-selected": String(i === at),
          "aria-setsize": items.length, "aria-posinset": i + 1, click: () => open(items[i]),
        },
        draw(items[i]),
      );
      option.style.top = `${i * ROW}px`;
      rows.push(option);
    }
    sizer.replaceChildren(...rows);
    if (at >= 0) box.setAttribute("aria-activedescendant", `option-${at}`);
    else box.removeAttribute("aria-activedescendant");
  };

  let waiting = false;
  box.addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; show(); });
    waiting = true;
  });
  new ResizeObserver(show).observe(box);

  return {
    get items() { return items; },
    get at() { return at; },
    get pageful() { return Math.max(1, Math.floor(box.clientHeight / ROW) - 1); },
    fill(rows) {
      items = rows;
      sizer.style.height = `${rows.length * ROW}px`;
    },
    /** Marks a row and brings it into sight; -1 marks none. */
    select(index) {
      at = index;
      if (at >= 0) {
        const last = at * ROW + ROW - box.clientHeight;
        if (box.scrollTop > at * ROW) box.scrollTop = at * ROW;
        else if (box.scrollTop < last) box.scrollTop = last;
      }
      show();
    },
  };
}
