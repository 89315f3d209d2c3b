// Maps of an array's cells, with sections through the cell under the cursor.
function ramp(points) {
  const parts = points.map((c) => [1, 3, 5].map((k) => parseInt(c.slice(k, k + 2), 16)));
  return (share) => {
    const place = Math.max(0, Math.min(1, share)) * (parts.length - 1);
    const k = Math.min(parts.length - 2, Math.floor(place));
    return parts[k].map((v, m) => v + (place - k) * (parts[k + 1][m] - v));
  };
}

class MapPanel {
  constructor(panel, data, sliders) {
    this.panel = panel;
    this.sliders = sliders;
    this.maps = Object.fromEntries(Object.entries(data.maps).map(([name, points]) => [name, ramp(points)]));
    [this.rows, this.columns] = panel.shape;
    this.cursor = [Math.floor(this.rows / 2), Math.floor(this.columns / 2)];
    this.shown = panel.fields.filter((f) => f.shown);
    this.name = this.shown[0].name;
    this.common = panel.play;
  }

  async build() {
    const panel = this.panel;
    this.fields = new Map();
    for (const field of panel.fields) {
      this.fields.set(field.name, { ...field, frames: field.values ? await unpackFrames(field.values) : null });
    }
    const controls = make("div", { class: "controls" });
    if (this.shown.length > 1) {
      const choose = make("select", { "data-role": "quantity", onchange: () => { this.name = choose.value; this.update(); } });
      for (const field of this.shown) choose.append(make("option", { value: field.name }, worded(field.name, field.unit)));
      controls.append(make("label", {}, "Show ", choose));
    }
    if (panel.frames.length) {
      const box = make("input", { type: "checkbox", "data-role": "common", onchange: () => { this.common = box.checked; this.update(); } });
      box.checked = this.common;
      controls.append(make("label", { class: "option" }, box, "same colours at all positions"));
    }
    this.states = panel.frames.map((axis, k) => this.sliders.use(axis, panel.start[k], () => this.update()));
    const bars = this.states.map((state) => state.control());
    if (panel.play) bars.push(this.player(this.states[this.states.length - 1]));
    this.canvas = make("canvas", { tabindex: 0, role: "img", "data-role": "map" });
    this.canvas.setAttribute("aria-label", panel.title + ": arrow keys move the cursor over the cells");
    this.along = new Chart(make("canvas", { role: "img", "aria-label": "section along the " + panel.rows }));
    this.across = new Chart(make("canvas", { role: "img", "aria-label": "section along the " + panel.columns }));
    this.readout = make("div", { class: "readout", "aria-live": "polite", "data-role": "readout" });
    const left = make("div", { class: "left" }, this.canvas, this.readout);
    const right = make("div", { class: "right" }, this.along.canvas, this.across.canvas);
    const [m, n] = panel.steps;
    const notes = [];
    if (m * n > 1) notes.push(`Every ${m > 1 ? ordinal(m) + " " + panel.rows : panel.rows} and every ${n > 1 ? ordinal(n) + " " + panel.columns : panel.columns} of ${panel.whole[0]} x ${panel.whole[1]} is shown.`);
    const section = make("section", { "data-kind": "map" }, make("h2", {}, panel.title), controls, make("div", { class: "controls" }, ...bars), make("div", { class: "map" }, left, right));
    for (const text of notes) section.append(make("p", { class: "note" }, text));
    for (const kind of ["pointermove", "pointerdown"]) this.canvas.addEventListener(kind, (event) => this.point(event));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    watched(this.canvas, () => this.draw());
    return section;
  }

  player(state) {
    let timer = null;
    const button = make("button", { type: "button", class: "play", "data-role": "play" }, "Play");
    const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
    button.addEventListener("click", () => {
      if (timer !== null) { stop(); return; }
      if (state.index === state.axis.values.length - 1) state.set(0);
      button.textContent = "Pause";
      timer = setInterval(() => {
        if (state.index >= state.axis.values.length - 1) stop();
        else state.set(state.index + 1);
      }, 130);
    });
    return button;
  }

  // what a row (0) or a column (1) is called
  at(side, k) {
    if (!this.panel.places) return String(k * this.panel.steps[side]);
    const value = this.panel.places[side].values[k * this.panel.steps[side]];
    return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
  }

  names(side) {
    return this.panel.places ? Array.from({ length: side ? this.columns : this.rows }, (_, k) => this.at(side, k)) : null;
  }

  place(field) {
    const lead = field.frames.lead;
    let k = 0;
    for (let d = 0; d < lead.length; d++) k = k * lead[d] + (lead[d] === 1 ? 0 : this.states[d].index);
    return k;
  }

