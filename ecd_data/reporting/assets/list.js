// A list of any length: only the rows in sight are elements.

const ROW_HEIGHT = 60; // pixels, as in report.css
const MARGIN = 6; // rows beyond what is in sight, on either side

/** Make a list of a listbox; `draw` returns the inside of a row, and `open` is called with the item that was clicked. */
function makeList(box, draw, open) {
  const sizer = make("div", { class: "sizer", role: "presentation" });
  box.append(sizer);
  let items = [], at = -1;

  const show = () => {
    const from = Math.max(0, Math.floor(box.scrollTop / ROW_HEIGHT) - MARGIN);
    const to = Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW_HEIGHT) + MARGIN);
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
      option.style.top = `${i * ROW_HEIGHT}px`;
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
    get pageSize() { return Math.max(1, Math.floor(box.clientHeight / ROW_HEIGHT) - 1); },
    fill(newItems) {
      items = newItems;
      sizer.style.height = `${items.length * ROW_HEIGHT}px`;
    },
    /** Mark a row and scroll it into sight; -1 marks none. */
    select(index) {
      at = index;
      if (at >= 0) {
        const lowest = at * ROW_HEIGHT + ROW_HEIGHT - box.clientHeight;
        if (box.scrollTop > at * ROW_HEIGHT) box.scrollTop = at * ROW_HEIGHT;
        else if (box.scrollTop < lowest) box.scrollTop = lowest;
      }
      show();
    },
  };
}
