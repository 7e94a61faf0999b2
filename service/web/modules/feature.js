// @ts-check
/** A feature of a model: its gate in the model's runs, and every decision on it. */

import { find, get, part, post } from "pages/api";
import { BY_HAND, IN_JOBS } from "pages/features/statuses";
import { MEANS, TONES, options } from "pages/features/words";
import { openForm, say } from "pages/form";
import { jobLink } from "pages/job/words";
import { tabs } from "pages/model-tabs";
import { Chart, axis, points } from "views/chart";
import { detail, detailNames } from "views/details";
import { badge, columnHead, element, empty, fill, section, table, timeOf } from "views/dom";
import { ago, count, decimal, moment, words } from "views/format";

const RUNS = 6;
const LOOKED_AT = 30;
const POINTS = 400;
const DASHES = ["dashed", "dotted", [8, 3, 2, 3], [2, 6], [12, 4]];

/**
 * @typedef {{job: import("schemas").JobSummary, steps: number[], gates: (number | null)[],
 *   details: Record<string, number | null>}} Told of one run; of `details` what the last step told
 */

/**
 * @param {Element} main
 * @param {{model: string, feature: string}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, { model, feature }, caller) {
  const path = `/v1/models/${part(model)}/features/${part(feature)}`;
  const found = await get(path);
  document.title = `${feature} · ${model} · Winnow`;
  const head = element("div");
  const decided = element("div");
  const gates = section("Gate by run", element("p", { class: "soft", role: "status" }, "Loading …"));
  const crumbs = element(
    "nav",
    { class: "crumbs", "aria-label": "Where this is" },
    element("a", { href: `/models/${part(model)}` }, model),
    " / features",
  );
  fill(main, crumbs, tabs(model, null), head, gates, section("Decisions", decided));
  const draw = (/** @type {any} */ now) => {
    fill(
      head,
      heading(now, caller, () => change(model, now, async () => draw(await get(path)))),
      facts(now),
    );
    fill(decided, history(model, now.history));
  };
  draw(found);
  showRuns(gates, await runs(model, found));
}

/**
 * @param {import("schemas").FeatureDetail} feature
 * @param {import("pages/start").Caller} caller
 * @param {() => void} onChange
 */
function heading(feature, caller, onChange) {
  return element(
    "div",
    { class: "row spread" },
    element("h1", { class: "row" }, feature.name, badge(feature.status, TONES[feature.status])),
    caller.scopes.includes("approve") && element("button", { onclick: onChange }, "Change status"),
  );
}

/** @param {Omit<import("schemas").FeatureDetail, "spec"> & {spec: any}} feature `spec` depends on its kind */
function facts({ kind, dim, column, owner, tags, status, spec, registered_at, updated_at }) {
  const size = spec.hash_size ? `${count(spec.hash_size)} rows, ${spec.ids}` : null;
  const shown = [
    ["Status", status, MEANS[status]],
    ["Kind", words(kind), spec.pooling ? `pooled by ${spec.pooling}` : null],
    ["Dim", count(dim), size],
    .../** @type {[string, string, string | null][]} */ (
      spec.cost === undefined ? [] : [["Cost", String(spec.cost), "to serve"]]
    ),
    ["Owner", owner, tags.length ? tags.join(", ") : "no tags"],
    ["Column", column, null],
    ["Registered", moment(registered_at).slice(0, 10), `changed ${ago(updated_at)}`],
  ];
  return element(
    "dl",
    { class: "tiles" },
    shown.map(([name, value, note]) =>
      element(
        "div",
        { class: "tile" },
        element("dt", {}, name),
        element("dd", {}, value),
        note && element("dd", { class: "small" }, note),
      ),
    ),
  );
}

/**
 * The newest runs of the model that had this feature, newest first.
 * @param {string} model
 * @param {import("schemas").FeatureDetail} feature
 * @returns {Promise<Told[]>}
 */
async function runs(model, feature) {
  const page = await get("/v1/jobs", { model, dry_run: false, limit: LOOKED_AT });
  const having = page.jobs.filter(
    (/** @type {import("schemas").JobSummary} */ job) =>
      job.started_at && IN_JOBS.some((status) => status === statusAt(feature, job.created_at)),
  );
  const told = await Promise.all(
    having.slice(0, RUNS).map(async (/** @type {import("schemas").JobSummary} */ job) => {
      // A clone has the features of the job that it is of, whatever became of them since.
      const found = await find(`/v1/jobs/${part(job.id)}/gates`, { feature: feature.name, points: POINTS });
      if (!found || found.steps.length === 0) return null;
      return { job, steps: found.steps, ...gateOf(found) };
    }),
  );
  return told.filter((each) => each !== null);
}

