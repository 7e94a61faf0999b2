// @ts-check
/** What selectors tell of a feature beside its score, in words. */

/** @typedef {{title: string, axis: string, log: boolean}} Detail `log`: values spread over decades, from 0 on */

/** @type {Record<string, Detail>} */
const KNOWN = {
  divergence: { title: "Divergence", axis: "divergence, mean ‖x − x′‖, log scale", log: true },
  drop_cost: { title: "Drop cost", axis: "rise of logloss as the feature was dropped", log: false },
  drop_error: { title: "Error of drop cost", axis: "standard error of the drop cost", log: false },
  missed: { title: "Missed", axis: "held-out rows miss it though its gate is closed", log: false },
  selection_frequency: { title: "Selection frequency", axis: "share of seeds whose gate ended open", log: false },
  rank_spread: { title: "Rank spread", axis: "best to worst rank, as a share of the list", log: false },
  mean_gate: { title: "Mean gate", axis: "mean gate while penalized", log: false },
};

/**
 * @param {string} name as the prune list has it
 * @returns {Detail}
 */
export function detail(name) {
  const text = name.replaceAll("_", " ");
  return KNOWN[name] ?? { title: text[0].toUpperCase() + text.slice(1), axis: text, log: false };
}

/**
 * Names of the details that any of the features has, in the order in which they come.
 * @param {{details: Record<string, unknown>}[]} features
 */
export function detailNames(features) {
  return [...new Set(features.flatMap(({ details }) => Object.keys(details)))];
}
