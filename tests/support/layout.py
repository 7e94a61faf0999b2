"""What a page's layout hides from its reader: text that is cut or covered, columns out of reach, heads over each
other."""

from __future__ import annotations

from playwright.sync_api import Page

FAULTS = r"""() => {
  const faults = new Set();
  const main = document.querySelector("main");
  const short = (text) => text.replace(/\s+/g, " ").trim().slice(0, 60);
  const shown = (node) => node.getClientRects().length > 0 && !node.closest(".visually-hidden, .skip, canvas");
  const style = (node) => getComputedStyle(node);
  const wide = (node) => ["auto", "scroll"].includes(style(node).overflowX) && node.scrollWidth > node.clientWidth;
  // A grid's head moves with its rows.
  const scrolls = (node) =>
    wide(node) ||
    (node.matches(".tabulator-header *") && wide(node.closest(".tabulator").querySelector(".tabulator-tableholder")));
  const hides = (node) => ["hidden", "clip"].includes(style(node).overflowX);
  const told = (node) => Boolean(node.closest("[title]")?.title || node.querySelector("[title]")?.title);
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!node.data.trim() || !parent.closest("main, #header")) continue;
    if (parent.closest("option, script") || !shown(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    texts.push({ node, parent, rects: [...range.getClientRects()], box: range.getBoundingClientRect() });
  }

  // Text that sticks out of what hides it, or out of the window, where nothing scrolls to it.
  for (const { node, parent, box } of texts) {
    let reachable = false;
    for (let at = parent; at && at !== document.body; at = at.parentElement) {
      if (scrolls(at)) { reachable = true; break; }
      const frame = at.getBoundingClientRect();
      const outside = box.right > frame.right + 1.5 || box.left < frame.left - 1.5;
      if (hides(at) && outside && !told(parent)) faults.add(`cut: ${short(node.data)}`);
    }
    if (!reachable && box.right > innerWidth + 1) faults.add(`beyond the window: ${short(node.data)}`);
  }
  // A caption is no part of what one scrolls to.
  for (const { node, parent, box } of texts) {
    const caption = parent.closest("caption:not(.visually-hidden), figcaption, .note, h1, h2, h3, label, legend, p");
    const frame = caption?.closest(".scroll, section, main")?.getBoundingClientRect();
    if (frame && !parent.closest("td, th, .tabulator, pre") && box.right > Math.min(frame.right, innerWidth) + 1)
      faults.add(`wider than its frame: ${short(node.data)}`);
  }
  // Words and numbers of tables that are broken within.
  for (const { node, parent } of texts) {
    if (!parent.closest("td, th") || parent.closest(".free, pre, code")) continue;
    for (const { 0: word, index } of node.data.matchAll(/[^\s\u00ad]+/g)) {
      if (word.length > 24 || (/[-/]/.test(word) && !/^[\d.,:%−+-]+$/.test(word))) continue;
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (lines.size > 1) faults.add(`broken: ${word}`);
    }
  }
  // Heads whose texts, or text and arrow, lie over each other.
  for (const head of main.querySelectorAll("thead tr, .tabulator-headers")) {
    if (!shown(head)) continue;
    const boxes = texts.filter(({ node }) => head.contains(node)).map(({ node, box }) => [short(node.data), box]);
    for (const arrow of head.querySelectorAll(".tabulator-col-sorter .tabulator-arrow"))
      if (shown(arrow)) boxes.push(["arrow", arrow.getBoundingClientRect()]);
    boxes.forEach(([one, a], at) => {
      for (const [other, b] of boxes.slice(at + 1)) {
        const over = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (over > 1 && high > 1) faults.add(`over each other: ${one} and ${other}`);
      }
    });
  }
  // Text of a table that another cell lies over. What is above or below the window, or what scrolls in it, is scrolled
  // to, as only what is in sight can be pointed at; what is beside its frame isn't: a column that stays in sight lies
  // over others there.
  const place = [scrollX, scrollY];
  const middle = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    return [(left + right) / 2, (top + bottom) / 2];
  };
  const away = (parent, y) => {
    for (let at = parent; at && at !== document.body; at = at.parentElement) {
      const { top, bottom } = at.getBoundingClientRect();
      if (style(at).overflowY !== "visible" && (y < top || y > bottom)) return true;
    }
    return y < 0 || y >= innerHeight;
  };
  for (const { node, parent } of texts) {
    const cell = parent.closest("td, th");
    if (!cell || !parent.checkVisibility()) continue;
    let [x, y] = middle(node);
    const frame = cell.closest(".scroll")?.getBoundingClientRect();
    if (x < (frame?.left ?? 0) || x > Math.min(frame?.right ?? innerWidth, innerWidth) - 1) continue;
    if (away(parent, y)) {
      parent.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
      [x, y] = middle(node);
      if (away(parent, y)) continue;
    }
    const there = document.elementFromPoint(x, y)?.closest("td, th");
    if (there && there !== cell) faults.add(`covered: ${short(node.data)}`);
  }
  scrollTo({ left: place[0], top: place[1], behavior: "instant" });
  const { scrollWidth: whole } = document.documentElement;
  if (whole > innerWidth) faults.add(`the page is ${whole} px wide`);
  return [...faults];
}"""

SCROLLED = """() => [...document.querySelectorAll("main *")]
  .filter((node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX))
  .filter((node) => node.scrollWidth > node.clientWidth + 1)
  .map((node) => node.closest("[aria-label]")?.getAttribute("aria-label") ?? node.className)"""


def faults(page: Page) -> list[str]:
    """In words, each with the text that it is of. Text that is cut is none where hovering tells it whole."""
    found: list[str] = page.evaluate(FAULTS)
    return found


def scrolled(page: Page) -> list[str]:
    """Labels of what is wider than it shows, so that one has to scroll sideways."""
    found: list[str] = page.evaluate(SCROLLED)
    return found
