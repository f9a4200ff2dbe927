"use strict";
// What a reader does with the page: two plans, each a budget, a set of rules and the lines that are held.

const page = JSON.parse(document.getElementById("surface").textContent);
const words = page.words;
const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const plans = {
  a: { family: 0, budget: page.start.a, held: {} },
  b: { family: 0, budget: page.start.b, held: {} },
};
const found = {};
const $ = (selector, root = document) => root.querySelector(selector);

function money(amount, signed = false) {
  const size = Math.abs(amount);
  const digits = size >= 99.5 || size < 1e-9 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  const text = size.toLocaleString("en-US", digits), zero = Number(text.replace(/,/g, "")) === 0;
  return (zero ? "" : amount < 0 ? "\u2212" : signed ? "+" : "") + text;
}

function unit(amount) {
  return Number.isFinite(amount) ? (amount < 0 ? "\u2212" : "") + Math.abs(amount).toFixed(2) : "\u2013";
}

function element(tag, content = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = content;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// --- Amounts that are typed -------------------------------------------------------------------------------------------

// An amount, also as 1,500 or 1.5k; NaN for anything else, amounts below nothing too.
function amountOf(typed) {
  const plain = typed.replace(/[\s\u00a0\u202f]/g, "");
  const [, digits, size] = /^((?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?)([km]?)$/i.exec(plain) || [];
  return /\d/.test(digits) ? Number(digits.replace(/,/g, "")) * { "": 1, k: 1e3, m: 1e6 }[size.toLowerCase()] : NaN;
}

// What is said of an amount that is not used as it was typed, or may not be what was meant.
function said(typed, value, [least, most], where = "") {
  const used = Math.min(most, Math.max(least, value)), near = 1e-9 * Math.max(most, 1), text = typed.trim();
  const key = value > most + near ? "typed_above" : value < least - near ? "typed_below" : "";
  const dots = /^\d{1,3}\.\d{3}$/.test(text);
  const dotted = dots ? say("typed_dot", { typed: text, read: value, thousands: text.replace(".", ",") }) : "";
  const all = [dotted, key && say(key, { typed: text, used: money(used) })].filter(Boolean).join("; ");
  return all && where + all;
}

function refuse(which, typed, used, where = "") {
  const text = typed.trim();
  plans[which].typed = where + say(text ? "typed_none" : "typed_nothing", { typed: text, used: money(used) });
  show();
}

// --- The table of lines, made once; its numbers follow ---------------------------------------------------------------

function cellOf(which, line) {
  const cell = element("td", "", { class: `edit ${which}` }), inside = element("div", "", { class: "line" });
  const name = page.lines[line].join(" / "), label = (what) => `${what}: ${name}, ${say("plan_" + which)}`;
  const less = element("button", "\u221210\u00a0%", { type: "button", "aria-label": label("\u221210 %") });
  const more = element("button", "+10\u00a0%", { type: "button", "aria-label": label("+10 %") });
  const amount = element("input", "", { inputmode: "decimal", "aria-label": label(say("money")) });
  const lock = element("input", "", { type: "checkbox", "aria-label": label(say("lock")), title: say("lock") });
  const hold = (value, typed) => {
    plans[which].held[line] = Math.min(page.top[line], Math.max(0, value));
    changed(which, typed);
  };
  const committed = page.committed_by_line[line], ends = [committed, page.top[line] + committed];
  const take = (value, typed) => hold(value - committed, said(typed, value, ends, `${name}: `));
  const factor = (by) => {
    const value = found[which].table.money[line] * by + committed;
    take(value, money(value));
  };
  less.onclick = () => factor(0.9);
  more.onclick = () => factor(1.1);
  amount.onchange = () => {
    const value = amountOf(amount.value), now = found[which].table.money[line] + committed;
    if (Number.isFinite(value)) take(value, amount.value);
    else {
      amount.blur();
      refuse(which, amount.value, now, `${name}: `);
    }
  };
  lock.onchange = () => {
    if (lock.checked) hold(found[which].table.money[line]); else { delete plans[which].held[line]; changed(which); }
  };
  inside.append(lock, less, amount, more);
  cell.append(inside);
  return cell;
}

function makeTable() {
  const body = $("#lines tbody");
  const idle = (line) => !(page.top[line] > 0) && !(page.today_by_line[line] > 0);
  const left = page.lines.filter((_, line) => idle(line)).length;
  if (left) $("#idle").textContent = say(left === 1 ? "idle_one" : "idle", { count: left });
  page.lines.forEach(([segment, lever], line) => {
    if (idle(line)) return;
    const row = element("tr", "", { "data-line": line });
    const name = element("th", "", { scope: "row" });
    name.append(element("b", segment), element("span", lever));
    row.append(name, element("td", money(page.today_by_line[line]), { class: "number", "data-label": say("today") }));
    for (const which of ["a", "b"]) {
      row.append(page.top[line] > 0 ? cellOf(which, line) : element("td", "\u2013", { class: `number edit ${which}` }));
      row.append(element("td", "", { class: `number next ${which}`, "data-label": say("next") }));
    }
    body.append(row);
  });
}

// --- What follows every change ---------------------------------------------------------------------------------------

function showPlan(which) {
  const plan = plans[which], now = found[which], panel = $(`.panel.${which}`);
  const set = (name, text) => { $(`[data-fact=${name}]`, panel).textContent = text; };
  $("input[type=range]", panel).value = now.table.budget;
  const typed = $("input.budget", panel);
  if (document.activeElement !== typed) typed.value = money(now.table.budget);
  set("asset", money(now.asset));
  set("lift", money(now.lift, true));
  const exact = plan.exact;
  if (exact) set("error", say("exact", {
    seconds: exact.seconds.toFixed(1), off: money(exact.looked_up.asset - now.asset, true),
    kept: money(exact.looked_up.kept - now.kept, true),
  }));
  else set("error", !now.error ? say("error_none") : say("error_" + now.kind, {
    worst: money(now.error.worst), typical: money(now.error.typical),
    kept: money(now.error.kept.worst), kept_typical: money(now.error.kept.typical),
  }));
  set("spend", money(now.spend));
  set("price", unit(now.price));
  set("kept", money(now.kept));
  const count = Object.keys(plan.held).length;
  set("locks", count ? say(count === 1 ? "locked_one" : "locked", { count }) : say("unlocked"));
  const notes = $(".notes", panel);
  notes.replaceChildren();
  if (plan.failed) notes.append(element("li", say("unsolved", { why: plan.failed })));
  if (plan.typed) notes.append(element("li", plan.typed));
  if (now.missed) {
    const amounts = { spend: money(now.spend), budget: money(now.table.budget), most: money(range(plan.family)[1]) };
    notes.append(element("li", say(now.missed > 0 ? "unmet" : "short", amounts)));
  }
  else if (now.unspent) notes.append(element("li", say("unspent", { amount: money(now.unspent) }), { class: "plain" }));
  for (const rule of now.broken) {
    const more = rule.times > 1 ? say(rule.times === 2 ? "times_one" : "times", { times: rule.times - 1 }) : "";
    const [amount, limit] = [rule.amount, rule.limit].map((value) => money(value));
    const side = say(rule.sense === "<=" ? "at_most" : "at_least");
    notes.append(element("li", say("breaks", { rule: rule.name, amount, side, limit, unit: rule.unit, more })));
  }
  if (!now.missed && !now.broken.length) notes.append(element("li", say("keeps"), { class: "good" }));
}

function showLines() {
  [...$("#lines tbody").rows].forEach((row) => {
    const line = Number(row.dataset.line);
    for (const which of ["a", "b"]) {
      if (!(page.top[line] > 0)) continue;
      const now = found[which], held = line in plans[which].held;
      const [lock, amount] = row.querySelectorAll(`.edit.${which} input`);
      lock.checked = held;
      if (document.activeElement !== amount || held) amount.value = money(now.table.money[line] + page.committed_by_line[line]);
      $(`.edit.${which}`, row).classList.toggle("held", held);
      $(`.next.${which}`, row).textContent = unit(now.prices[line]);
    }
  });
  $("#lines tfoot").rows[0].querySelectorAll("[data-total]").forEach((cell) => {
    cell.textContent = money(found[cell.dataset.total].spend);
  });
}

function showDifference() {
  const { a, b } = found, gain = a.asset - b.asset;
  const ahead = gain > 0 ? 1 : -1;
  const unsure = Math.max(...[a, b].map(({ error }) => (error || page.errors.moved)?.worst ?? 0));
  const key = Math.abs(gain) <= unsure ? "too_close" : gain > 0 ? "a_ahead" : "b_ahead";
  $("#difference").textContent = say(key, {
    gain: money(Math.abs(gain)), unsure: money(unsure), currency: page.currency,
    spend: say(a.spend === b.spend ? "same_money" : ahead * (a.spend - b.spend) > 0 ? "more_money" : "less_money", {
      amount: money(Math.abs(a.spend - b.spend)),
    }),
  });
}

function showCurve() {
  const place = $("#curve"), width = place.clientWidth || 640, height = 260;
  const left = 74, bottom = 34, right = 26, top = 12;
  const [least, most] = range(plans.a.family), steps = 60;
  const curve = [];
  for (let i = 0; i <= steps; i++) {
    const budget = least + (most - least) * i / steps;
    curve.push([budget, counted(plans.a.family, settle({ family: plans.a.family, budget, held: {} }))[0] - page.today_counts[0]]);
  }
  const dots = ["a", "b"].map((which) => [found[which].table.budget, found[which].lift]);
  const ys = [...curve, ...dots].map(([, y]) => y).concat(0);
  const low = Math.min(...ys), high = Math.max(...ys), pad = (high - low || 1) * 0.06;
  const x = (v) => left + (v - least) / (most - least) * (width - left - right);
  const y = (v) => height - bottom - (v - low + pad) / (high - low + 2 * pad) * (height - bottom - top);
  const ticks = (from, to) => {
    const rough = (to - from) / (width < 500 ? 2.5 : 4), size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * size).find((s) => s >= rough);
    const out = [];
    for (let v = Math.ceil(from / step) * step; v <= to; v += step) out.push(v);
    return out;
  };
  const path = curve.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("");
  const marks = [
    ...ticks(low, high).map((v) => `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(v)}" y2="${y(v)}"/>` +
      `<text x="${left - 8}" y="${y(v) + 4}" text-anchor="end">${money(v, true)}</text>`),
    ...ticks(least, most).map((v) => `<text x="${x(v)}" y="${height - 12}" text-anchor="middle">${money(v)}</text>`),
    `<path d="${path}"/>`,
    ...["a", "b"].map((which, i) => `<circle class="${which}" r="6" cx="${x(dots[i][0])}" cy="${y(dots[i][1])}"/>` +
      `<text class="mark" x="${x(dots[i][0]) + 10}" y="${y(dots[i][1]) - 8}">${which.toUpperCase()}</text>`),
  ];
  place.innerHTML = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${say("curve").replace(/"/g, "&quot;")}">${marks.join("")}</svg>`;
}

function show() {
  const begun = performance.now();
  for (const which of ["a", "b"]) found[which] = plans[which].exact ? exactly(plans[which]) : evaluate(plans[which]);
  for (const which of ["a", "b"]) showPlan(which);
  showLines();
  showDifference();
  showCurve();
  window.tenure.milliseconds = performance.now() - begun;
}

// A plan that changes is looked up again; an answer that comes for what it was before is left.
function changed(which, typed = "") {
  plans[which] = { ...plans[which], exact: null, failed: "", typed };
  $(`.panel.${which} [data-fact=range]`).classList.remove("beyond");
  show();
}

// --- Solved exactly, where `tenure ui` serves the page ---------------------------------------------------------------

function exactly(plan) {
  const { exact } = plan, looked = evaluate(plan);
  const counts = [exact.asset, exact.kept, ...exact.watched.map((value, i) => value ?? looked.counts[2 + i])];
  const table = { ...looked.table, money: exact.money }, unspent = table.budget - exact.spend;
  return {
    ...looked, table, asset: exact.asset, kept: exact.kept, lift: exact.asset - page.today_counts[0],
    spend: exact.spend, price: exact.price ?? NaN, prices: exact.prices.map((value) => value ?? NaN),
    by_period: exact.by_period, error: { worst: 0 }, missed: 0, broken: broken(table, counts),
    unspent: unspent > page.tolerance * table.budget ? unspent : 0,
  };
}

async function solve(which) {
  const plan = plans[which], button = $(`.panel.${which} [data-do=solve]`), looked_up = found[which];
  const { budget } = found[which].table;
  button.disabled = true;
  button.textContent = say("solving");
  let answer;
  try {
    const asked = JSON.stringify({ budget, family: plan.family, held: plan.held });
    const sent = await fetch(document.body.dataset.solve, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: asked,
    });
    answer = await sent.json();
  } catch {
    answer = { error: say("unreachable") };
  }
  button.disabled = false;
  button.textContent = say("solve");
  if (plans[which] !== plan) return;
  plans[which] = { ...plan, exact: answer.error === undefined ? { ...answer, looked_up } : null, failed: answer.error };
  show();
}

// --- The table that `tenure compare` plays ---------------------------------------------------------------------------

function csv(which) {
  const executed = /^'*[=+\-@\t\r\n＝＋－＠]/, quote = (text) => /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  const written = (name) => quote(executed.test(name) ? `'${name}` : name);
  const amounts = found[which].by_period || byPeriod(plans[which].family, found[which].table);
  const rows = page.lines.flatMap(([segment, lever], c) =>
    page.stretches.map((name, t) => [written(segment), written(lever), quote(name), amounts[t][c]].join(",")));
  return [["segment", "lever", page.time, "spend"].join(","), ...rows, ""].join("\n");
}

function download(which) {
  const link = element("a", "", { download: `split-${which}.csv` });
  link.href = URL.createObjectURL(new Blob([csv(which)], { type: "text/csv" }));
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const which of ["a", "b"]) {
  const panel = $(`.panel.${which}`), change = (what) => { Object.assign(plans[which], what); changed(which); };
  $("input[type=range]", panel).oninput = (event) => change({ budget: Number(event.target.value) });
  $("input.budget", panel).onchange = (event) => {
    const typed = event.target.value, value = amountOf(typed), [least, most] = range(plans[which].family);
    event.target.blur();
    if (Number.isFinite(value)) {
      plans[which].budget = Math.min(most, Math.max(least, value));
      changed(which, said(typed, value, [least, most]));
    } else refuse(which, typed, found[which].table.budget);
    $("[data-fact=range]", panel).classList.toggle("beyond", !(value >= least && value <= most));
  };
  const rules = $("select", panel);
  if (rules) rules.onchange = () => change({ family: Number(rules.value) });
  $("[data-do=release]", panel).onclick = () => change({ held: {} });
  $("[data-do=copy]", panel).onclick = () => {
    const other = which === "a" ? "b" : "a", plan = plans[which];
    plans[other] = { ...plan, held: { ...plan.held }, typed: "" };
    const list = $(`.panel.${other} select`);
    if (list) list.value = plan.family;
    show();
  };
  $("[data-do=export]", panel).onclick = () => download(which);
  $("[data-do=solve]", panel).onclick = () => solve(which);
  $("[data-do=solve]", panel).hidden = !document.body.dataset.solve;
}
for (const button of document.querySelectorAll("[data-show]")) {
  button.onclick = () => {
    document.body.dataset.plan = button.dataset.show;
    for (const each of document.querySelectorAll("[data-show]")) each.setAttribute("aria-pressed", each === button);
  };
}
window.tenure = { page, plans, found, evaluate, settle, counted, byPeriod, csv, show };
addEventListener("resize", showCurve);
makeTable();
$("#today").textContent = money(sum(page.today_by_line));
show();
