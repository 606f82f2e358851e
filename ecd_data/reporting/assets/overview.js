// The overview of the whole build: its numbers, its funnel, the outcomes of all rounds, and the figures.

const STAGES = {
  attempted: "rounds started",
  evolved: "an instruction was made",
  adapted: "a candidate had no defect but a missed requirement",
  passed: "a candidate met all",
  answered: "there were two answers to choose from",
  pairs: "it makes a pair",
};
const stagesOf = (table) => Object.keys(Object.values(table)[0] ?? {});

function drawOverview() {
  const { counts, funnel, calls, seeds, model, models, recipe, figures } = summary;
  const others = Object.entries(models).filter(([name]) => name !== "judge");
  const modelNames = (others.length ? others : [["", model]]).map(([name, { id, revision }]) => `${name} ${id}${revision ? `, revision ${revision.slice(0, 12)}` : ""}`.trim());
  const numbers = [
    [count(counts.pairs), evolves() ? "verified pairs" : "pairs"],
    [count(counts.rounds), "rounds attempted"],
    [count(seeds.count), "seeds"],
    [`${funnel.operations.with_pair} of ${funnel.operations.drawn}`, `${evolves() ? "operations" : "contrasts"} gave a pair`],
    [calls.per_pair.total ?? "–", "calls per pair"],
  ];
  byId("overview").append(
    make("header", { class: "hero" },
      make("h1", {}, evolves() ? "Verified preference pairs" : "Preference pairs"),
      make("p", {}, "Made with ", make("b", {}, modelNames.join("; ")), `, from ${seeds.sources.join(", ")}, in ${recipe.rounds} ${recipe.rounds === 1 ? "round" : "rounds"} per seed.`),
      make("dl", { class: "numbers" }, numbers.map(([value, name]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))))),
    make("div", { class: "cards" }, drawFunnel(), drawRejects()),
    make("div", { class: "cards" }, Object.entries(figures).map(drawFigure)),
    make("div", { class: "cards" },
      drawTable(evolves() ? "By class" : "By contrast", funnel.by_class, "Class"),
      make("div", { class: "stack" }, drawTable("By round", funnel.by_round, "Round"), drawRoutes()),
      evolves() ? drawOperations() : []),
    drawProvenance(),
  );
}

function drawFunnel() {
  const total = Object.fromEntries(stagesOf(summary.funnel.by_round).map((stage) => [stage, 0]));
  for (const reached of Object.values(summary.funnel.by_round)) for (const stage in total) total[stage] += reached[stage];
  return make("section", { class: "card" }, make("h2", {}, "How far the rounds got"),
    make("ol", { class: "funnel" }, Object.keys(total).map((stage) =>
      make("li", {},
        make("span", { class: "label" }, make("b", {}, stage), " ", make("small", {}, STAGES[stage])),
        make("span", { class: "value" }, count(total[stage]), " ", make("small", {}, percent(total[stage], total.attempted))),
        bar(total.attempted && total[stage] / total.attempted, stage === "pairs" ? "good" : "")))));
}

function drawRejects() {
  const reasons = Object.entries(summary.counts.rejects).sort((a, b) => b[1] - a[1]);
  const largest = Math.max(1, ...reasons.map(([, n]) => n));
  return make("section", { class: "card" }, make("h2", {}, "Why the other rounds gave no pair"),
    make("ol", { class: "funnel" }, reasons.map(([name, n]) => {
      const [step, reason] = name.split("/");
      const show = () => filterBy({ Verdict: `rejects: ${step}, ${reason}` });
      return make("li", { title: REASONS[reason] },
        make("span", { class: "label" }, make("button", { type: "button", class: "link", click: show }, inWords(reason)), " ", make("small", {}, step)),
        make("span", { class: "value" }, count(n)), bar(n / largest, "bad"));
    })),
    reasons.length ? "" : make("p", { class: "muted" }, "Every round gave a pair."));
}

/** Draw how many rounds of each name reached which stage; a click on a name lists its rounds. */
function drawTable(title, table, filter) {
  const stages = stagesOf(table);
  const middle = (stage) => (stage === "attempted" || stage === "pairs" ? "" : "middle"); // left out on a phone
  return card(title,
    [heading(filter), ...stages.map((stage) => heading(stage, middle(stage))), heading("yield")],
    Object.entries(table).map(([name, reached]) => [
      rowHeading(name, filter),
      ...stages.map((stage) => make("td", { class: middle(stage) }, count(reached[stage]))),
      share(reached.pairs, reached.attempted),
    ]));
}

function drawRoutes() {
  return card("Routes to an answer",
    [heading("Route"), heading("candidates"), heading("passed"), heading("pairs", "middle"), heading("yield")],
    Object.entries(summary.funnel.routes).map(([route, n]) => [
      rowHeading(route, "Route"),
      make("td", {}, count(n.tried)), make("td", {}, count(n.passed)), make("td", { class: "middle" }, count(n.pairs)),
      share(n.passed, n.tried),
    ]));
}

function card(title, head, rows) {
  const table = make("table", {}, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows.map((cells) => make("tr", {}, cells))));
  return make("section", { class: "card" }, make("h2", {}, title), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, table));
}

const heading = (title, kind = "") => make("th", { scope: "col", class: kind }, title);
const rowHeading = (name, filter) =>
  make("th", { scope: "row" }, make("button", { type: "button", class: "link", click: () => filterBy({ [filter]: name }) }, breakable(name)));
/** Return the nodes of a name that may break after a slash or an underscore. */
const breakable = (name) => name.split(/(?<=[/_])/).flatMap((part) => [...visible(part), make("wbr")]);
const share = (part, whole) => make("td", { class: "yield" }, bar(whole && part / whole, "good"), make("b", {}, percent(part, whole)));

function drawOperations() {
  const table = drawTable("By operation", summary.funnel.by_operation, "Operation");
  table.classList.add("wide");
  return table;
}

function drawFigure([name, svg]) {
  const [, title] = svg.match(/<title>(.*?)<\/title>/) ?? [, name];
  const bytes = String.fromCharCode(...new TextEncoder().encode(svg));
  return make("figure", {}, make("img", { src: `data:image/svg+xml;base64,${btoa(bytes)}`, alt: title }));
}

function drawProvenance() {
  const { recipe, hashes, versions, judge, calls } = summary;
  const rows = [
    ["calls", `${count(calls.total)} (${count(calls.prompt_tokens)} prompt and ${count(calls.completion_tokens)} completion tokens)`],
    ["judge", judge ? `${judge.model.id}, ${judge.used ? "used" : "not reliable enough to be used"}` : "none needed"],
    ...Object.entries(versions),
    ...Object.entries(hashes).map(([name, hash]) => [`hash of ${name}`, hash ?? "–"]),
    ["recipe", JSON.stringify(recipe, null, 2)],
  ];
  return make("details", { class: "card provenance" }, make("summary", {}, "How it was made"),
    make("dl", {}, rows.map(([name, value]) => [make("dt", {}, name), make("dd", {}, visible(String(value)))])));
}
