// @ts-check
/** A finished run on one page: all views of it, frozen. */

import { columnHead, element, fill, painted, preformatted, section, table } from "views/dom";
import { count, decimal, moment } from "views/format";
import { metricName, signed } from "views/guard";
import { heatMap } from "views/heat-map";
import { stageTimes } from "views/stages";
import { summary } from "views/summary";
import { isDark, recall, turn } from "views/theme";

/**
 * @typedef {{role: string, total: number, kept: number, pruned: number, expected: string, wrong: string[]}} RoleOutcome
 * @typedef {import("views/run").Run & {list: import("views/run").PruneList, results: import("views/run").Results}} Run
 *   a finished one
 * @typedef {{mean: number, interval: [number, number] | null}} SeedDifference
 * @typedef {{seeds: number[], full: any[], differences: Record<string, SeedDifference>}} Retrained
 * @typedef {{run: Run, rule: string, truth: RoleOutcome[], date: string, retrained: Retrained | null}} Report `rule` is
 *   the spec's in words; `truth` is empty for data that isn't the simulator's; `date` is when the run ended
 */

/**
 * Draw the report. The heat map stands before the libraries of the other views are read.
 * @param {HTMLElement} main
 * @param {Report} content
 */
export async function report(main, { run, rule, truth, date, retrained }) {
  recall();
  printLight();
  const sums = section("Summary");
  fill(main, header(run, rule, date), sums);
  summary(sums).update(run);
  if (hasGates(run)) {
    const gates = section("Gates");
    main.append(gates);
    heatMap(gates).update(run);
  }
  await painted();
  await charts(main, run);
  main.append(
    ...[retrained && again(retrained), truth.length > 0 && against(truth), facts(run)].filter(
      (part) => part !== false && part !== null,
    ),
  );
  main.dataset.ready = "true";
}

/**
 * @param {Run} run
 * @param {string} rule
 * @param {string} date
 */
function header({ list, spec }, rule, date) {
  const essential = list.features.some(({ why }) => why === "essential");
  const pinned = essential ? " Essential features are kept whatever their score." : "";
  return element(
    "header",
    {},
    element(
      "div",
      { class: "row spread" },
      element("h1", {}, list.name),
      element("button", { onclick: () => turn(isDark() ? "light" : "dark"), "aria-label": "Turn dark or light" }, "◐"),
    ),
    element("p", { class: "soft" }, `Winnow's report of prune list ${list.id.slice(0, 12)}. Rule: ${rule}.${pinned}`),
    element("p", { class: "soft" }, `Finished ${moment(date)}. Data: ${sources(spec?.dataset)}.`),
  );
}

/**
 * @param {HTMLElement} main
 * @param {Run} run
 */
async function charts(main, run) {
  const [{ polarization }, { losses }, { ranking }, { scatter }, { curve }, { choice }] = await Promise.all([
    import("views/polarization"),
    import("views/losses"),
    import("views/ranking"),
    import("views/scatter"),
    import("views/curve"),
    import("views/choice"),
  ]);
  if (hasGates(run)) {
    const [parting, training] = [section("Polarization"), section("Training")];
    main.append(element("div", { class: "columns" }, parting, training));
    polarization(parting).update(run);
    losses(training).update(run);
    await painted();
  }
  await ranking(main).update(run);
  const [plots, selection] = [section("Scores against details and dims"), section("Selection curve")];
  main.append(plots, selection);
  scatter(plots).update(run);
  const drawn = curve(selection);
  drawn.update(run);
  choice(main, {
    onChoose: (cut) => drawn.mark(cut.added.length + cut.dropped.length > 0 ? cut : null),
  }).update(run);
}

/**
 * Whether the selector has gates: others rank without a search.
 * @param {Run} run
 */
function hasGates({ grid }) {
  return grid !== null && grid.steps.length > 0;
}

/** @param {any} dataset of the spec */
function sources(dataset) {
  const splits = ["train", "validation", "test"].filter((name) => dataset?.[name]);
  return splits.map((name) => `${name} ${[dataset[name]].flat().join(", ")}`).join("; ") || "–";
}

/** @param {Retrained} found */
function again({ seeds, full, differences }) {
  const rows = Object.entries(differences).map(([metric, { mean, interval }]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, metricName(metric)),
      element("td", { class: "number" }, signed(mean)),
      element("td", { class: "number" }, interval ? `${signed(interval[0])} to ${signed(interval[1])}` : "–"),
    ),
  );
  const note =
    full.length > 0
      ? `Models of the kept features against models of all features, from new weights, with ${count(seeds.length)} seeds each.`
      : "All features are kept: there is no other model to compare with.";
  const heads = [columnHead("Metric"), columnHead("Mean difference", true), columnHead("95% interval", true)];
  return section("Retrained", element("p", { class: "note" }, note), table("Retrained", heads, rows));
}

/** @param {RoleOutcome[]} truth */
function against(truth) {
  const heads = ["Role", "Total", "Kept", "Pruned", "Expected", "Wrong"];
  const number = (/** @type {number} */ value) => element("td", { class: "number" }, count(value));
  const head = heads.map((name, at) => columnHead(name, at > 0 && at < 4));
  const rows = truth.map(({ role, total, kept, pruned, expected, wrong }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, role),
      [total, kept, pruned].map(number),
      element("td", {}, expected),
      element("td", { class: wrong.length > 0 ? "bad" : null }, wrong.join(", ") || "none"),
    ),
  );
  return section(
    "Against the known truth",
    element("p", { class: "note" }, "The simulator made the data. A feature pruned while its copy is kept is no loss."),
    table("Roles", head, rows),
  );
}

/** @param {Run} run */
function facts({ spec, list, results }) {
  const { steps, rows_per_second: speed, attempts, converged, stages } = results;
  const search = [
    `${count(steps)} steps`,
    speed !== null && `${count(Math.round(speed))} rows/s`,
    `${count(attempts)} ${attempts === 1 ? "attempt" : "attempts"}`,
    converged &&
      `gates ${converged.gates ? "converged" : "not converged"}, model ${converged.model ? "converged" : "not converged"}`,
  ].filter(Boolean);
  const times = stageTimes(stages).map(([stage, taken]) => `${stage.toLowerCase()} ${decimal(taken, 1)} s`);
  const pairs = [
    ["Search", search.join(", ")],
    ["Time", times.join(", ")],
    ["Prune list", list.id],
    ...Object.entries(list.fingerprints).map(([name, digest]) => [`Fingerprint of ${name}`, digest]),
  ];
  const text = preformatted("The spec of this run");
  const ontoggle = () => (text.textContent ||= JSON.stringify(spec, null, 2));
  return section(
    "The run",
    element(
      "dl",
      { class: "facts" },
      pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
    ),
    element("details", { ontoggle }, element("summary", {}, "The spec of this run"), text),
  );
}

/** Paper is white: a dark page turns light while it is printed. */
function printLight() {
  let dark = false;
  const themed = (/** @type {string | undefined} */ theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    document.dispatchEvent(new Event("winnow:theme"));
  };
  /** @type {string | undefined} */
  let chosen;
  addEventListener("beforeprint", () => {
    dark = isDark();
    chosen = document.documentElement.dataset.theme;
    if (dark) themed("light");
  });
  addEventListener("afterprint", () => dark && themed(chosen));
}
