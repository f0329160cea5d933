// The data_visualization block, drawn plainly: lines, areas and bars over categories; pies as shares.

import { el, svg } from "./dom.js";

const WIDTH = 520;
const HEIGHT = 180;
const LEFT = 46;
const BOTTOM = 22;
const COLOURS = ["#3f51b5", "#d35400", "#2e8b57", "#8e44ad", "#c0392b", "#16a085"];

export function chart(block) {
  const drawn = block.chart.type === "pie" ? pie(block.chart) : axes(block.chart);
  return el("figure", { class: "chart" }, el("figcaption", {}, block.title), drawn);
}

function axes(shown) {
  const values = shown.series.flatMap((series) => series.data.map((point) => Number(point.value)));
  const low = Math.min(0, ...values);
  const high = Math.max(...values, low + 1e-9);
  const y = (value) => 8 + (HEIGHT - BOTTOM - 16) * (1 - (value - low) / (high - low));
  const count = shown.axis_config.categories.length;
  const step = (WIDTH - LEFT - 10) / Math.max(count, 1);
  const x = (index) => LEFT + step * (index + 0.5);
  const grid = [low, (low + high) / 2, high].map((value) => [
    svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)),
  ]);
  const names = shown.axis_config.categories.map((name, index) =>
    svg("text", { x: x(index), y: HEIGHT - 4, "text-anchor": "middle" }, name),
  );
  const marks = shown.series.map((series, number) => seriesMarks(shown, series, number, { x, y, step, low }));
  const legend = shown.series.map((series, number) => {
    const dot = el("i", { class: "dot" });
    dot.style.backgroundColor = COLOURS[number % COLOURS.length];
    return el("span", {}, dot, series.name);
  });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, grid, names, marks);
  return el("div", {}, picture, el("div", { class: "legend" }, legend));
}

function seriesMarks(shown, series, number, { x, y, step, low }) {
  const colour = COLOURS[number % COLOURS.length];
  if (shown.type === "bar") {
    const width = (step * 0.7) / shown.series.length;
    return series.data.map((point, index) => {
      const top = y(Number(point.value));
      const left = x(index) - (width * shown.series.length) / 2 + width * number;
      return svg("rect", { x: left, y: top, width, height: Math.max(1, y(low) - top), fill: colour });
    });
  }
  const points = series.data.map((point, index) => `${x(index)},${y(Number(point.value))}`).join(" ");
  return svg("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2 });
}

function pie(shown) {
  const total = shown.segments.reduce((sum, part) => sum + Number(part.value), 0);
  return el("ul", {}, shown.segments.map((part) => el("li", {}, `${part.label}: ${Math.round((100 * part.value) / total)} %`)));
}

function short(value) {
  return Math.abs(value) >= 1000 ? value.toExponential(1) : String(Math.round(value * 100) / 100);
}
