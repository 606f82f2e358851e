// The page: which view is open, the filters, the keys and the links to single rounds.

const summary = JSON.parse(byId("summary").textContent);
let data, rounds = [], list, facets, chosen = {}, open;
const places = new Map(); // of rounds, by id

document.title = `${summary.name}: ${evolves() ? "verified preference pairs" : "preference pairs"}`;
byId("name").append(...visible(summary.name));
drawOverview();
go();
data = await unpack("chains");
rounds = listRounds(data);
rounds.forEach((round, i) => places.set(round.id, i));
list = makeList(byId("rows"), drawRow, (round) => { location.hash = round.id; });
facets = Object.fromEntries(Object.keys(FACETS).map((name) => [name, makeFacet(name)]));
byId("filters").open = !matchMedia("(max-width: 800px)").matches;
filter();
go();
addEventListener("hashchange", go);
addEventListener("keydown", onKey);
byId("clear").addEventListener("click", clear);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
let typed;
byId("search").addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(filter, 120);
});
document.body.dataset.ready = "";

/** Shows what the address asks for: the overview, the list, or one round. */
function go() {
  const asked = decodeURIComponent(location.hash.slice(1));
  const reading = asked !== "" && asked !== "overview";
  byId("overview").hidden = reading;
  byId("reader").hidden = !reading;
  document.querySelectorAll("nav a").forEach((link) => {
    const current = link.hash === (reading ? "#rounds" : "#overview");
    link.toggleAttribute("aria-current", current);
    if (current) link.setAttribute("aria-current", "page");
  });
  if (!reading || !list) return;
  document.body.classList.toggle("one", asked !== "rounds");
  if (asked === "rounds") list.select(Math.max(list.at, Math.min(0, list.items.length - 1)));
  const round = asked === "rounds" ? open ?? list.items[0] : rounds[places.get(asked)];
  if (asked !== "rounds" && round && !list.items.includes(round)) clear();
  show(round, asked);
}

/** Puts a round into the reading pane and marks it in the list. */
function show(round, asked) {
  open = round;
  const pane = byId("round");
  if (!round) {
    const hidden = summary.shown < summary.counts.rounds ? ` It shows ${count(summary.shown)} of ${count(summary.counts.rounds)}.` : "";
    pane.replaceChildren(make("p", { class: "note" }, asked === "rounds" ? "No round matches. Take a filter away, or search for less." : `This page has no round ${asked}.${hidden}`));
    list.select(-1);
    return;
  }
  pane.replaceChildren(...drawRound(round, steps(round)).filter(Boolean));
  pane.scrollTop = 0;
  if (document.body.classList.contains("one")) scrollTo(0, 0);
  list.select(list.items.indexOf(round));
  highlight();
}

function steps(round) {
  const at = list.items.indexOf(round);
  const step = (to, name, sign) => make("button", { type: "button", "aria-label": name, title: name, disabled: !list.items[to], click: () => move(to) }, sign);
  return make("span", { class: "stepper" }, step(at - 1, "Previous round (k)", "‹"), make("span", {}, `${count(at + 1)} of ${count(list.items.length)}`), step(at + 1, "Next round (j)", "›"));
}

/** Opens a row of the list without a step in the history. */
function move(to) {
  const round = list.items[Math.max(0, Math.min(to, list.items.length - 1))];
  if (!round || round === open && document.body.classList.contains("one")) return;
  history.replaceState(null, "", `#${round.id}`);
  go();
}

/** The round before or after in the same chain. */
function along(step) {
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
  const act = {
    j: () => move(list.at + 1),
    k: () => move(list.at - 1),
    ArrowLeft: () => along(-1),
    ArrowRight: () => along(1),
    "/": () => byId("search").focus(),
    Escape: () => (document.body.classList.contains("one") ? back() : clear()),
    ...(inList && {
      ArrowDown: () => move(list.at + 1),
      ArrowUp: () => move(list.at - 1),
      PageDown: () => move(list.at + list.pageful),
      PageUp: () => move(list.at - list.pageful),
      Home: () => move(0),
      End: () => move(list.items.length - 1),
    }),
  }[key];
  if (!act) return;
  event.preventDefault();
  act();
}

function back() {
  history.replaceState(null, "", "#rounds");
  go();
  byId("rows").focus();
}

/** Lists what the search and the facets leave; what is read stays open if it is among them. */
function filter() {
  const { found, counts } = choose(rounds, chosen, search(byId("search").value, data.texts));
  list.fill(found);
  for (const [name, select] of Object.entries(facets)) fillFacet(select, name, counts[name]);
  const of = found.length === rounds.length ? "" : ` of ${count(rounds.length)}`;
  const sample = summary.shown < summary.counts.rounds ? `, a sample of the build's ${count(summary.counts.rounds)}` : "";
  byId("found").value = `${count(found.length)}${of} rounds${sample}`;
  byId("clear").hidden = !byId("search").value && !Object.values(chosen).some(Boolean);
  if (byId("reader").hidden) return;
  if (open && !found.includes(open)) {
    history.replaceState(null, "", "#rounds");
    open = undefined;
  }
  go();
}

function makeFacet(name) {
  const select = make("select", { "aria-label": name, change: () => filterBy({ ...chosen, [name]: select.value }) });
  byId("facets").append(make("label", {}, make("span", {}, name), select));
  return select;
}

/** The values that the other facets leave, with how many rounds have each. */
function fillFacet(select, name, counts) {
  const values = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (chosen[name] && !counts.has(chosen[name])) values.push(chosen[name]);
  const options = values.map((value) => make("option", { value }, `${inWords(value)} (${count(counts.get(value) ?? 0)})`));
  select.replaceChildren(make("option", { value: "" }, "any"), ...options);
  select.value = chosen[name] ?? "";
  select.classList.toggle("set", Boolean(chosen[name]));
}

/** Chooses these values of facets and no others; from the overview, goes to the rounds. */
function filterBy(values) {
  chosen = values;
  if (byId("reader").hidden) {
    open = undefined;
    byId("search").value = "";
    location.hash = "#rounds"; // the list is there when `hashchange` comes
    byId("overview").hidden = true;
    byId("reader").hidden = false;
  }
  filter();
}

function clear() {
  byId("search").value = "";
  filterBy({});
}

/** Marks what was searched for, without touching the texts. */
function highlight() {
  const query = byId("search").value.trim().toLowerCase();
  CSS.highlights?.delete("found");
  if (!query || !CSS.highlights) return;
  const found = new Highlight();
  const nodes = document.createTreeWalker(byId("round"), NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode, text = node.data.toLowerCase();
    if (text.length !== node.length) continue; // a few letters are longer when small
    for (let at = text.indexOf(query); at >= 0; at = text.indexOf(query, at + query.length)) {
      found.add(new StaticRange({ startContainer: node, startOffset: at, endContainer: node, endOffset: at + query.length }));
    }
  }
  CSS.highlights.set("found", found);
}
