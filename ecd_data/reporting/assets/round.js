// One round: both answers side by side with every verdict, or what was dropped and why; and the chain it is of.

const REASONS = {
  refused: "the endpoint does not take the request",
  no_answer: "no try gave a usable answer",
  truncated: "the answer was cut off",
  empty: "there is no word in it",
  refusal: "the model declined",
  looping: "the text repeats itself",
  gibberish: "the grammar forced words that the model would not write",
  unchanged: "the answer came back as it was",
  off_topic: "it shares no longer word with the task",
  echo: "it talks about the requirement instead of meeting it",
  chatter: "it opens with talk about itself",
  drifted: "it is of quite another length, or too far from the answer before",
  repeated: "another candidate had the same text",
  unbalanced: "one side would be much longer than the other",
  unmet: "a requirement in force is not met",
  only_url: "the seed is nothing but a link",
  too_long: "the seed is too long",
  contaminated: "it shares a run of words with an evaluation's prompt",
  no_operation: "no further operation fits",
  no_instruction: "the model made no usable instruction",
  no_candidate: "no route had a candidate to offer",
  negative_meets_all: "the answer before meets the new requirement already",
  negative_misses_many: "the answer before misses too many requirements",
  negative_undecided: "the judge was of two minds about the answer before",
  route_share: "its route had its share of the pairs already",
  undecided: "the teacher prefers none",
  unreadable: "the teacher's reply begins with no option",
  weaker_is_better: "the judge preferred the weaker model's answer in both orders",
  judge_undecided: "the judge did not prefer the same answer in both orders",
  rejected: "it is the rejected answer of this round",
};
/** What tells a pair from the first one of its round. */
const farther = ({ pair }) => (!pair ? [] : pair.negative !== "evolved" ? [`${pair.negative} answer`] : pair.gap > 1 ? [`gap ${pair.gap}`] : []);
const inWords = (reason) => reason.replaceAll("_", " ");

/** The inside of a row of the list. */
function drawRow(round) {
  const { operation, instruction } = row(round);
  const what = round.pair ? tag(round.pair.adapted_by, "pair") : tag(inWords(round.reject.reason), "reject");
  const gap = farther(round).map((fact) => ` ${fact}`).join("");
  return [
    make("span", { class: "head" }, make("b", {}, operation || inWords(row(round).step)), make("span", { class: "at" }, `r${number(round)}${gap}`), what),
    make("span", { class: "snippet", dir: "auto" }, visible(data.texts[instruction].slice(0, 200))),
  ];
}

/** All of a round, for the reading pane. */
function drawRound(round, neighbours) {
  return [drawHead(round, neighbours), ...(round.pair ? drawPair(round) : drawReject(round)), drawChain(round)];
}

function drawHead(round, neighbours) {
  const { operation, evolved_by: evolved } = row(round);
  const facts = round.pair
    ? [`by ${round.pair.adapted_by}`, `similarity ${round.pair.similarity.toFixed(2)}`, `instruction ${evolved}`]
    : [];
  const title = operation || "No operation";
  return make("header", {},
    make("p", { class: "steps" }, make("a", { class: "back", href: "#rounds" }, "All rounds"), neighbours),
    make("h2", {}, title, " ", round.pair ? tag("pair", "pair") : tag("reject", "reject")),
    make("p", { class: "facts" },
      [`round ${number(round)}`, ...farther(round), ...facts, round.chain.split].map((fact) => make("span", {}, fact)),
      make("a", { href: `#${round.id}`, class: "id", title: "Link to this round" }, round.id)),
  );
}

/** How many of the requirements an answer meets; nothing where there are none. */
const meets = (met) => (met.length ? `meets ${met.filter(Boolean).length} of ${met.length}` : "");

function drawPair(round) {
  const { pair, requirements, chain } = round;
  const [rejected, chosen] = differences(data.texts[pair.rejected.text], data.texts[pair.chosen.text]);
  const before = turnBefore(chain, pair.round);
  const side = (name, pieces) => {
    const size = `${count(data.texts[pair[name].text].length)} characters`;
    return make("section", { class: `side ${name}` },
      make("h3", {}, name === "chosen" ? "Chosen" : "Rejected", make("small", {}, [meets(pair[name].met), size].filter(Boolean).join(", "))),
      passage(pieces, name));
  };
  return [
    make("section", {}, make("h3", {}, "Instruction"), passage(changes(before?.instruction, pair.instruction), "added")),
    make("div", { class: "sides" }, side("chosen", chosen), side("rejected", rejected)),
    requirements.length && make("section", {}, make("h3", {}, "Requirements"),
      make("ol", { class: "requirements" }, requirements.map((requirement, i) => drawRequirement(requirement, i, pair)))),
    pair.ranking && drawRanking(pair),
  ];
}

/** All answers of a round by how much a teacher prefers each, the most preferred first. */
function drawRanking({ ranking, chosen, rejected }) {
  const { teacher, method, answers } = ranking;
  const role = ({ text }) => (text === chosen.text ? "chosen" : text === rejected.text ? "rejected" : "");
  const kinds = { chosen: ["pair", "good"], rejected: ["reject", "bad"] }; // of its tag and of its bar
  return make("section", {}, make("h3", {}, "The teacher's preference", make("small", {}, visible(teacher), `, by ${inWords(method)}`)),
    make("ol", { class: "ranking" }, answers.map((answer) => {
      const [kind, colour] = kinds[role(answer)] ?? [];
      return make("li", {},
        make("p", { class: "weight" }, make("b", {}, `${(100 * answer.share).toFixed(1)} %`), bar(answer.share, colour)),
        make("div", {}, plain(data.texts[answer.text]), make("p", { class: "facts" }, kind && tag(role(answer), kind), meets(answer.met) && make("span", {}, meets(answer.met)))));
    })));
}

