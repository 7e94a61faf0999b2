// @ts-check
/** Elements of the page, made of names, attributes and children. Text is always text, never markup. */

import { moment } from "views/format";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. Attributes whose value is a function are listeners (`onclick`), `true` sets an empty attribute, and
 * null or false leaves it out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, String(value));
  }
  made.append(...nodes(children));
  return made;
}

/**
 * Replace what an element holds.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/**
 * A section with a heading and, below it, its content.
 * @param {string} heading
 * @param {...(Child | Child[])} children
 */
export function section(heading, ...children) {
  const id = fresh("section");
  return element("section", { "aria-labelledby": id }, element("h2", { id }, heading), ...children);
}

/**
 * What scrolls sideways where the window is narrower, by the keyboard too. A note says so while something is out of
 * sight.
 * @param {string} label what it is, for those who don't see it
 * @param {...(Child | Child[])} children
 */
export function scrolling(label, ...children) {
  const place = element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, ...children);
  const note = element("p", { class: "note more-aside", hidden: true }, "Scroll sideways for more →");
  const watch = new ResizeObserver(() => {
    note.hidden = place.scrollWidth <= place.clientWidth + 1;
  });
  for (const each of [place, ...place.children]) watch.observe(each);
  return element("div", {}, note, place);
}

/**
 * A time in the reader's own zone, on one line.
 * @param {string} iso
 * @param {string} [title] what hovering tells
 */
export function timeOf(iso, title = iso) {
  return element("time", { datetime: iso, title }, moment(iso));
}

/**
 * Text as it is written, such as JSON; the keyboard scrolls it too.
 * @param {string} label what it is, for those who don't see it
 * @param {...(Child | Child[])} children
 */
export function preformatted(label, ...children) {
  // A name needs a role: a bare <pre> has none that may be named.
  return element("pre", { tabindex: 0, role: "group", "aria-label": label }, ...children);
}

/**
 * A table that scrolls by itself.
 * @param {string} label
 * @param {(string | HTMLElement)[]} heads of its columns; text heads a column of text, and "" one that needs no head
 * @param {HTMLElement[]} rows
 * @param {HTMLElement | null} [caption]
 */
export function table(label, heads, rows, caption = null) {
  const cells = heads.map((head) => (head instanceof Node ? head : head ? columnHead(head) : element("td")));
  return scrolling(
    label,
    element("table", {}, caption, element("thead", {}, element("tr", {}, cells)), element("tbody", {}, rows)),
  );
}

/**
 * A column's head.
 * @param {string} text
 * @param {boolean} [ofNumbers]
 */
export function columnHead(text, ofNumbers = false) {
  return element("th", { scope: "col", class: ofNumbers ? "number" : null }, text);
}

/**
 * What is shown where there is nothing to show: what that means, and what to do next.
 * @param {string} told
 * @param {...(Child | Child[])} next
 */
export function empty(told, ...next) {
  return element("div", { class: "empty" }, element("p", {}, told), ...next);
}

/**
 * A label for a status; its text says what its colour says.
 * @param {string} text
 * @param {"good" | "bad" | "busy" | "plain"} [tone]
 */
export function badge(text, tone = "plain") {
  return element("span", { class: `badge ${tone}` }, text);
}

/**
 * Resolves when the browser has painted what there is: before what takes long, and can wait. A page that nobody sees
 * isn't painted.
 * @returns {Promise<void>}
 */
export function painted() {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

let count = 0;

/**
 * An id that the page doesn't have yet.
 * @param {string} stem
 */
export function fresh(stem) {
  count += 1;
  return `${stem}-${count}`;
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children.flat().flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    return [child instanceof Node ? child : String(child)];
  });
}
