// @ts-check
/** Where the time of a run went: stages that do not overlap, and that add up to the run's whole time. */

import { element, empty, fill, scrolling } from "views/dom";
import { decimal, words } from "views/format";
import { STAGES } from "views/states";

const BEFORE = /** @type {Record<string, string>} */ ({
  validating: "Validating the data",
  ray: "Starting Ray",
  local: "Starting the launcher",
});
const NOTICED = 0.5;

/**
 * Seconds by stage in order. A run writes `workers` as a part of `starting`, `total` as the whole, and
 * `check` as the old name of `validating`.
 * @param {Record<string, number>} stages as progress.json or metrics.json has them
 * @returns {[string, number][]} titles and seconds; the last is the total
 */
export function stageTimes(stages) {
  const { workers = 0, starting, total, check, ...others } = stages;
  if (check !== undefined) others.validating ??= check;
  /** @type {[string, number][]} */
  const rows = Object.entries(BEFORE).flatMap(([name, title]) => (name in others ? [[title, others[name]]] : []));
  if (starting !== undefined) {
    if (workers > 0) rows.push(["Starting the workers", Math.min(workers, starting)]);
    rows.push(["Loading the data", Math.max(0, starting - workers)]);
  }
  const known = STAGES.filter((name) => name in others && !(name in BEFORE));
  const rest = Object.keys(others).filter((name) => !(name in BEFORE) && !known.some((stage) => stage === name));
  for (const name of [...known, ...rest]) rows.push([title(name), others[name]]);
  const sum = rows.reduce((so_far, [, seconds]) => so_far + seconds, 0);
  if (total !== undefined && total - sum >= NOTICED) rows.push(["Other", total - sum]);
  return [...rows, ["Total", Math.max(total ?? 0, sum)]];
}

/** @param {string} name */
function title(name) {
  const text = words(name);
  return text[0].toUpperCase() + text.slice(1);
}

/**
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function stageTable(parent) {
  const place = element("div");
  parent.append(place);
  return {
    update({ progress, results }) {
      const stages = results?.stages ?? progress?.stages ?? {};
      if (Object.keys(stages).length === 0) return fill(place, empty("No stage has ended yet."));
      const rows = stageTimes(stages).map(([name, seconds]) =>
        element(
          "tr",
          { class: name === "Total" ? "total" : null },
          element("th", { scope: "row" }, name),
          element("td", { class: "number" }, `${decimal(seconds, 1)} s`),
        ),
      );
      fill(place, scrolling("Time by stage", element("table", {}, element("tbody", {}, rows))));
    },
  };
}
