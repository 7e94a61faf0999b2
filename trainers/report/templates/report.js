"use strict";
const ranking = document.getElementById("ranking");
const headers = [...ranking.tHead.rows[0].cells];
const rows = [...ranking.tBodies[0].rows];
const tools = document.querySelector(".tools");

headers.forEach((header, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sort(header, column));
  header.append(button);
});

function sort(header, column) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  headers.forEach(other => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const text = row => row.cells[column].textContent;
  const compare = header.classList.contains("n")
    ? (a, b) => text(a) - text(b)
    : (a, b) => text(a).localeCompare(text(b), undefined, { numeric: true });
  rows.sort((a, b) => (descending ? compare(b, a) : compare(a, b)));
  ranking.tBodies[0].append(...rows);
}

function filter() {
  const wanted = tools.elements.wanted.value.trim().toLowerCase();
  const decision = tools.elements.decision.value;
  for (const row of rows) {
    const named = row.cells[1].textContent.toLowerCase().includes(wanted);
    row.hidden = !(named && (!decision || row.className === decision));
  }
  tools.querySelector("output").value = `${rows.filter(row => !row.hidden).length} of ${rows.length} features`;
}

tools.addEventListener("input", filter);
tools.addEventListener("submit", event => event.preventDefault());
tools.hidden = false;
filter();
