"use strict";
const read = (id) => document.getElementById(id).textContent;

async function unpacked() {
  const letters = atob(read("packed"));
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

async function start() {
  const { modules, view, report } = await unpacked();
  const address = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const imports = Object.fromEntries(Object.entries(modules).map(([name, text]) => [name, address(text)]));
  const map = document.createElement("script");
  map.type = "importmap";
  map.nonce = nonce;
  map.textContent = JSON.stringify({ imports });
  document.head.append(map);
  const drawn = await import(`views/${view}`);
  await drawn[view](document.getElementById("main"), report);
}

const { nonce } = document.currentScript;
start().catch((error) => {
  const told = document.createElement("p");
  told.className = "alert";
  told.textContent = `The report can't be drawn (${error}). A browser of 2023 or later can: Chromium 105, Firefox 113, Safari 16.4.`;
  document.getElementById("main").prepend(told);
  throw error;
});
