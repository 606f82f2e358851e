// Two texts word by word, compared as ecd_data/differences.py does: longest common runs first.

const MOST_WORDS = 5000; // of a text; comparing takes the square of it at worst

/** Both texts in parts, [text, whether the other text lacks it], that give them back when joined. */
function differences(before, after) {
  const [a, b] = [before, after].map((text) => text.match(/\s*\S+|\s+$/g) ?? []); // words with the space before them
  if (Math.max(a.length, b.length) > MOST_WORDS) return [parts(before, before !== after), parts(after, before !== after)];
  const old = [], now = [];
  let i = 0, j = 0;
  for (const [atA, atB, length] of [...commonRuns(a.map(trim), b.map(trim)), [a.length, b.length, 0]]) {
    old.push(...parts(a.slice(i, atA).join(""), true), ...parts(a.slice(atA, atA + length).join(""), false));
    now.push(...parts(b.slice(j, atB).join(""), true), ...parts(b.slice(atB, atB + length).join(""), false));
    [i, j] = [atA + length, atB + length];
  }
  return [old, now];
}

const trim = (word) => word.trim();

/** White space around what differs is a part of its own. */
function parts(text, differs) {
  const body = text.trim();
  if (!differs || !body) return text ? [[text, false]] : [];
  const start = text.indexOf(body);
  const around = [[text.slice(0, start), false], [body, true], [text.slice(start + body.length), false]];
  return around.filter(([piece]) => piece);
}

/** Runs of words that both lists have, [start in a, start in b, length], in order. */
function commonRuns(a, b) {
  const places = new Map(); // of each word in b
  b.forEach((word, j) => places.has(word) ? places.get(word).push(j) : places.set(word, [j]));
  const runs = [], open = [[0, a.length, 0, b.length]];
  while (open.length) {
    const [fromA, toA, fromB, toB] = open.pop();
    const [atA, atB, length] = longestRun(a, places, fromA, toA, fromB, toB, b.length);
    if (!length) continue;
    runs.push([atA, atB, length]);
    open.push([fromA, atA, fromB, atB], [atA + length, toA, atB + length, toB]);
  }
  return runs.sort((one, other) => one[0] - other[0]);
}

function longestRun(a, places, fromA, toA, fromB, toB, size) {
  let best = [0, 0, 0];
  let last = new Int32Array(size + 1), next = new Int32Array(size + 1); // length of the run that ends before a place
  for (let i = fromA; i < toA; i++) {
    for (const j of places.get(a[i]) ?? []) {
      if (j < fromB || j >= toB) continue;
      const length = (next[j + 1] = last[j] + 1);
      if (length > best[2]) best = [i - length + 1, j - length + 1, length];
    }
    for (const j of (i > fromA && places.get(a[i - 1])) || []) last[j + 1] = 0;
    [last, next] = [next, last];
  }
  return best;
}