/**
 * The gate of a history's only feature, and the newest of its details. An older service has LeAP's beside the gates.
 * @param {import("schemas").GateHistory} history
 */
function gateOf({ gates, details, divergences }) {
  const last = Object.entries(details ?? { divergence: divergences }).map(([name, rows]) => [name, rows.at(-1)?.[0]]);
  return { gates: gates.map(([gate]) => gate), details: Object.fromEntries(last) };
}

/**
 * The status that a feature had at a time; "" before it was registered.
 * @param {{status: string, history: {time: string, before: string | null, after: string}[]}} feature history newest first
 * @param {string} time
 */
export function statusAt({ history: decisions, status }, time) {
  const at = Date.parse(time);
  const last = decisions.find((each) => Date.parse(each.time) <= at);
  return last?.after ?? (decisions.length ? (decisions.at(-1)?.before ?? "") : status);
}

/**
 * @param {Element} place
 * @param {Told[]} told
 */
function showRuns(place, told) {
  place.querySelector("[role=status]")?.remove();
  if (told.length === 0) {
    place.append(
      empty(
        "No run of this model that is still kept has gates of this feature. Features that are essential, active or candidate are in every new job.",
      ),
    );
    return;
  }
  const chart = new Chart(place, "Gate over the search", { height: 320 });
  chart.draw(
    (shades) => option(shades, told),
    `${decimal(told[0].gates.at(-1), 3)} at step ${count(told[0].steps.at(-1))} of the newest run`,
  );
  place.append(runTable(told));
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {Told[]} told
 */
function option(shades, told) {
  return {
    xAxis: axis(shades, "search step", { min: 0 }),
    yAxis: axis(shades, "gate", { min: 0, max: 1 }),
    series: told.map(({ job, steps, gates }, at) => ({
      name: label(job),
      type: "line",
      symbol: "none",
      z: told.length - at,
      color: at === 0 ? shades.keep : shades.between,
      lineStyle: { width: at === 0 ? 3 : 1.5, type: at === 0 ? "solid" : DASHES[(at - 1) % DASHES.length] },
      tooltip: { valueFormatter: (/** @type {number} */ value) => decimal(value, 4) },
      data: points(steps, gates),
    })),
  };
}

/** @param {Told["job"]} job */
function label(job) {
  return `${job.name} #${job.number}`;
}

/** @param {Told[]} told */
function runTable(told) {
  const names = detailNames(told);
  const rows = told.map(({ job, steps, gates, details }) => {
    const cells = [decimal(gates.at(-1)), ...names.map((name) => decimal(details[name], 3)), count(steps.at(-1))];
    const name = element("a", { href: `/jobs/${part(job.id)}` }, label(job));
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      element("td", {}, words(job.state)),
      cells.map((text) => element("td", { class: "number" }, text)),
    );
  });
  return table(
    "Runs",
    [
      "Run",
      "State",
      ...["Gate", ...names.map((name) => detail(name).title), "Step"].map((name) => columnHead(name, true)),
    ],
    rows,
  );
}

/**
 * @param {string} model
 * @param {import("schemas").DecisionView[]} decisions newest first
 */
function history(model, decisions) {
  const rows = decisions.map((each) => {
    const list =
      each.prune_list &&
      element("a", { href: `/models/${part(model)}/lists/${each.prune_list}` }, `list ${each.prune_list}`);
    const from = [list, list && each.job_id && " of ", each.job_id && jobLink(each.job_id)];
    const cells = [
      timeOf(each.time),
      each.before ? `${each.before} → ${each.after}` : `registered as ${each.after}`,
      each.by,
      each.reason,
      from,
    ];
    return element(
      "tr",
      {},
      cells.map((cell) => element("td", {}, cell)),
      element("td", { class: "number" }, decimal(each.score)),
    );
  });
  return table("Decisions", ["When", "Status", "By", "Why", "From", columnHead("Score", true)], rows);
}

/**
 * @param {string} model
 * @param {import("schemas").FeatureDetail} feature
 * @param {() => Promise<void>} onDone
 */
function change(model, feature, onDone) {
  openForm({
    title: `Status of ${feature.name}`,
    note: `It is ${feature.status}: ${MEANS[feature.status]}.`,
    fields: [
      {
        name: "status",
        label: "New status",
        kind: "select",
        required: true,
        options: options(BY_HAND[feature.status]),
      },
      { name: "reason", label: "Why", kind: "area", required: true, help: "Kept in the feature's history." },
    ],
    send: "Change",
    submit: (values) => post(`/v1/models/${part(model)}/features/status`, { features: [feature.name], ...values }),
    onDone: async (_answer, { status }) => {
      say(`${feature.name} is ${status}.`);
      await onDone();
    },
  });
}
