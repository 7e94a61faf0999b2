// @ts-check
/** The form that submits a job of a model. */

import { part, post } from "pages/api";
import { openForm } from "pages/form";

/**
 * @param {string[]} models
 * @param {string | null} model the one that is chosen at first
 */
export function openNewJob(models, model) {
  openForm({
    title: "New job",
    note: "A search over the model's essential, active and candidate features, by the model's spec.",
    fields: [
      {
        name: "model",
        label: "Model",
        kind: "select",
        required: true,
        value: model ?? models[0],
        options: models.map((name) => [name, name]),
      },
      {
        name: "overrides",
        label: "Changes to the model's spec, as JSON",
        kind: "json",
        required: false,
        help: 'Such as {"name": "less", "selector": {"target_dims": 0.7}}; empty takes the spec as it is.',
      },
      {
        name: "priority",
        label: "Priority",
        kind: "number",
        value: 0,
        help: "From −100 to 100; higher ones start first.",
      },
      { name: "dry_run", label: "Dry run: validate the spec against the data", kind: "check" },
    ],
    send: "Submit",
    submit: ({ model: chosen, overrides, priority, dry_run }) =>
      post(`/v1/models/${part(chosen)}/jobs`, { overrides: overrides ?? {}, priority: priority ?? 0, dry_run }),
    onDone: (made) => location.assign(`/jobs/${part(made.id)}`),
  });
}
