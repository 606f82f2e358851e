// Which rounds the filters and the search leave.

/** The filters: for each, the values that a round has. */
const FILTERS = {
  Verdict: (round) =>
    round.pair ? ["pairs", `pairs that miss ${missed(round).length}`] : ["rejects", `rejects: ${round.reject.step}, ${round.reject.reason}`],
  Class: (round) => [classOf(row(round).operation) || "none"],
  Operation: (round) => [row(round).operation || "none"],
  Round: (round) => [String(number(round))],
  "Checked by": (round) => [summary.checks[row(round).operation] ?? "none"],
  Route: (round) => (round.pair ? [round.pair.adapted_by] : [...new Set(round.reject.candidates.map((candidate) => candidate.route))]),
  Split: (round) => [round.chain.split],
};

/** Return the rounds that have every chosen value, and for each filter how many rounds each of its values would leave. */
function select(rounds, chosen, matches) {
  const names = Object.keys(FILTERS);
  const counts = Object.fromEntries(names.map((name) => [name, new Map()]));
  const selected = rounds.filter((round) => {
    if (!matches(round)) return false;
    round.values ??= names.map((name) => FILTERS[name](round));
    const failed = names.filter((name, i) => chosen[name] && !round.values[i].includes(chosen[name]));
    names.forEach((name, i) => {
      if (failed.some((other) => other !== name)) return;
      for (const value of round.values[i]) counts[name].set(value, (counts[name].get(value) ?? 0) + 1);
    });
    return !failed.length;
  });
  return { selected, counts };
}

let lowerCase; // all texts, since the first search

/** Return a function that checks whether a round has the words in one of its texts, or as the beginning of its id. */
function search(words, texts) {
  const query = words.trim().toLowerCase();
  if (!query) return () => true;
  lowerCase ??= texts.map((text) => text.toLowerCase());
  const matching = new Set([...lowerCase.keys()].filter((i) => lowerCase[i].includes(query)));
  return (round) => round.id.startsWith(query) || textsOf(round).some((i) => matching.has(i));
}

function textsOf({ pair, reject, requirements }) {
  if (reject) return [reject.instruction.text, ...reject.candidates.flatMap((candidate) => [candidate.text, candidate.detail])];
  const answers = [pair.chosen, pair.rejected, ...(pair.ranking?.answers ?? [])];
  return [pair.instruction, ...answers, ...requirements].map((holder) => holder.text);
}

/** Create the menu of a filter; `choose` is called with the value chosen. */
function makeMenu(name, choose) {
  const menu = make("select", { "aria-label": name, change: () => choose(menu.value) });
  byId("menus").append(make("label", {}, make("span", {}, name), menu));
  return menu;
}

/** Offer the values that the other filters leave, with how many rounds have each. */
function fillMenu(menu, counts, chosen = "") {
  const values = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (chosen && !counts.has(chosen)) values.push(chosen);
  const options = values.map((value) => make("option", { value }, `${inWords(value)} (${count(counts.get(value) ?? 0)})`));
  menu.replaceChildren(make("option", { value: "" }, "any"), ...options);
  menu.value = chosen;
  menu.classList.toggle("set", Boolean(chosen));
}
