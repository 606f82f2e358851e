// One round: both answers side by side with every verdict, or what was dropped and why; and the chain of the round.

const REASONS = {
  refused: "the endpoint does not accept the request",
  no_answer: "no attempt gave a usable answer",
  truncated: "the answer was cut off",
  empty: "it contains no words",
  refusal: "the model declined",
  looping: "the text repeats itself",
  gibberish: "the grammar forced words that the model would not write",
  unchanged: "the answer came back unchanged",
  off_topic: "it has no longer word in common with the task",
  echo: "it talks about the requirement instead of meeting it",
  chatter: "it opens with talk about itself",
  drifted: "its length is very different, or it is too far from the previous answer",
  repeated: "another candidate has the same text",
  unbalanced: "one side would be much longer than the other",
  unmet: "a requirement in force is not met",
  only_url: "the seed is nothing but a link",
  too_long: "the seed is too long",
  contaminated: "it shares a run of words with a prompt of an evaluation",
  no_operation: "no further operation fits",
  no_instruction: "the model made no usable instruction",
  no_candidate: "no route offered a candidate",
  negative_meets_all: "the previous answer already meets the new requirement",
  negative_misses_many: "the previous answer misses too many requirements",
  negative_undecided: "the judge was undecided about the previous answer",
  route_share: "its route already had its share of the pairs",
  undecided: "the teacher prefers none",
  unreadable: "the teacher's reply does not begin with an option",
  weaker_is_better: "the judge preferred the weaker model's answer in both orders",
  judge_undecided: "the judge did not prefer the same answer in both orders",
  rejected: "it is the rejected answer of this round",
};
/** Return what distinguishes a pair from the first one of its round, as a list of at most one fact. */
const extraFacts = ({ pair }) => (!pair ? [] : pair.negative !== "evolved" ? [`${pair.negative} answer`] : pair.gap > 1 ? [`gap ${pair.gap}`] : []);
const outcomeTag = (round) => (round.pair ? tag(round.pair.adapted_by, "pair") : tag(inWords(round.reject.reason), "reject"));
/** Create the box of a text, by number; the words that another text lacks are marked. */
const marked = ({ text, marks }, kind) => passage(data.texts[text], marks, kind);
const unmarked = ({ text }) => passage(data.texts[text]);

/** Draw the inside of a row of the list. */
function drawRow(round) {
  const { operation, instruction, step } = row(round);
  const facts = extraFacts(round).map((fact) => ` ${fact}`).join("");
  return [
    make("span", { class: "head" }, make("b", {}, operation || inWords(step)), make("span", { class: "at" }, `r${number(round)}${facts}`), outcomeTag(round)),
    make("span", { class: "snippet", dir: "auto" }, visible(data.texts[instruction.text].slice(0, 200))),
  ];
}

/** Draw all of a round, for the reading pane. */
function drawRound(round, stepper) {
  return [drawHead(round, stepper), ...(round.pair ? drawPair(round) : drawReject(round)), drawChain(round)];
}

function drawHead(round, stepper) {
  const { pair, chain } = round;
  const facts = pair ? [`by ${pair.adapted_by}`, `similarity ${pair.similarity.toFixed(2)}`, `instruction ${pair.evolved_by}`] : [];
  const title = row(round).operation || "No operation";
  return make("header", {},
    make("p", { class: "steps" }, make("a", { class: "back", href: "#rounds" }, "All rounds"), stepper),
    make("h2", {}, title, " ", pair ? tag("pair", "pair") : tag("reject", "reject")),
    make("p", { class: "facts" },
      [`round ${number(round)}`, ...extraFacts(round), ...facts, chain.split].map((fact) => make("span", {}, fact)),
      make("a", { href: `#${round.id}`, class: "id", title: "Link to this round" }, round.id)),
  );
}

const drawInstruction = (instruction) => make("section", {}, make("h3", {}, "Instruction"), marked(instruction, "added"));

/** Return how many of the requirements an answer meets; nothing where there are none. */
const meets = (met) => (met.length ? `meets ${met.filter(Boolean).length} of ${met.length}` : "");

function drawPair({ pair, requirements }) {
  return [
    drawInstruction(pair.instruction),
    make("div", { class: "sides" }, drawSide("chosen", pair.chosen), drawSide("rejected", pair.rejected)),
    requirements.length && make("section", {}, make("h3", {}, "Requirements"),
      make("ol", { class: "requirements" }, requirements.map((requirement, i) => drawRequirement(requirement, i, pair)))),
    pair.ranking && drawRanking(pair),
  ];
}

function drawSide(name, side) {
  const size = `${count(data.texts[side.text].length)} characters`;
  return make("section", { class: `side ${name}` },
    make("h3", {}, name === "chosen" ? "Chosen" : "Rejected", make("small", {}, [meets(side.met), size].filter(Boolean).join(", "))),
    marked(side, name));
}

