"use strict";
// The surface of solved plans, looked up: the same formulas as optimizer/insight/surface.py, on the data of this page.

function cubic(part, width, rise, slope, end) {
  const square = part * part, cube = square * part;
  return (cube - 2 * square + part) * width * slope + (3 * square - 2 * cube) * rise + (cube - square) * width * end;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

// What is counted near one solved plan under the money of each line: asset, customers kept, rules.
function countedNear(knot, money) {
  const lines = money.length, out = knot.counts.slice(), pulled = new Float64Array(lines);
  const last = knot.points.length - 1;
  let own = 0;
  const reach = new Float64Array(lines);
  for (let c = 0; c < lines; c++) {
    const step = money[c] - knot.money[c];
    if (step === 0) continue;
    const up = step > 0 ? 1 : 0, toEnd = up ? knot.points[last][c] - knot.money[c] : -knot.money[c];
    const far = toEnd === 0 ? 0 : step / toEnd;
    for (let i = 0; i < out.length; i++) out[i] += far * (knot.ends[up][c][i] - knot.counts[i]);
    let at = 0;
    while (at < last && knot.points[at][c] <= money[c]) at++;
    at = Math.max(1, at);
    const width = knot.points[at][c] - knot.points[at - 1][c];
    const part = width === 0 ? 0 : (money[c] - knot.points[at - 1][c]) / width;
    const low = knot.gain[at - 1][c];
    const gained = low + cubic(part, width, knot.gain[at][c] - low, knot.slopes[at - 1][c], knot.slopes[at][c]);
    own += gained;
    for (const [d, moved] of knot.cross[at - 1][c]) pulled[d] += (1 - part) * moved;
    for (const [d, moved] of knot.cross[at][c]) pulled[d] += part * moved;
    const does = knot.slope[c] + 1;
    reach[c] = does > page.idle ? (gained + step) / does : step;
  }
  let together = 0;
  for (let c = 0; c < lines; c++) together += pulled[c] * reach[c];
  out[0] = knot.counts[0] + own + together / 2;
  return out;
}

// The solved plans on both sides of a budget, and how far it is from the first to the second.
function between(family, budget) {
  const knots = page.families[family].knots;
  let at = 1;
  while (at < knots.length - 1 && knots[at].budget <= budget) at++;
  const low = knots[at - 1], high = knots[at];
  return [low, high, Math.min(1, Math.max(0, (budget - low.budget) / (high.budget - low.budget)))];
}

function planAt(family, budget) {
  const [low, high, part] = between(family, budget);
  return low.money.map((money, c) => (1 - part) * money + part * high.money[c]);
}

// The budgets that are looked up: those that were solved, and not the least that the rules ask, where free lines end.
function range(family) {
  const knots = page.families[family].knots;
  return [page.families[family].least, knots[knots.length - 1].budget];
}

// The budget whose plan is nearest to some money.
function nearest(family, money) {
  const knots = page.families[family].knots;
  let best = [Infinity, knots[0].budget];
  for (let i = 1; i < knots.length; i++) {
    const low = knots[i - 1], high = knots[i], way = high.money.map((value, c) => value - low.money[c]);
    const size = sum(way.map((value) => value * value));
    const along = sum(way.map((value, c) => value * (money[c] - low.money[c])));
    const part = size > 0 ? Math.min(1, Math.max(0, along / size)) : 0;
    const off = sum(way.map((value, c) => (money[c] - low.money[c] - part * value) ** 2));
    if (off < best[0]) best = [off, low.budget + part * (high.budget - low.budget)];
  }
  return best[1];
}

// The table of a budget: held lines at their money, the others as in the plan that makes the sum fit.
function settle(plan) {
  const { family, held } = plan, [least, most] = range(family);
  const budget = Math.min(most, Math.max(least, plan.budget)), names = Object.keys(held);
  if (!names.length) return { budget, followed: budget, near: budget, money: planAt(family, budget) };
  const wanted = sum(planAt(family, budget)) - sum(names.map((c) => held[c]));
  let low = page.families[family].knots[0].budget, high = most;
  for (let i = 0; i < page.halvings; i++) {
    const middle = (low + high) / 2;
    const free = sum(planAt(family, middle).filter((_, c) => !(c in held)));
    if (free < wanted) low = middle; else high = middle;
  }
  const followed = (low + high) / 2, money = planAt(family, followed);
  for (const c of names) money[c] = Math.min(page.top[c], Math.max(0, held[c]));
  return { budget, followed, near: nearest(family, money), money };
}

function counted(family, table) {
  const [low, high, part] = between(family, table.near);
  const a = countedNear(low, table.money), b = countedNear(high, table.money);
  return a.map((value, i) => (1 - part) * value + part * b[i]);
}

// A table's money by period and line, with what was committed before the start.
function byPeriod(family, table) {
  const [low, high, part] = between(family, table.near);
  return page.committed.map((line, t) =>
    line.map((committed, c) =>
      committed + ((1 - part) * low.course[t][c] + part * high.course[t][c]) * table.money[c]));
}

// Rules that a table breaks, each at the time where it is broken most.
function broken(table, counts) {
  const worst = new Map();
  page.watched.forEach((rule, i) => {
    const limit = rule.limit + rule.per_budget * (table.budget - page.budget), amount = counts[2 + i];
    const missed = (amount - limit) * (rule.sense === "<=" ? 1 : -1) / rule.size;
    if (missed <= page.tolerance) return;
    const known = worst.get(rule.rule);
    if (!known) worst.set(rule.rule, { name: rule.name, missed, limit, amount, sense: rule.sense, unit: rule.unit, times: 1 });
    else {
      const times = known.times + 1;
      Object.assign(known, missed > known.missed ? { name: rule.name, missed, limit, amount } : {}, { times });
    }
  });
  return [...worst.values()];
}

// Everything that the page shows of a plan; how far it is off was measured where it fits and all rules hold.
function evaluate(plan) {
  const { family } = plan, table = settle(plan), counts = counted(family, table), [least, most] = range(family);
  const spend = sum(table.money) + page.committed_total;
  const step = (most - least) / 400;
  const [below, above] = [Math.max(least, table.budget - step), Math.min(most, table.budget + step)];
  const worth = (budget) => counted(family, settle({ ...plan, budget }))[0];
  const price = (worth(above) - worth(below)) / (above - below);
  const prices = table.money.map((money, c) => {
    if (!(page.top[c] > 0)) return NaN;
    const move = page.top[c] / 1000, low = Math.max(0, money - move), high = Math.min(page.top[c], money + move);
    const [a, b] = [low, high].map((x) => {
      const other = table.money.slice();
      other[c] = x;
      return counted(family, { ...table, money: other })[0];
    });
    return (b - a) / (high - low);
  });
  const ratios = Object.keys(plan.held).map((c) => Math.abs(plan.held[c] / planAt(family, table.budget)[c] - 1));
  const over = sum(table.money) - sum(planAt(family, table.budget));
  const missed = Math.abs(over) > page.tolerance * table.budget ? over : 0, breaks = broken(table, counts);
  const kind = !ratios.length ? "budgets" : ratios.every((r) => r <= page.nudge + 1e-9) ? "nudged" : "moved";
  return {
    table, counts, asset: counts[0], kept: counts[1], lift: counts[0] - page.today_counts[0], spend, price, prices,
    unspent: table.budget - spend > page.tolerance * table.budget ? table.budget - spend : 0,
    broken: breaks, error: family || missed || breaks.length ? null : page.errors[kind], kind, missed,
  };
}
