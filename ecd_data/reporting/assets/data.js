// The data of the page: its summary, its texts and chains, and the rounds of all chains as one list.

const summary = JSON.parse(byId("summary").textContent);
let data; // texts, requirements and chains, once they are unpacked

/** Return the JSON that `render_page` compressed into an element. */
async function unpack(id) {
  const binary = atob(JSON.parse(byId(id).textContent));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i); // by far the fastest way
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** Return one entry for each pair and each reject, in the order of the chains; `chain.rounds` are those of a chain. */
function listRounds({ chains, requirements }) {
  return chains.flatMap((chain) => {
    const pairs = chain.pairs.map((pair) => ({ id: pair.id, pair, chain, requirements: pair.requirements.map((i) => requirements[i]) }));
    const rejects = chain.rejects.map((reject) => ({ id: reject.id, reject, chain }));
    chain.rounds = [...pairs, ...rejects].sort((a, b) => number(a) - number(b));
    return chain.rounds;
  });
}

/** Check whether the page shows a sample of the rounds of the build. */
const isSample = () => summary.shown < summary.counts.rounds;
/** Check whether each round starts from the answer of the one before, as in ECD; rounds of other methods stand alone. */
const evolves = () => summary.recipe.builder === "ecd";
/** Return the class of an operation; of other methods than ECD, what the two answers were made to differ in. */
const classOf = (operation) => operation.split("/")[evolves() ? 0 : 1] ?? "";

const row = (round) => round.pair ?? round.reject;
const number = (round) => row(round).round;
const missed = (round) => round.requirements.filter((_, i) => !round.pair.rejected.met[i]);
const inWords = (code) => code.replaceAll("_", " ");

/** Return the turn that a round starts from: (I(t), R(t)). */
const turnBefore = (chain, round) => (evolves() ? chain.turns.filter((turn) => turn.round < round).at(-1) : undefined);
