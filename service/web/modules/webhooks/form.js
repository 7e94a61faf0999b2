// @ts-check
/** Making and changing a webhook: where events go, and which. */

import { FieldError } from "pages/fields";
import { openForm } from "pages/form";

/**
 * Kinds of events by what they tell of. The first of each group stands for all that begin like it, those to come too.
 * @type {[string, [string, string][]][]}
 */
export const KINDS = [
  [
    "Prune lists",
    [
      ["prune_list.*", "all of these"],
      ["prune_list.proposed", "proposed"],
      ["prune_list.not_proposed", "not proposed"],
      ["prune_list.approved", "approved"],
      ["prune_list.rejected", "rejected"],
      ["prune_list.active", "active"],
      ["prune_list.superseded", "superseded"],
      ["prune_list.rolled_back", "rolled back"],
    ],
  ],
  [
    "Jobs",
    [
      ["job.*", "all of these"],
      ["job.queued", "queued"],
      ["job.state", "in another state"],
      ["job.cancel_requested", "to be cancelled"],
      ["job.snapshot", "progress (many)"],
    ],
  ],
  [
    "Features",
    [
      ["feature.*", "all of these"],
      ["feature.registered", "registered"],
      ["feature.status", "in another status"],
    ],
  ],
  [
    "Schedules and triggers",
    [
      ["schedule.*", "all of schedules"],
      ["schedule.fired", "schedule fired"],
      ["schedule.skipped", "schedule skipped"],
      ["trigger.*", "all of triggers"],
      ["trigger.evaluated", "trigger evaluated (many)"],
    ],
  ],
  ["Webhooks", [["webhook.disabled", "disabled after failing for too long"]]],
];
const KNOWN = new Set(KINDS.flatMap(([, options]) => options.map(([kind]) => kind)));

/**
 * Ask for a webhook's settings.
 * @param {object} form
 * @param {string} form.title
 * @param {string} form.send
 * @param {{url: string, kinds: string[]}} [form.webhook] as it is
 * @param {(body: {url: string, kinds: string[]}) => Promise<any>} form.submit
 * @param {(answer: any) => Promise<void>} form.onDone
 */
export function askWebhook({ title, send, webhook = { url: "", kinds: ["prune_list.*"] }, submit, onDone }) {
  const others = webhook.kinds.filter((kind) => !KNOWN.has(kind));
  const some = (/** @type {Record<string, any>} */ { which }) => which === "some";
  openForm({
    title,
    fields: [
      {
        name: "url",
        label: "URL",
        value: webhook.url,
        required: true,
        help: "Gets each event as a POST. It begins with https, and leads to a public address unless the service's settings allow others.",
        attributes: { type: "url", placeholder: "https://example.com/hooks/winnow" },
      },
      {
        name: "which",
        label: "Events",
        kind: "select",
        value: webhook.kinds.length ? "some" : "all",
        options: [
          ["some", "those ticked below"],
          ["all", "all"],
        ],
      },
      ...KINDS.map(([label, options], at) => ({
        name: `group${at}`,
        label,
        kind: /** @type {const} */ ("choices"),
        options,
        value: webhook.kinds,
        path: "kinds",
        when: some,
      })),
      {
        name: "others",
        label: "Others",
        kind: "list",
        value: others,
        when: (values) => some(values) && others.length > 0,
        help: "One a line, such as prune_list.active, or prune_list.* for all that begin like this.",
      },
    ],
    send,
    submit: (values) => submit({ url: values.url, kinds: kindsOf(values) }),
    onDone,
  });
}

/**
 * The kinds that were ticked, without those that a prefix among them stands for; [] for all. Throws FieldError.
 * @param {Record<string, any>} values
 * @returns {string[]}
 */
function kindsOf(values) {
  if (values.which === "all") return [];
  const ticked = [...KINDS.flatMap((_, at) => values[`group${at}`]), ...(values.others ?? [])];
  if (ticked.length === 0) throw new FieldError("group0", "Tick at least one kind of event, or choose all above.");
  const prefixes = ticked.filter((kind) => kind.endsWith(".*")).map((kind) => kind.slice(0, -1));
  return ticked.filter((kind) => kind.endsWith(".*") || !prefixes.some((prefix) => kind.startsWith(prefix)));
}
