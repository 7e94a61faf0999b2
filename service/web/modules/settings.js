// @ts-check
/** A model's settings: whose it is, the spec that its jobs begin with, how its lists are approved, what is kept. */

import { answered, part, request } from "pages/api";
import { openForm, say } from "pages/form";
import { policy } from "pages/list/policy";
import { patch, specFields, withFields } from "pages/model-spec";
import { tabs } from "pages/model-tabs";
import { element, fill, preformatted, section } from "views/dom";
import { count, moment } from "views/format";

/**
 * @param {Element} main
 * @param {{model: string}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, { model: name }, caller) {
  const path = `/v1/models/${part(name)}`;
  const [actions, body] = [element("p"), element("div")];
  fill(main, element("h1", {}, name), tabs(name, "settings"), actions, body);
  document.title = `Settings of ${name} · Winnow`;
  const load = async () => {
    const { content: model, etag } = await answered("GET", path);
    const change = () => edit(path, model, etag, load);
    if (caller.scopes.includes("admin"))
      fill(actions, element("button", { class: "primary", onclick: change }, "Edit settings"));
    fill(
      body,
      facts(model, caller),
      section("Spec of its jobs", preformatted("Spec of its jobs", JSON.stringify(model.spec, null, 2))),
    );
  };
  await load();
}

/**
 * @param {import("schemas").ModelView} model
 * @param {import("pages/start").Caller} caller
 */
function facts(model, caller) {
  const { retention, retention_in_force: inForce } = model;
  const days = (/** @type {"runs_days" | "events_days"} */ of) =>
    `${inForce?.[of].toLocaleString("en") ?? "–"} days${retention[of] ? "" : " (the service's)"}`;
  const rows = /** @type {[string, string][]} */ ([
    ["Owner", model.owner],
    ["Description", model.description || "–"],
    ["Approval", policy(model.policy, caller)],
    ["Run directories", `${days("runs_days")}, and always the last ${count(retention.keep_last)}`],
    ["Events", days("events_days")],
    ["Created", moment(model.created_at)],
    ["Changed", `${moment(model.updated_at)}, version ${count(model.version)}`],
  ]);
  return section(
    "Settings",
    element(
      "dl",
      { class: "facts" },
      rows.flatMap(([title, text]) => [element("dt", {}, title), element("dd", {}, text)]),
    ),
  );
}

/**
 * @param {string} path the model's
 * @param {import("schemas").ModelView} model
 * @param {string | null} etag of what is shown: where somebody changed it meanwhile, nothing is
 * @param {() => Promise<void>} onDone
 */
function edit(path, model, etag, onDone) {
  const { owner, description, policy: agreed, retention } = model;
  const spec = /** @type {any} */ (model.spec);
  const { dataset: _dataset, model: _model, training: _training, ...others } = spec;
  const check = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {boolean | undefined} */ value,
  ) => ({
    name,
    label,
    kind: /** @type {const} */ ("check"),
    value,
    path: `policy.${name}`,
  });
  const number = (/** @type {string} */ name, /** @type {string} */ label, /** @type {any} */ value) => ({
    name,
    label,
    kind: /** @type {const} */ ("number"),
    value,
    path: `retention.${name}`,
    required: false,
    attributes: { min: 0, step: 1 },
  });
  openForm({
    title: `Settings of ${model.name}`,
    note: "Jobs that were submitted keep their spec.",
    fields: [
      { name: "owner", label: "Owner", value: owner, required: true },
      { name: "description", label: "Description", kind: "area", value: description, required: false },
      ...specFields(spec),
      {
        name: "others",
        label: "Other parts of the spec, as JSON",
        kind: "json",
        path: "spec",
        value: Object.keys(others).length ? others : null,
        required: false,
        help: 'Such as {"selector": {"name": "leap"}, "prune": {"rule": "curve"}}.',
      },
      check("auto_approve", "Approve lists whose guard passed without a person", agreed.auto_approve),
      check("auto_activate", "Activate approved lists at once", agreed.auto_activate),
      check("four_eyes", "Who submits a job can't approve its list", agreed.four_eyes),
      number("runs_days", "Keep run directories for (days; empty: as the service does)", retention.runs_days),
      number("keep_last", "Always keep the last (runs)", retention.keep_last),
      number("events_days", "Keep events for (days; empty: as the service does)", retention.events_days),
    ],
    send: "Save",
    submit: (values) => {
      const found = withFields(spec, values);
      const {
        others: parts,
        auto_approve,
        auto_activate,
        four_eyes,
        runs_days,
        keep_last,
        events_days,
        ...plain
      } = found.others;
      const { dataset, model: backbone, training } = found.spec;
      const now = JSON.parse(JSON.stringify({ dataset, model: backbone, training, ...parts }));
      const body = {
        owner: plain.owner,
        description: plain.description ?? "",
        spec: patch(spec, now),
        policy: { auto_approve, auto_activate, four_eyes },
        retention: patch(
          retention,
          Object.fromEntries(
            Object.entries({ runs_days, keep_last, events_days }).filter(([, value]) => value !== null),
          ),
        ),
      };
      return request("PATCH", path, { body, match: etag });
    },
    onDone: async () => {
      say("The settings are saved.");
      await onDone();
    },
  });
}