function drawRequirement(requirement, i, pair) {
  const newest = requirement.round === pair.round;
  return make("li", { class: newest ? "newest" : "" },
    make("div", { class: "asked" }, make("span", { dir: "auto" }, visible(data.texts[requirement.text])),
      make("span", { class: "facts" }, make("span", {}, requirement.id), make("span", {}, `round ${requirement.round}`), make("span", {}, `checked by ${requirement.check === "judge" ? "a judge" : "code"}`))),
    make("div", { class: "verdicts" }, ["chosen", "rejected"].map((name) => drawVerdict(name, pair[name], i, requirement.check))));
}

function drawVerdict(name, side, i, check) {
  const met = side.met[i], reason = data.texts[side.reasons[i]];
  const votes = check === "judge" ? `${percent(side.votes[i], 1)} of votes` : "";
  return make("p", { class: met ? "met" : "missed" },
    make("b", {}, met ? "✓ met" : "✗ missed"), make("span", { class: "who" }, ` by ${name}`),
    votes && make("span", { class: "share" }, votes), reason && make("span", { class: "reason", dir: "auto" }, visible(reason)));
}

function drawReject(round) {
  const { reject, chain } = round;
  const before = turnBefore(chain, reject.round);
  return [
    make("p", { class: "why" }, make("b", {}, `${reject.step}: ${inWords(reject.reason)}`), REASONS[reject.reason] ? ` – ${REASONS[reject.reason]}` : ""),
    make("section", {}, make("h3", {}, "Instruction"), passage(changes(before?.instruction, reject.instruction), "added")),
    before && make("section", { class: "side rejected" }, make("h3", {}, "Answer before", make("small", {}, "would have been the rejected one")), plain(data.texts[before.response])),
    drawCandidates(reject.candidates, before),
  ];
}

function drawCandidates(candidates, before) {
  if (!candidates.length) return undefined;
  return make("section", {}, make("h3", {}, candidates.length === 1 ? "Its candidate" : `Its ${candidates.length} candidates`),
    make("ol", { class: "candidates" }, candidates.map((made) =>
      make("li", {},
        make("p", { class: "facts" }, tag(made.route), made.defect ? tag(inWords(made.defect), "reject") : tag("held up", "pair"),
          make("span", { class: "reason", dir: "auto" }, visible(data.texts[made.detail] || REASONS[made.defect] || ""))),
        passage(changes(before?.response, made.text), "chosen")))));
}

/** The chain from its seed to its last round; a turn shows its texts when it is opened. */
function drawChain(round) {
  const { chain } = round;
  const seed = chain.turns.find((turn) => turn.round === 0);
  const entries = chain.rounds.filter((other) => !farther(other).length).map((other) => {
    const turn = chain.turns.find((turn) => turn.round === number(other));
    const verdict = other.pair ? tag(other.pair.adapted_by, "pair") : tag(inWords(other.reject.reason), "reject");
    const link = number(other) === number(round) ? make("b", { "aria-current": "true" }, `Round ${number(other)}`) : make("a", { href: `#${other.id}` }, `Round ${number(other)}`);
    return drawTurn([link, " ", row(other).operation, " ", verdict], turn, chain, other.pair || turn ? undefined : other.reject);
  });
  return make("section", { class: "chain" }, make("h3", {}, "Chain", make("small", {}, `seed ${chain.id}`)),
    make("ol", {}, seed && drawTurn([make("span", {}, "Seed"), " ", tag(seed.adapted_by === "seed" ? "with its answer" : "answered by the model")], seed, chain), entries));
}

function drawTurn(title, turn, chain, reject) {
  const inside = () => {
    if (!turn) return [plain(data.texts[reject.instruction]), drawCandidates(reject.candidates, turnBefore(chain, reject.round))];
    const before = turnBefore(chain, turn.round);
    const dropped = turn.candidates.filter((made) => made.defect && made.defect !== "rejected");
    return [
      passage(changes(before?.instruction, turn.instruction), "added"),
      make("div", { class: "answer" }, passage(changes(before?.response, turn.response), "chosen")),
      dropped.length ? make("details", {}, make("summary", {}, `${dropped.length} dropped before it`), drawCandidates(dropped, before)) : undefined,
    ];
  };
  const opened = ({ target }) => {
    if (target.open && target.children.length === 1) target.append(make("div", { class: "turn" }, inside()));
  };
  return make("li", {}, make("details", { toggle: opened }, make("summary", {}, title)));
}

/** The last turn accepted before a round: (I(t), R(t)). */
const turnBefore = (chain, round) => evolves() ? chain.turns.filter((turn) => turn.round < round).at(-1) : undefined;

/** A text, by number, with the words marked that the other one lacks. */
function changes(before, after) {
  return before === undefined ? [[data.texts[after], false]] : differences(data.texts[before], data.texts[after])[1];
}
