// @ts-check
/** Starting a selection among a model's features. */

import { part, post } from "pages/api";
import { openForm } from "pages/form";

const HOUR = 3600;

/**
 * @param {string} path the model's
 * @param {string} name
 */
export function startSelection(path, name) {
  openForm({
    title: `Start a selection of ${name}`,
    note: "A job with the model's spec and its essential, active and candidate features. It makes a prune list, which is proposed.",
    fields: [
      {
        name: "priority",
        label: "Priority",
        kind: "number",
        value: 0,
        required: true,
        attributes: { min: -100, max: 100, step: 1 },
        help: "Of waiting jobs, higher ones start first.",
      },
      {
        name: "hours",
        label: "Deadline (hours)",
        path: "deadline_seconds",
        kind: "number",
        required: false,
        attributes: { min: 0 },
      },
      { name: "dry_run", label: "Dry run: validate the spec against the data", kind: "check" },
      {
        name: "overrides",
        label: "Overrides",
        kind: "json",
        required: false,
        help: 'Laid over the model\'s spec, such as {"training": {"epochs": 2}}.',
      },
    ],
    send: "Start",
    submit: ({ hours, overrides, ...options }) =>
      post(`${path}/jobs`, {
        ...options,
        overrides: overrides ?? {},
        deadline_seconds: hours === null ? null : Math.round(hours * HOUR),
      }),
    onDone: (job) => location.assign(`/jobs/${part(job.id)}`),
  });
}
