// Curves with bands, and grids of a study of which curves or a map are chosen.
const DASHES = [[], [6, 3], [6, 3, 2, 3], [2, 3]];

function styled(lines, pens) {
  return lines.map((line, k) => ({ ...line, pen: k % pens, dash: line.dashed ? [5, 4] : DASHES[Math.floor(k / pens) % DASHES.length] }));
}

function swatch(line) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", 24); svg.setAttribute("height", 8);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M0 4H24"); path.style.stroke = "var(--pen" + line.pen + ")"; path.setAttribute("stroke-width", 2.5);
  path.setAttribute("stroke-dasharray", line.dash.join(" "));
  svg.append(path);
  return svg;
}

// a chart, its legend of buttons, and what is under its cursor
class Plot {
  constructor(title) {
    this.hidden = new Set();
    this.readout = make("div", { class: "readout", "aria-live": "polite", "data-role": "readout" });
    this.legend = make("ul", { class: "legend" });
    this.chart = new Chart(make("canvas", { role: "img", "data-role": "chart", "aria-label": title + ": arrow keys move along the curves" }), (x, found) => this.tell(x, found));
    this.element = make("div", { class: "chart" }, this.chart.canvas, this.legend, this.readout);
  }

  set(lines, options) {
    this.lines = lines;
    this.options = options;
    this.legend.replaceChildren();
    if (lines.length > 1) {
      for (const line of lines) {
        const button = make("button", { type: "button", "aria-pressed": this.hidden.has(line.name) ? "false" : "true", onclick: () => {
          if (!this.hidden.delete(line.name)) this.hidden.add(line.name);
          this.set(this.lines, this.options);
        } }, swatch(line), line.name);
        this.legend.append(make("li", {}, button));
      }
    }
    this.chart.set(lines.filter((line) => !this.hidden.has(line.name)), options);
  }

  tell(x, found) {
    const o = this.options;
    const at = o.labels ? o.labels[x] : readable(x, o.x[1]);
    const parts = [make("span", { class: "place" }, `${o.x[0]} ${at}`)];
    for (const { line, values } of found) {
      const text = values.map((v) => readable(v, o.y[1])).join(", ");
      parts.push(make("span", { "data-name": line.name, "data-value": values[0] }, line.name + " ", make("b", {}, text)));
    }
    this.readout.replaceChildren(...parts);
  }
}

function checkbox(text, value, role, change) {
  const box = make("input", { type: "checkbox", "data-role": role, onchange: () => change(box.checked) });
  box.checked = value;
  return make("label", { class: "option" }, box, text);
}

function positive(arrays) {
  return arrays.every((values) => !values || Array.prototype.every.call(values, (v) => !(v <= 0)));
}

class CurvesPanel {
  constructor(panel, data) {
    this.panel = panel;
    this.pens = data.pens;
  }

  async build() {
    const panel = this.panel;
    const xs = await Promise.all(panel.xs.map(unpackVector));
    const lines = styled(await Promise.all(panel.curves.map(async (curve) => ({
      name: curve.name, dashed: curve.dashed, x: xs[curve.x], y: await unpackVector(curve.y),
      low: await unpackVector(curve.low), high: await unpackVector(curve.high),
    }))), this.pens);
    this.options = { x: panel.x, y: panel.y, logX: panel.log_x, logY: panel.log_y, directed: panel.directed };
    this.plot = new Plot(panel.title);
    const controls = make("div", { class: "controls" });
    const change = (name) => (value) => { this.options[name] = value; this.plot.set(lines, this.options); };
    if (panel.log_x || positive(xs)) controls.append(checkbox(`logarithmic ${panel.x[0]}`, panel.log_x, "log-x", change("logX")));
    if (panel.log_y || positive(lines.map((l) => l.y))) controls.append(checkbox(`logarithmic ${panel.y[0]}`, panel.log_y, "log-y", change("logY")));
    const section = make("section", { "data-kind": "curves" }, make("h2", {}, panel.title), controls, this.plot.element);
    if (panel.left_out) section.append(make("p", { class: "note" }, `${panel.left_out} more curves are not shown.`));
    this.update = () => this.plot.set(lines, this.options);
    return section;
  }
}

class GridPanel {
  constructor(panel, data, sliders) {
    this.panel = panel;
    this.sliders = sliders;
    this.pens = data.pens;
    this.x = panel.x;
    this.hue = panel.hue;
    this.measure = 0;
    this.logY = false;
    const own = panel.axes.find((a) => a.name === panel.x);
    this.logX = this.decades(own);
  }

