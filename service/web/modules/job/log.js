// @ts-check
/** A job's log: its end, and what is added while it is followed. */

import { get, Problem } from "pages/api";
import { element, section } from "views/dom";

const TAIL = 1000;
const PAUSE = 2000;
const MOST_CHARACTERS = 2_000_000;

/**
 * The stream of the job's events says that the service can't be reached; the log is read on when it can.
 * @param {unknown} error
 */
function missed(error) {
  if (!(error instanceof Problem)) throw error;
}

/**
 * @param {Element} parent
 * @param {string} path the job's
 * @returns {{update: () => Promise<void>}}
 */
export function log(parent, path) {
  const text = document.createTextNode("");
  const box = element("pre", { tabindex: 0, role: "log", "aria-label": "Log", "aria-live": "off", class: "log" }, text);
  const follows = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", checked: true }));
  const told = element("span", { class: "soft", role: "status" });
  parent.append(
    section(
      "Log",
      element("p", { class: "row spread" }, element("label", { class: "inline" }, follows, "Follow"), told),
      box,
    ),
  );
  /** @type {number | null} */
  let offset = null;
  let over = false;
  let due = 0;

  async function read() {
    if (over || Date.now() < due) return;
    due = Date.now() + PAUSE;
    const found = await get(`${path}/logs`, offset === null ? { tail: TAIL } : { offset });
    if (offset === null && found.offset > 0) told.textContent = `The last ${TAIL} lines; the API has them all.`;
    offset = found.next;
    over = found.ended && found.text === "";
    text.appendData(found.text);
    if (text.length > MOST_CHARACTERS) text.deleteData(0, text.length - MOST_CHARACTERS);
    if (text.length === 0)
      told.textContent = found.ended ? "It left no log, or its files were deleted." : "Nothing was said yet.";
    else if (told.textContent === "Nothing was said yet.") told.textContent = "";
    if (follows.checked && found.text) box.scrollTop = box.scrollHeight;
  }
  follows.addEventListener("change", () => {
    if (follows.checked) box.scrollTop = box.scrollHeight;
  });
  window.setInterval(() => {
    if (!document.hidden && box.checkVisibility() && follows.checked) read().catch(missed);
  }, PAUSE);
  return { update: read };
}
