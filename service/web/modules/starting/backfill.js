// @ts-check
/** Runs of a schedule over partitions that are past. */

import { post } from "pages/api";
import { confirm, openForm, say } from "pages/form";
import { count } from "views/format";

const PLACE = "{partition}";

/** Whether runs differ by partition. @param {any} overrides */
export function hasPlace(overrides) {
  return JSON.stringify(overrides).includes(PLACE);
}

/**
 * @param {import("schemas").ScheduleView} schedule
 * @param {string} path the schedule's
 * @param {() => void} changed
 */
export function backfill(schedule, path, changed) {
  const range = (/** @type {any} */ values) => values.how === "range";
  const local = { type: "datetime-local" };
  openForm({
    title: `Back-fill ${schedule.name}`,
    note: `A run for each partition, which ${PLACE} in the overrides stands for; ${schedule.concurrency === "allow" ? "side by side" : "one after another"}.`,
    fields: [
      {
        name: "how",
        label: "Partitions",
        kind: "select",
        options: [
          ["range", "from one to another"],
          ["names", "by their names"],
        ],
        value: "range",
      },
      { name: "from", label: "First", attributes: local, required: true, when: range },
      { name: "to", label: "Last (included)", attributes: local, required: true, when: range },
      {
        name: "every",
        label: "One every",
        kind: "select",
        options: [
          ["day", "day"],
          ["hour", "hour"],
        ],
        value: "day",
        when: range,
      },
      {
        name: "format",
        label: "Name format",
        value: "%Y-%m-%d",
        required: true,
        help: "By %Y, %m, %d, %H and %j.",
        when: range,
      },
      {
        name: "partitions",
        label: "Names",
        kind: "list",
        required: true,
        help: "One a line, in the order in which they run.",
        when: (values) => !range(values),
      },
    ],
    send: "Back-fill",
    submit: ({ how, ...chosen }) => post(`${path}/backfill`, chosen),
    onDone: (made) => {
      say(`${count(made.pending)} runs wait.`);
      changed();
    },
  });
}

/**
 * @param {import("schemas").ScheduleView} schedule
 * @param {string} path the schedule's
 * @param {() => void} changed
 */
export function cancelBackfill(schedule, path, changed) {
  confirm({
    title: `Cancel the back-fill of ${schedule.name}?`,
    note: "Runs that still wait are skipped. Those that were started go on: cancel their jobs.",
    send: "Cancel the back-fill",
    danger: true,
    submit: () => post(`${path}/backfill/cancel`),
    onDone: (done) => {
      say(`${count(done.skipped)} runs won't be started.`);
      changed();
    },
  });
}