/** Draw all answers of a round by how much a teacher prefers each, the most preferred first. */
function drawRanking({ ranking, chosen, rejected }) {
  const { teacher, method, answers } = ranking;
  const role = ({ text }) => (text === chosen.text ? "chosen" : text === rejected.text ? "rejected" : "");
  const kinds = { chosen: ["pair", "good"], rejected: ["reject", "bad"] }; // of its tag and of its bar
  return make("section", {}, make("h3", {}, "The teacher's preference", make("small", {}, visible(teacher), `, by ${inWords(method)}`)),
    make("ol", { class: "ranking" }, answers.map((answer) => {
      const [kind, colour] = kinds[role(answer)] ?? [];
      return make("li", {},
        make("p", { class: "weight" }, make("b", {}, `${(100 * answer.share).toFixed(1)} %`), bar(answer.share, colour)),
        make("div", {}, unmarked(answer), make("p", { class: "facts" }, kind && tag(role(answer), kind), meets(answer.met) && make("span", {}, meets(answer.met)))));
    })));
}

function drawRequirement(requirement, i, pair) {
  const { id, round, check, text } = requirement;
  return make("li", { class: round === pair.round ? "newest" : "" },
    make("div", { class: "requirement" }, make("span", { dir: "auto" }, visible(data.texts[text])),
      make("span", { class: "facts" }, make("span", {}, id), make("span", {}, `round ${round}`), make("span", {}, `checked by ${check === "judge" ? "a judge" : "code"}`))),
    make("div", { class: "verdicts" }, ["chosen", "rejected"].map((name) => drawVerdict(name, pair[name], i, check))));
}

function drawVerdict(name, side, i, check) {
  const met = side.met[i], reason = data.texts[side.reasons[i]];
  const votes = check === "judge" ? `${percent(side.votes[i], 1)} of votes` : "";
  return make("p", { class: met ? "met" : "missed" },
    make("b", {}, met ? "✓ met" : "✗ missed"), make("span", { class: "who" }, ` by ${name}`),
    votes && make("span", { class: "share" }, votes), reason && make("span", { class: "reason", dir: "auto" }, visible(reason)));
}

function drawReject({ reject, chain }) {
  const before = turnBefore(chain, reject.round);
  return [
    make("p", { class: "why" }, make("b", {}, `${reject.step}: ${inWords(reject.reason)}`), REASONS[reject.reason] ? ` – ${REASONS[reject.reason]}` : ""),
    drawInstruction(reject.instruction),
    before && make("section", { class: "side rejected" }, make("h3", {}, "Previous answer", make("small", {}, "would have been the rejected one")), unmarked(before.response)),
    drawCandidates(reject.candidates),
  ];
}

function drawCandidates(candidates) {
  if (!candidates.length) return undefined;
  return make("section", {}, make("h3", {}, candidates.length === 1 ? "Its candidate" : `Its ${candidates.length} candidates`),
    make("ol", { class: "candidates" }, candidates.map((candidate) =>
      make("li", {},
        make("p", { class: "facts" }, tag(candidate.route), candidate.defect ? tag(inWords(candidate.defect), "reject") : tag("no defect", "pair"),
          make("span", { class: "reason", dir: "auto" }, visible(data.texts[candidate.detail] || REASONS[candidate.defect] || ""))),
        marked(candidate, "chosen")))));
}

/** Draw the chain from its seed to its last round; a turn shows its texts when it is opened. */
function drawChain(round) {
  const { chain } = round;
  const seed = chain.turns.find((turn) => turn.round === 0);
  const entries = chain.rounds.filter((other) => !extraFacts(other).length).map((other) => {
    const turn = chain.turns.find((turn) => turn.round === number(other));
    const name = `Round ${number(other)}`;
    const link = number(other) === number(round) ? make("b", { "aria-current": "true" }, name) : make("a", { href: `#${other.id}` }, name);
    const texts = turn ? () => drawTurn(turn) : () => [marked(other.reject.instruction, "added"), drawCandidates(other.reject.candidates)];
    return drawEntry([link, " ", row(other).operation, " ", outcomeTag(other)], texts);
  });
  const seedTag = seed && tag(seed.adapted_by === "seed" ? "with its answer" : "answered by the model");
  return make("section", { class: "chain" }, make("h3", {}, "Chain", make("small", {}, `seed ${chain.id}`)),
    make("ol", {}, seed && drawEntry([make("span", {}, "Seed"), " ", seedTag], () => drawTurn(seed)), entries));
}

/** Draw an entry of the chain; `texts` draws its texts when it is first opened. */
function drawEntry(title, texts) {
  const onToggle = ({ target }) => {
    if (target.open && target.children.length === 1) target.append(make("div", { class: "turn" }, texts()));
  };
  return make("li", {}, make("details", { toggle: onToggle }, make("summary", {}, title)));
}

function drawTurn(turn) {
  const dropped = turn.candidates.filter(({ defect }) => defect && defect !== "rejected");
  return [
    marked(turn.instruction, "added"),
    make("div", { class: "answer" }, marked(turn.response, "chosen")),
    dropped.length ? make("details", {}, make("summary", {}, `${dropped.length} dropped ${dropped.length === 1 ? "candidate" : "candidates"}`), drawCandidates(dropped)) : undefined,
  ];
}
