// @ts-check
/** Why a feature is kept or pruned, and in which order features stand. */

import { count, decimal, inUnit, percent, words } from "views/format";

/**
 * @typedef {import("views/run").PruneList} PruneList
 * @typedef {import("schemas").ListedFeature} Feature
 */

const MOST_DIGITS = 6;

/**
 * The order of a list's features; it is that of every table, chart and slider of the run.
 * @param {PruneList} list
 */
export function orderOf({ selector, features }) {
  const gates = selector.family === "gate" && selector.probability_like;
  if (gates && features.some(({ details }) => "mean_gate" in details)) {
    const eliminated = features.some(({ details }) => "drop_cost" in details);
    if (features.some(({ details }) => "selection_frequency" in details))
      return "Order: essential features, then the others by their mean rank over the seeds.";
    const first = eliminated
      ? "open features and closed ones that are missed by elimination, the last to go first"
      : "open features by gate";
    return `Order: essential features, ${first}, closed features by mean gate while penalized.`;
  }
  return `Order: essential features, then the others as the selector ${selector.name} ranks them.`;
}

/** The order of features while a run goes on. */
export const NEWEST = "Order: by the newest gate, highest first, until the run has a ranking.";

/**
 * Why a list keeps or prunes a feature: what its rule compared.
 * @param {PruneList} list
 * @param {any} prune the rule, as the spec has it; null where the spec isn't known
 * @returns {(feature: Feature, at: number) => string} of a feature and its place in the list, from 0
 */
export function reasons({ selector, features, after, budget }, prune) {
  const measure = selector.family === "gate" && selector.probability_like ? "gate" : "score";
  const kept = features.filter(({ decision }) => decision === "keep").length;
  // Constant features and copies of what stays take no place: rules count the others.
  /** @type {Map<string, number>} */
  const ranks = new Map(
    features.filter(({ why }) => why !== "copy" && why !== "constant").map(({ name }, at) => [name, at + 1]),
  );
  const byRule = /** @type {Record<string, (feature: Feature, at: number) => string>} */ ({
    essential: () => "essential",
    best: () => "best feature; the rule kept none",
    given: ({ decision }) => (decision === "keep" ? "named in the spec" : "not named in the spec"),
    constant: () => "one value in every training row",
    copy: ({ copies }) => {
      const carrier = features.find(({ name, decision }) => decision === "keep" && copies?.includes(name));
      return carrier ? `copy of ${carrier.name}, which stays` : `copy of ${copies?.join(", ")}`;
    },
    hand: ({ decision }) => (decision === "keep" ? "kept by hand" : "pruned by hand"),
    threshold: ({ score }) =>
      prune?.threshold === undefined ? "threshold" : compared(measure, score, prune.threshold),
    missed: ({ score }) => `${measure} ${decimal(score, 2)}, but held-out rows miss it`,
    top_k: ({ name }, at) => ranked(ranks.get(name) ?? at + 1, prune?.top_k ?? kept),
    dims: ({ decision }) => {
      const budget = prune?.share ? ` of ${percent(prune.share, 1)} of dims` : "";
      return `${decision === "keep" ? "within" : "over"} budget${budget}`;
    },
    budget: ({ decision }) => `${decision === "keep" ? "within" : "over"} the budget${limitOf(budget)}`,
    curve: ({ name }, at) => `${ranked(ranks.get(name) ?? at + 1, after.features)}, by the selection curve`,
  });
  /** @type {Map<string, string[]>} */
  const carried = new Map();
  for (const { name, why, copies } of features) {
    const carrier = why === "copy" && features.find((each) => each.decision === "keep" && copies?.includes(each.name));
    if (carrier) carried.set(carrier.name, [...(carried.get(carrier.name) ?? []), name]);
  }
  return (feature, at) => {
    const reason = byRule[feature.why]?.(feature, at) ?? words(feature.why);
    const copies = carried.get(feature.name);
    return copies
      ? `${reason}; stays for its ${copies.length === 1 ? "copy" : "copies"} ${copies.join(", ")} too`
      : reason;
  };
}

/** @param {import("schemas").BudgetUse | null | undefined} budget */
function limitOf(budget) {
  return budget ? ` of ${inUnit(budget.limit, budget.unit)}` : "";
}

/**
 * "gate 0.33 < 0.5", with as many digits as show which is greater.
 * @param {string} measure
 * @param {number} score
 * @param {number} threshold
 */
function compared(measure, score, threshold) {
  const kept = score >= threshold;
  let digits = 2;
  while (digits < MOST_DIGITS && Number(score.toFixed(digits)) >= threshold !== kept) digits += 1;
  return `${measure} ${decimal(score, digits)} ${kept ? "≥" : "<"} ${threshold}`;
}

/**
 * @param {number} rank
 * @param {number} last that is kept
 */
function ranked(rank, last) {
  return `rank ${count(rank)} ${rank <= last ? "≤" : ">"} ${count(last)}`;
}
