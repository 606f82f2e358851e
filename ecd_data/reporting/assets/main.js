// The page: which view is open, the filters, the keys and the links to single rounds.

let rounds = [], list, menus, chosen = {}, open;
const positions = new Map(); // of rounds in the list of all, by id

document.title = `${summary.name}: ${evolves() ? "verified preference pairs" : "preference pairs"}`;
byId("name").append(...visible(summary.name));
drawOverview();
go();
data = await unpack("chains");
rounds = listRounds(data);
rounds.forEach((round, i) => positions.set(round.id, i));
list = makeList(byId("rows"), drawRow, (round) => { location.hash = round.id; });
menus = Object.keys(FILTERS).map((name) => [name, makeMenu(name, (value) => filterBy({ ...chosen, [name]: value }))]);
byId("filters").open = !matchMedia("(max-width: 800px)").matches;
filter();
go();
addEventListener("hashchange", go);
addEventListener("keydown", onKey);
byId("clear").addEventListener("click", clear);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
let timer;
byId("search").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, 120);
});
document.body.dataset.ready = "";

/** Show what the address names: the overview, the list, or one round. */
function go() {
  const address = decodeURIComponent(location.hash.slice(1));
  const reading = address !== "" && address !== "overview";
  byId("overview").hidden = reading;
  byId("reader").hidden = !reading;
  document.querySelectorAll("nav a").forEach((link) => {
    const current = link.hash === (reading ? "#rounds" : "#overview");
    link.toggleAttribute("aria-current", current);
    if (current) link.setAttribute("aria-current", "page");
  });
  if (!reading || !list) return;
  const single = address !== "rounds";
  document.body.classList.toggle("single", single);
  if (!single) list.select(Math.max(list.at, Math.min(0, list.items.length - 1)));
  const round = single ? rounds[positions.get(address)] : open ?? list.items[0];
  if (single && round && !list.items.includes(round)) clear();
  show(round, address);
}

/** Put a round into the reading pane and select it in the list. */
function show(round, address) {
  open = round;
  const pane = byId("round");
  if (!round) {
    const sample = isSample() ? ` It shows ${count(summary.shown)} of ${count(summary.counts.rounds)}.` : "";
    pane.replaceChildren(make("p", { class: "note" }, address === "rounds" ? "No round matches. Remove a filter, or search for less." : `This page has no round ${address}.${sample}`));
    list.select(-1);
    return;
  }
  pane.replaceChildren(...drawRound(round, drawStepper(round)).filter(Boolean));
  pane.scrollTop = 0;
  if (document.body.classList.contains("single")) scrollTo(0, 0);
  list.select(list.items.indexOf(round));
  highlight();
}

function drawStepper(round) {
  const at = list.items.indexOf(round);
  const step = (to, name, sign) => make("button", { type: "button", "aria-label": name, title: name, disabled: !list.items[to], click: () => move(to) }, sign);
  return make("span", { class: "stepper" }, step(at - 1, "Previous round (k)", "‹"), make("span", {}, `${count(at + 1)} of ${count(list.items.length)}`), step(at + 1, "Next round (j)", "›"));
}

/** Open a row of the list without a step in the history. */
function move(to) {
  const round = list.items[Math.max(0, Math.min(to, list.items.length - 1))];
  if (!round || round === open && document.body.classList.contains("single")) return;
  history.replaceState(null, "", `#${round.id}`);
  go();
}

/** Open the next round (1) or the previous one (-1) of the same chain. */
function moveInChain(step) {
  const inChain = open?.chain.rounds ?? [];
  const round = inChain[inChain.indexOf(open) + step];
  if (!round) return;
  history.replaceState(null, "", `#${round.id}`);
  go();
}

function onKey(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("reader").hidden) return;
  if (target.matches("input, select")) {
    if (key !== "Escape") return;
    if (target.id === "search" && target.value) { target.value = ""; filter(); }
    else byId("rows").focus();
    event.preventDefault();
    return;
  }
  const inList = target === byId("rows");
  const action = {
    j: () => move(list.at + 1),
    k: () => move(list.at - 1),
    ArrowLeft: () => moveInChain(-1),
    ArrowRight: () => moveInChain(1),
    "/": () => byId("search").focus(),
    Escape: () => (document.body.classList.contains("single") ? back() : clear()),
    ...(inList && {
      ArrowDown: () => move(list.at + 1),
      ArrowUp: () => move(list.at - 1),
      PageDown: () => move(list.at + list.pageSize),
      PageUp: () => move(list.at - list.pageSize),
      Home: () => move(0),
      End: () => move(list.items.length - 1),
    }),
  }[key];
  if (!action) return;
  event.preventDefault();
  action();
}

function back() {
  history.replaceState(null, "", "#rounds");
  go();
  byId("rows").focus();
}

/** List what the search and the filters leave; the open round stays open if it is among them. */
function filter() {
  const { selected, counts } = select(rounds, chosen, search(byId("search").value, data.texts));
  list.fill(selected);
  for (const [name, menu] of menus) fillMenu(menu, counts[name], chosen[name]);
  const of = selected.length === rounds.length ? "" : ` of ${count(rounds.length)}`;
  const sample = isSample() ? `, a sample of the build's ${count(summary.counts.rounds)}` : "";
  byId("matches").value = `${count(selected.length)}${of} rounds${sample}`;
  byId("clear").hidden = !byId("search").value && !Object.values(chosen).some(Boolean);
  if (byId("reader").hidden) return;
  if (open && !selected.includes(open)) {
    history.replaceState(null, "", "#rounds");
    open = undefined;
  }
  go();
}

/** Choose these values of the filters and no others; from the overview, go to the rounds. */
function filterBy(values) {
  chosen = values;
  if (byId("reader").hidden) {
    open = undefined;
    byId("search").value = "";
    location.hash = "#rounds"; // the list is filled before `hashchange` fires
    byId("overview").hidden = true;
    byId("reader").hidden = false;
  }
  filter();
}

function clear() {
  byId("search").value = "";
  filterBy({});
}

/** Highlight what was searched for, without touching the texts. */
function highlight() {
  const query = byId("search").value.trim().toLowerCase();
  CSS.highlights?.delete("match");
  if (!query || !CSS.highlights) return;
  const highlights = new Highlight();
  const nodes = document.createTreeWalker(byId("round"), NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode, text = node.data.toLowerCase();
    if (text.length !== node.length) continue; // a few letters get longer in lower case
    for (let at = text.indexOf(query); at >= 0; at = text.indexOf(query, at + query.length)) {
      highlights.add(new StaticRange({ startContainer: node, startOffset: at, endContainer: node, endOffset: at + query.length }));
    }
  }
  CSS.highlights.set("match", highlights);
}
