// What the pages of lanes share. SPDX-License-Identifier: BSL-1.0
"use strict";
const $ = id => document.getElementById(id);
const node = (tag, cls, text) => { const n = document.createElement(tag); if (cls) n.className = cls; if (text !== undefined) n.textContent = text; return n; };
const pause = ms => new Promise(done => setTimeout(done, ms));
const inMs = t => t === null ? "–" : t < 10 ? t.toFixed(1) + " ms" : t < 1000 ? t.toFixed(0) + " ms" : (t / 1000).toFixed(2) + " s";

// The heads of an exchange in bytes: of the request, which the server has counted, and of the answer, but for the fields
// that are there for this page. And those of an event, with the chunk that it comes in.
const asked = res => Number(res.headers.get("request-bytes"));
function told(res) {
  let n = `HTTP/1.1 ${res.status} ${res.statusText}\r\n\r\n`.length;
  for (const [name, value] of res.headers) if (!/^(request-bytes|access-control-.*)$/.test(name)) n += name.length + value.length + 4;
  return n;
}
function framed(e) {
  const n = `id: ${e.lastEventId}\ndata: ${e.data}\n\n`.length + (e.type === "message" ? 0 : `event: ${e.type}\n`.length);
  return n + n.toString(16).length + 4;
}

// A lane: its name, its state, what it does, what can be done with it; a picture; and its figures, by their ids.
function laneBox(figures, ...controls) {
  const box = node("section", "lane"), bar = node("div"), end = node("span", "end"), list = node("dl");
  const lane = {title: node("h2"), state: node("span", "state"), about: node("p"), canvas: node("canvas"), figures: {}};
  lane.canvas.setAttribute("role", "img");
  for (const [id, text] of figures) {
    const one = node("div");
    lane.figures[id] = node("dd", "", "–");
    one.append(node("dt", "", text), lane.figures[id]);
    list.append(one);
  }
  end.append(...controls);
  bar.append(lane.title, lane.state, lane.about, end);
  box.append(bar, lane.canvas, list);
  $("lanes").append(box);
  return lane;
}
function show(figure, text, cls = "") {
  if (figure.textContent !== text) figure.textContent = text;
  figure.className = cls;
}

// Drawing.
let ink = {};
function colours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "soft", "line", "call", "answer", "bad", "good", "sheet"]) ink[name] = style.getPropertyValue("--" + name).trim();
  ink.font = "11px " + style.getPropertyValue("--sans");
}
function sized(canvas) {
  const box = canvas.getBoundingClientRect(), scale = devicePixelRatio || 1, w = Math.round(box.width * scale), h = Math.round(box.height * scale);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const c = canvas.getContext("2d");
  c.setTransform(scale, 0, 0, scale, 0, 0);
  c.clearRect(0, 0, box.width, box.height);
  c.font = ink.font;
  return {c, w: box.width, h: box.height, left: 56, right: box.width - 16};
}
function stroke(c, colour, width, alpha, path) {
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.globalAlpha = alpha;
  c.beginPath();
  path();
  c.stroke();
  c.globalAlpha = 1;
}
// Each with its words, where they do not stand on those of a later one. They fall from `top` to `bottom`.
function drawMarks(c, marks, x, left, right, top, bottom) {
  let free = Infinity;
  for (const m of [...marks].reverse()) {
    const at = x(m.at), wide = c.measureText(m.text).width;
    c.setLineDash(m.cls === "bad" ? [] : [3, 3]);
    stroke(c, ink[m.cls], m.cls === "bad" ? 1.5 : 1, 1, () => { c.moveTo(at, top + 3); c.lineTo(at, bottom); });
    c.fillStyle = ink[m.cls];
    const start = Math.min(at + 4, right - wide);
    if (start > left && start + wide < free) { c.fillText(m.text, start, top); free = start - 6; }
  }
  c.setLineDash([]);
}
// Draws some 30 times a second, or twice where less should move.
function animate(draw) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let drawn = 0;
  const frame = at => {
    if (at - drawn > 30) { // half of the frames will do
      drawn = at;
      draw();
    }
    if (calm.matches) setTimeout(() => requestAnimationFrame(frame), 500); else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

// The code of the program that stands behind these words, each alone in a comment.
async function sourceOf(words) {
  const text = await (await fetch("/source")).text();
  return [...text.matchAll(/^  \/\/ ([a-z]+)\n((?:  .*\n)+)/gm)].filter(m => words.includes(m[1])).map(m => m[2].replace(/^  /gm, "")).join("");
}
