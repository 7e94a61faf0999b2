// @ts-check
/** Whether a trigger would fire now, or under facts that someone supposes; nothing is recorded, nothing starts. */

import { post } from "pages/api";
import { openForm } from "pages/form";
import { condition, observations } from "pages/starting/words";
import { element, fill, scrolling } from "views/dom";

const CHECKS = /** @type {Record<string, string>} */ ({
  enabled: "Enabled",
  condition: "Condition",
  quiet_hours: "Quiet hours",
  cooldown: "Cooldown",
  running_job: "Running job",
});
const COMMON = /** @type {import("pages/fields").Field[]} */ ([
  { name: "time", label: "When it is evaluated (your time)", kind: "moment" },
  { name: "fired_at", label: "When it last fired (your time)", kind: "moment" },
  { name: "running_job", label: "Id of a job of it that has not ended" },
]);
const FACTS = /** @type {Record<string, import("pages/fields").Field[]>} */ ({
  candidates: [
    {
      name: "candidates",
      label: "Candidates since the last selection",
      kind: "number",
      attributes: { min: 0, step: 1 },
    },
  ],
  latency: [
    {
      name: "p99_seconds",
      label: "Serving latency, 99th percentile, in seconds",
      kind: "number",
      attributes: { min: 0 },
    },
    { name: "reports", label: "Number of reports", kind: "number", attributes: { min: 0, step: 1 } },
  ],
  freshness: [
    { name: "partition", label: "The newest partition" },
    { name: "last_partition", label: "The newest partition when it last fired" },
  ],
  manual: [],
});

/** @param {string} path the trigger's */
export async function wouldFire(path) {
  const told = element("div", {}, explanation(await post(`${path}/evaluate`)));
  openForm({
    title: "Would it fire now?",
    fields: [told],
    send: "Evaluate again",
    stays: true,
    submit: () => post(`${path}/evaluate`),
    onDone: (found) => fill(told, explanation(found)),
  });
}

/**
 * @param {string} path the trigger's
 * @param {import("schemas").TriggerView} trigger
 */
export function whatIf(path, trigger) {
  const told = element("div", { role: "status" });
  openForm({
    title: "What if …",
    note: `${condition(trigger.when)}. What is left empty is as it is now.`,
    fields: [...FACTS[trigger.when.kind], ...COMMON, told],
    send: "Would it fire?",
    stays: true,
    submit: (values) =>
      post(`${path}/evaluate`, Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))),
    onDone: (found) => fill(told, explanation(found)),
  });
}

/** @param {{fires: boolean, reason: string, checks: {name: string, passed: boolean, detail: string}[], observed: any, error: string | null}} found */
function explanation({ fires, reason, checks, observed, error }) {
  const heading = element(
    "p",
    { class: `alert ${fires ? "fine" : "caution"}` },
    element("strong", {}, fires ? "It would fire: " : "It wouldn't fire: "),
    error ?? reason,
  );
  const rows = checks.map(({ name, passed, detail }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, CHECKS[name] ?? name),
      element("td", {}, passed ? "✓ passed" : "✗ blocks"),
      element("td", {}, detail),
    ),
  );
  const saw = observations(observed);
  return [
    heading,
    rows.length > 0 && scrolling("Checks", element("table", {}, element("tbody", {}, rows))),
    saw && element("p", { class: "note" }, `Observed: ${saw}.`),
  ];
}