  // (rows x columns) of a quantity where the sliders stand, and what it is rounded to
  values(name) {
    const field = this.fields.get(name);
    const size = this.rows * this.columns;
    if (!field.frames) {
      const [a, b] = field.of.map((part) => this.values(part));
      const found = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        const [x, y] = [a.found[i], b.found[i]];
        found[i] = field.rule === "difference" ? x - y : field.rule === "product" ? x * y : (100 * (x - y)) / y;
      }
      const largest = (part) => part.found.reduce((most, v) => (Math.abs(v) > most ? Math.abs(v) : most), 0);
      const quantum = field.rule === "difference" ? a.quantum + b.quantum : field.rule === "product" ? a.quantum * largest(b) + b.quantum * largest(a) : 0;
      return { found, quantum };
    }
    const k = this.place(field);
    const { rows, columns } = field.frames;
    const kept = field.frames.at(k);
    const quantum = field.frames.quantum(k);
    if (rows === this.rows && columns === this.columns) return { found: kept, quantum };
    const found = new Float64Array(size);
    for (let i = 0; i < this.rows; i++) {
      for (let j = 0; j < this.columns; j++) found[i * this.columns + j] = kept[(rows === 1 ? 0 : i) * columns + (columns === 1 ? 0 : j)];
    }
    return { found, quantum };
  }

  range(name) {
    const field = this.fields.get(name);
    let [low, high] = [Infinity, -Infinity];
    const look = (values) => {
      for (const v of values) {
        if (!Number.isFinite(v)) continue;
        if (v < low) low = v;
        if (v > high) high = v;
      }
    };
    if (this.common && this.ranges && this.ranges.has(name)) return this.ranges.get(name);
    if (this.common) {
      const here = this.states.map((s) => s.index);
      const sizes = this.states.map((s) => s.axis.values.length);
      const count = sizes.reduce((a, b) => a * b, 1);
      for (let k = 0; k < count; k++) {
        let rest = k;
        for (let d = sizes.length - 1; d >= 0; d--) { this.states[d].index = rest % sizes[d]; rest = Math.floor(rest / sizes[d]); }
        look(this.values(name).found);
      }
      this.states.forEach((s, d) => { s.index = here[d]; });
    } else look(this.values(name).found);
    if (low > high) [low, high] = [0, 1];
    if (field.diverging) { const most = Math.max(Math.abs(low), Math.abs(high)) || 1; [low, high] = [-most, most]; }
    if (low === high) [low, high] = [low - (Math.abs(low) || 1), high + (Math.abs(high) || 1)];
    if (this.common) (this.ranges = this.ranges || new Map()).set(name, [low, high]);
    return [low, high];
  }

  update() {
    const field = this.fields.get(this.name);
    this.current = this.values(this.name);
    this.limits = this.range(this.name);
    const colour = this.maps[field.diverging ? "diverging" : "plain"];
    const [low, high] = this.limits;
    this.image = document.createElement("canvas");
    [this.image.width, this.image.height] = [this.columns, this.rows];
    const context = this.image.getContext("2d");
    const pixels = context.createImageData(this.columns, this.rows);
    this.current.found.forEach((v, i) => {
      const rgb = Number.isFinite(v) ? colour((v - low) / (high - low)) : [160, 160, 160];
      pixels.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * i);
    });
    context.putImageData(pixels, 0, 0);
    this.draw();
    this.sections();
  }

  draw() {
    if (!this.image) return;
    const { context, width, height } = prepared(this.canvas);
    if (width < 80) return;
    const colours = theme();
    const field = this.fields.get(this.name);
    const { factor, unit } = prefixFor(Math.max(Math.abs(this.limits[0]), Math.abs(this.limits[1])), field.unit);
    const ticks = ticksOf(this.limits[0] / factor, this.limits[1] / factor, 5, false);
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
    const texts = ticks.map((t) => tickText(t, step));
    const right = 40 + Math.max(...texts.map((t) => context.measureText(t).width), 10);
    const left = this.panel.places ? 26 + Math.max(20, ...this.names(0).map((t) => context.measureText(t).width)) : 46;
    const whole = { left, top: 8, right: width - right - 10, bottom: height - 40 };
    const ratio = this.panel.whole[1] / this.panel.whole[0];
    let [wide, tall] = [whole.right - whole.left, whole.bottom - whole.top];
    if (ratio > 0.2 && ratio < 5) {
      if (wide / tall > ratio) wide = tall * ratio;
      else tall = wide / ratio;
    }
    const box = { left: whole.left, top: whole.top, wide, tall };
    this.box = box;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image, box.left, box.top, wide, tall);
    context.strokeStyle = colours.line;
    context.strokeRect(box.left - 0.5, box.top - 0.5, wide + 1, tall + 1);
    context.fillStyle = colours.faint;
    const [m, n] = this.panel.whole;
    context.textAlign = "right"; context.textBaseline = "middle";
    for (const t of ticksOf(0, m - 1, Math.max(2, tall / 50), false)) if (Number.isInteger(t)) context.fillText(this.at(0, t / this.panel.steps[0]), box.left - 5, box.top + ((t + 0.5) / m) * tall);
    context.textAlign = "center"; context.textBaseline = "top";
    for (const t of ticksOf(0, n - 1, Math.max(2, wide / 60), false)) if (Number.isInteger(t)) context.fillText(this.at(1, t / this.panel.steps[1]), box.left + ((t + 0.5) / n) * wide, box.top + tall + 5);
    context.fillStyle = colours.ink;
    context.fillText(this.panel.columns, box.left + wide / 2, box.top + tall + 21);
    context.save();
    context.translate(4, box.top + tall / 2); context.rotate(-Math.PI / 2);
    context.fillText(this.panel.rows, 0, 0);
    context.restore();
    const bar = { left: box.left + wide + 14, top: box.top, wide: 14, tall };
    const colour = this.maps[field.diverging ? "diverging" : "plain"];
    for (let k = 0; k < tall; k++) {
      context.fillStyle = `rgb(${colour(1 - k / tall).map(Math.round).join(",")})`;
      context.fillRect(bar.left, bar.top + k, bar.wide, 1.5);
    }
    context.strokeRect(bar.left, bar.top, bar.wide, tall);
    context.fillStyle = colours.faint;
    context.textAlign = "left"; context.textBaseline = "middle";
    ticks.forEach((t, k) => {
      const y = bar.top + tall * (1 - (t * factor - this.limits[0]) / (this.limits[1] - this.limits[0]));
      if (y > bar.top - 2 && y < bar.top + tall + 2) context.fillText(texts[k], bar.left + bar.wide + 4, y);
    });
    context.fillStyle = colours.ink;
    context.textBaseline = "top"; context.textAlign = "right";
    context.fillText(worded(field.name, unit), Math.min(width - 2, bar.left + bar.wide + right), box.top + tall + 21);
    const [i, j] = this.cursor;
    const [cw, ch] = [wide / this.columns, tall / this.rows];
    context.strokeStyle = colours.cursor;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(box.left, box.top + (i + 0.5) * ch); context.lineTo(box.left + wide, box.top + (i + 0.5) * ch);
    context.moveTo(box.left + (j + 0.5) * cw, box.top); context.lineTo(box.left + (j + 0.5) * cw, box.top + tall);
    context.stroke();
    context.setLineDash([]);
    context.strokeRect(box.left + j * cw - 1, box.top + i * ch - 1, Math.max(3, cw) + 2, Math.max(3, ch) + 2);
  }

  sections() {
    const field = this.fields.get(this.name);
    const [i, j] = this.cursor;
    const [m, n] = this.panel.steps;
    const found = this.current.found;
    const row = found.subarray(i * this.columns, (i + 1) * this.columns);
    const column = Float64Array.from({ length: this.rows }, (_, k) => found[k * this.columns + j]);
    const pad = 0.04 * (this.limits[1] - this.limits[0]);
    const options = { y: [field.name, field.unit], range: this.common ? [this.limits[0] - pad, this.limits[1] + pad] : null };
    const line = (count, step, y, pen) => [{ name: field.name, x: Float64Array.from({ length: count }, (_, k) => k * step), y, pen }];
    this.along.cursor = j * n;
    this.along.set(line(this.columns, n, row, 0), { ...options, labels: this.names(1), x: [`${this.panel.columns}, at ${this.panel.rows} ${this.at(0, i)}`, ""] });
    this.across.cursor = i * m;
    this.across.set(line(this.rows, m, column, 1), { ...options, labels: this.names(0), x: [`${this.panel.rows}, at ${this.panel.columns} ${this.at(1, j)}`, ""] });
    const parts = [make("span", { class: "place" }, `${this.panel.rows} ${this.at(0, i)}, ${this.panel.columns} ${this.at(1, j)}`)];
    for (const one of this.shown) {
      const { found: values, quantum } = one.name === this.name ? this.current : this.values(one.name);
      const value = values[i * this.columns + j];
      parts.push(make("span", { "data-name": one.name, "data-value": value }, one.name + " ", make("b", {}, readable(value, one.unit, quantum))));
    }
    this.readout.replaceChildren(...parts);
  }

  point(event) {
    if (!this.box) return;
    const at = this.canvas.getBoundingClientRect();
    const j = Math.floor(((event.clientX - at.left - this.box.left) / this.box.wide) * this.columns);
    const i = Math.floor(((event.clientY - at.top - this.box.top) / this.box.tall) * this.rows);
    if (i >= 0 && j >= 0 && i < this.rows && j < this.columns) this.move(i, j);
  }

  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0] };
    const [i, j] = this.cursor;
    if (event.key in steps) this.move(i + steps[event.key][0], j + steps[event.key][1]);
    else if (event.key === "Home") this.move(i, 0);
    else if (event.key === "End") this.move(i, this.columns - 1);
    else return;
    event.preventDefault();
  }

  move(i, j) {
    this.cursor = [Math.max(0, Math.min(this.rows - 1, i)), Math.max(0, Math.min(this.columns - 1, j))];
    this.draw();
    this.sections();
  }
}

function ordinal(k) {
  return k + (["th", "st", "nd", "rd"][k % 100 > 10 && k % 100 < 14 ? 0 : k % 10] || "th");
}