  decades(axis) {
    const v = axis.values;
    return !axis.text && v.length > 2 && v.every((one) => one > 0) && Math.max(...v) / Math.min(...v) > 30;
  }

  async build() {
    const panel = this.panel;
    this.held = await Promise.all(panel.measures.map(async (one) => ({
      ...one, mean: await unpackVector(one.mean), low: await unpackVector(one.low), high: await unpackVector(one.high),
    })));
    const names = panel.axes.map((a) => a.name);
    const choice = (role, text, options, value, change) => {
      const select = make("select", { "data-role": role, onchange: () => { change(select.value); this.arrange(); } });
      for (const [key, shown] of options) select.append(make("option", { value: key }, shown));
      select.value = value;
      return make("label", {}, text, select);
    };
    this.controls = make("div", { class: "controls" });
    if (this.held.length > 1) this.controls.append(choice("measure", "Show ", this.held.map((m, k) => [k, worded(m.name, m.unit)]), 0, (v) => { this.measure = Number(v); }));
    if (names.length > 1) {
      this.controls.append(choice("x", "over ", names.map((n) => [n, n]), this.x, (v) => { if (v === this.hue) this.hue = ""; this.x = v; this.logX = this.decades(panel.axes.find((a) => a.name === v)); }));
      this.controls.append(choice("hue", "a curve for each ", [["", "(one curve)"], ...names.map((n) => [n, n])], this.hue, (v) => { this.hue = v === this.x ? "" : v; }));
    }
    this.logs = make("span", { class: "controls" });
    this.bars = make("div", { class: "controls" });
    this.plot = new Plot(panel.title);
    this.states = panel.axes.map((axis) => this.sliders.use(axis, 0, () => this.update()));
    const section = make("section", { "data-kind": "grid" }, make("h2", {}, panel.title), this.controls, this.bars, this.logs, this.plot.element);
    if (panel.band) section.append(make("p", { class: "note" }, `Bands: ${panel.band}.`));
    this.arrange();
    return section;
  }

  arrange() {
    for (const [role, value] of [["x", this.x], ["hue", this.hue]]) {
      const select = this.controls.querySelector(`[data-role="${role}"]`);
      if (select) select.value = value;
    }
    this.bars.replaceChildren(...this.panel.axes.flatMap((axis, k) => (axis.name === this.x || axis.name === this.hue || axis.values.length < 2 ? [] : [this.states[k].control()])));
    const axis = this.panel.axes.find((a) => a.name === this.x);
    const one = this.held[this.measure];
    const logs = [];
    if (!axis.text && axis.values.every((v) => v > 0)) logs.push(checkbox(`logarithmic ${axis.name}`, this.logX, "log-x", (v) => { this.logX = v; this.update(); }));
    else this.logX = false;
    if (positive([one.mean, one.low])) logs.push(checkbox(`logarithmic ${one.name}`, this.logY, "log-y", (v) => { this.logY = v; this.update(); }));
    else this.logY = false;
    this.logs.replaceChildren(...logs);
    this.update();
  }

  update() {
    const { axes } = this.panel;
    const one = this.held[this.measure];
    const along = axes.findIndex((a) => a.name === this.x);
    const hue = axes.findIndex((a) => a.name === this.hue);
    const part = (values, k) => values && Float64Array.from(axes[along].values, (_, p) => {
      let place = 0;
      axes.forEach((axis, d) => { place = place * axis.values.length + (d === along ? p : d === hue ? k : this.states[d].index); });
      return values[place];
    });
    const x = axes[along].text ? Float64Array.from(axes[along].values, (_, k) => k) : Float64Array.from(axes[along].values);
    const order = Array.from(x.keys()).sort((a, b) => x[a] - x[b]);
    const sorted = (values) => values && Float64Array.from(order, (k) => values[k]);
    const lines = (hue < 0 ? [0] : axes[hue].values.map((_, k) => k)).map((k) => ({
      name: hue < 0 ? one.name : `${axes[hue].name} ${readable(axes[hue].values[k], axes[hue].unit)}`,
      x: sorted(x), y: sorted(part(one.mean, k)), low: sorted(part(one.low, k)), high: sorted(part(one.high, k)),
    }));
    this.plot.set(styled(lines, this.pens), {
      x: [axes[along].name, axes[along].unit], y: [one.name, one.unit], logX: this.logX, logY: this.logY,
      labels: axes[along].text ? axes[along].values : null,
    });
  }
}
