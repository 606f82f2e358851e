// The rounds of all chains as one list, and which of them a choice of facets and a search leave.

/** What `ecd_data.page.page._packed` put into the element. */
async function unpack(id) {
  const binary = atob(JSON.parse(byId(id).textContent));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** One entry for each pair and each reject, in the order of the chains; `chain.rounds` are those of its chain. */
function listRounds({ chains, requirements }) {
  return chains.flatMap((chain) => {
    const pairs = chain.pairs.map((pair) => ({ id: pair.id, pair, chain, requirements: pair.requirements.map((i) => requirements[i]) }));
    const rejects = chain.rejects.map((reject) => ({ id: reject.id, reject, chain }));
    chain.rounds = [...pairs, ...rejects].sort((a, b) => number(a) - number(b));
    return chain.rounds;
  });
}

/** Whether a round starts from the answer of the one before, as ECD's do; those of other methods stand alone. */
const evolves = () => summary.recipe.builder === "ecd";
/** The class of an operation; of other methods than ECD, what the two answers were made to differ in. */
const classOf = (operation) => operation.split("/")[evolves() ? 0 : 1] ?? "";

const row = (round) => round.pair ?? round.reject;
const number = (round) => row(round).round;
const missed = (round) => round.requirements.filter((_, i) => !round.pair.rejected.met[i]);

/** What can be chosen from: for each facet, the values that a round goes by. */
const FACETS = {
  Verdict: (round) =>
    round.pair ? ["pairs", `pairs that miss ${missed(round).length}`] : ["rejects", `rejects: ${round.reject.step}, ${round.reject.reason}`],
  Class: (round) => [classOf(row(round).operation) || "none"],
  Operation: (round) => [row(round).operation || "none"],
  Round: (round) => [String(number(round))],
  "Checked by": (round) => [summary.checks[row(round).operation] ?? "none"],
  Route: (round) => (round.pair ? [round.pair.adapted_by] : [...new Set(round.reject.candidates.map((made) => made.route))]),
  Split: (round) => [round.chain.split],
};

/** The rounds that have every value chosen, and per facet how many there would be with each of its values. */
function choose(rounds, chosen, wanted) {
  const names = Object.keys(FACETS);
  const counts = Object.fromEntries(names.map((name) => [name, new Map()]));
  const found = rounds.filter((round) => {
    if (!wanted(round)) return false;
    round.values ??= names.map((name) => FACETS[name](round));
    const failed = names.filter((name, i) => chosen[name] && !round.values[i].includes(chosen[name]));
    names.forEach((name, i) => {
      if (failed.some((other) => other !== name)) return;
      for (const value of round.values[i]) counts[name].set(value, (counts[name].get(value) ?? 0) + 1);
    });
    return !failed.length;
  });
  return { found, counts };
}

let lowered; // all texts in small letters, made by the first search

/** Whether a round has the words somewhere in its texts, or as the beginning of its id. */
function search(words, texts) {
  const query = words.trim().toLowerCase();
  if (!query) return () => true;
  lowered ??= texts.map((text) => text.toLowerCase());
  const having = new Set([...lowered.keys()].filter((i) => lowered[i].includes(query)));
  return (round) => round.id.startsWith(query) || textsOf(round).some((i) => having.has(i));
}

function textsOf({ pair, reject, requirements, chain }) {
  if (reject) return [reject.instruction, ...reject.candidates.flatMap((made) => [made.text, made.detail])];
  const others = pair.ranking?.answers.map((answer) => answer.text) ?? [];
  return [pair.instruction, pair.chosen.text, pair.rejected.text, ...others, ...requirements.map((requirement) => requirement.text)];
}
