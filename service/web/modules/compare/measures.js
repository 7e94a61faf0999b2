// @ts-check
/** How alike two runs' prune lists are. */

/** @typedef {Pick<import("schemas").ListedFeature, "name" | "score" | "decision" | "why">} Listed a feature of a list */

/**
 * Spearman's rank correlation: that of the ranks, ties at their mean.
 * @param {number[]} a
 * @param {number[]} b of the same length
 * @returns {number | null} null where either has fewer than two different values
 */
export function spearman(a, b) {
  return pearson(ranks(a), ranks(b));
}

/**
 * Ranks from 1, the smallest first; those of a tie at their mean.
 * @param {number[]} values
 */
export function ranks(values) {
  const order = values.map((_, at) => at).sort((one, other) => values[one] - values[other]);
  const found = new Array(values.length);
  for (let begin = 0, end = 0; begin < order.length; begin = end) {
    while (end < order.length && values[order[end]] === values[order[begin]]) end += 1;
    for (let at = begin; at < end; at += 1) found[order[at]] = (begin + 1 + end) / 2;
  }
  return found;
}

/**
 * @param {number[]} a
 * @param {number[]} b
 */
function pearson(a, b) {
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [both, aa, bb] = [0, 0, 0];
  for (let at = 0; at < a.length; at += 1) {
    both += (a[at] - ma) * (b[at] - mb);
    aa += (a[at] - ma) ** 2;
    bb += (b[at] - mb) ** 2;
  }
  return aa > 0 && bb > 0 ? both / Math.sqrt(aa * bb) : null;
}

/**
 * Of two lists: the rank correlation of scores over features that both searched, essential ones being none of them, and
 * the overlap of what is kept.
 * @param {Listed[]} a
 * @param {Listed[]} b
 */
export function alike(a, b) {
  const others = new Map(b.map((feature) => [feature.name, feature]));
  const pairs = a.flatMap((feature) => {
    const other = others.get(feature.name);
    return other && feature.why !== "essential" && other.why !== "essential" ? [[feature.score, other.score]] : [];
  });
  const kept = (/** @type {Listed[]} */ list) =>
    list.filter(({ decision }) => decision === "keep").map(({ name }) => name);
  const [keptA, keptB] = [kept(a), new Set(kept(b))];
  const both = keptA.filter((name) => keptB.has(name)).length;
  const either = keptA.length + keptB.size - both;
  return {
    common: pairs.length,
    correlation: spearman(
      pairs.map(([one]) => one),
      pairs.map(([, other]) => other),
    ),
    both,
    either,
    jaccard: either > 0 ? both / either : null,
  };
}

/**
 * Features that not all of the lists that know them decide alike.
 * @param {Listed[][]} lists
 * @returns {{name: string, kept: number, of: number, scores: (number | null)[], decisions: (string | null)[]}[]}
 *   `kept` by so many `of` the lists that know it
 */
export function disputed(lists) {
  const byList = lists.map((list) => new Map(list.map((feature) => [feature.name, feature])));
  const names = new Set(lists.flat().map(({ name }) => name));
  return [...names].flatMap((name) => {
    const found = byList.map((list) => list.get(name) ?? null);
    const known = found.filter((feature) => feature !== null);
    const kept = known.filter(({ decision }) => decision === "keep").length;
    if (kept === 0 || kept === known.length) return [];
    const scores = found.map((feature) => feature?.score ?? null);
    return [{ name, kept, of: known.length, scores, decisions: found.map((feature) => feature?.decision ?? null) }];
  });
}
