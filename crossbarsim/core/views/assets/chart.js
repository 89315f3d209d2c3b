// Lines over an abscissa, on a canvas.
function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue("--" + name).trim();
  return { paper: colour("paper"), ink: colour("ink"), faint: colour("faint"), line: colour("line"), cursor: colour("cursor"), pen: (k) => colour("pen" + k) };
}

const redraws = [];
function redrawAll() {
  for (const draw of redraws) draw();
}

// a context in CSS pixels, whatever the screen's density
function prepared(canvas) {
  const box = canvas.getBoundingClientRect();
  const ratio = Math.max(1, window.devicePixelRatio || 1);
  const [width, height] = [Math.max(1, box.width), Math.max(1, box.height)];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return { context, width, height };
}

function watched(canvas, draw) {
  redraws.push(draw);
  new ResizeObserver(draw).observe(canvas);
}

function ticksOf(low, high, count, log) {
  if (log) {
    const found = [];
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((last - first + 1) / count));
    for (let p = first; p <= last; p += every) found.push(10 ** p);
    if (found.length > 1) return found;
  }
  const span = high - low;
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999) || power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k++) found.push(k * step);
  return found;
}

function tickText(value, step) {
  if (Math.abs(value) < 1e-9 * step) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) return value.toExponential(Math.max(0, Math.min(3, Math.ceil(Math.log10(size / step) - 1e-9)))).replace("e+", "e");
  return String(Number(value.toFixed(Math.max(0, Math.ceil(-Math.log10(step) + 1e-9) + 1))));
}

class Chart {
  constructor(canvas, onCursor) {
    this.canvas = canvas;
    this.onCursor = onCursor || (() => {});
    this.lines = [];
    this.options = {};
    this.cursor = null;
    canvas.tabIndex = 0;
    watched(canvas, () => this.draw());
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerdown", (event) => this.point(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  set(lines, options) {
    this.lines = lines;
    this.options = options;
    this.draw();
    this.tell();
  }

  extent(of, log) {
    let [low, high] = [Infinity, -Infinity];
    for (const line of this.lines) {
      for (const values of of(line)) {
        if (!values) continue;
        for (const v of values) {
          if (!Number.isFinite(v) || (log && v <= 0)) continue;
          if (v < low) low = v;
          if (v > high) high = v;
        }
      }
    }
    if (low > high) return log ? [0.1, 1] : [0, 1];
    if (low === high) return log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
    return [low, high];
  }

  draw() {
    const { context, width, height } = prepared(this.canvas);
    if (width < 40) return;
    const colours = theme();
    this.pen = (line) => colours.pen(line.pen);
    const o = this.options;
    const logX = !!o.logX, logY = !!o.logY;
    const xs = this.extent((l) => [l.x], logX);
    let ys = o.range || this.extent((l) => [l.y, l.low, l.high], logY);
    if (!o.range) {
      const pad = logY ? (ys[1] / ys[0]) ** 0.04 : 0.05 * (ys[1] - ys[0]);
      ys = logY ? [ys[0] / pad, ys[1] * pad] : [ys[0] - pad, ys[1] + pad];
    }
    const px = o.labels ? { factor: 1, unit: o.x[1] } : logX ? { factor: 1, unit: o.x[1] } : prefixFor(Math.max(Math.abs(xs[0]), Math.abs(xs[1])), o.x[1]);
    const py = logY ? { factor: 1, unit: o.y[1] } : prefixFor(Math.max(Math.abs(ys[0]), Math.abs(ys[1])), o.y[1]);
    const yTicks = ticksOf(ys[0] / py.factor, ys[1] / py.factor, Math.max(2, height / 48), logY);
    const yStep = yTicks.length > 1 ? yTicks[1] - yTicks[0] : Math.abs(yTicks[0]) || 1;
    const yTexts = yTicks.map((t) => (logY ? String(Number(t.toPrecision(6))) : tickText(t, yStep)));
    const left = 30 + Math.max(14, ...yTexts.map((t) => context.measureText(t).width));
    const box = { left, right: width - 14, top: 10, bottom: height - 42 };
    const scale = (v, [a, b], log, from, to) => {
      const share = log ? Math.log(v / a) / Math.log(b / a) : (v - a) / (b - a);
      return from + share * (to - from);
    };
    const X = (v) => scale(v, xs, logX, box.left, box.right);
    const Y = (v) => scale(v, ys, logY, box.bottom, box.top);
    this.X = X;
    this.box = box;
    let xTicks, xTexts;
    if (o.labels) {
      const every = Math.ceil(o.labels.length / Math.max(2, Math.floor((box.right - box.left) / 80)));
      xTicks = o.labels.map((_, k) => k).filter((k) => k % every === 0);
      xTexts = xTicks.map((k) => o.labels[k]);
    } else {
      xTicks = ticksOf(xs[0] / px.factor, xs[1] / px.factor, Math.max(2, width / 90), logX).filter((t) => t * px.factor <= xs[1] * (1 + 1e-12) || t === 0);
      const xStep = xTicks.length > 1 ? xTicks[1] - xTicks[0] : Math.abs(xTicks[0]) || 1;
      xTexts = xTicks.map((t) => (logX ? String(Number(t.toPrecision(6))) : tickText(t, xStep)));
    }
    context.lineWidth = 1;
    context.strokeStyle = colours.line;
    context.fillStyle = colours.faint;
    context.textBaseline = "middle";
    context.textAlign = "right";
    yTicks.forEach((t, k) => {
      const y = Y(t * py.factor);
      if (y < box.top - 1 || y > box.bottom + 1) return;
      context.beginPath(); context.moveTo(box.left, y); context.lineTo(box.right, y); context.stroke();
      context.fillText(yTexts[k], box.left - 5, y);
    });
    context.textAlign = "center";
    context.textBaseline = "top";
    xTicks.forEach((t, k) => {
      const x = X(t * px.factor);
      if (x < box.left - 1 || x > box.right + 1) return;
      context.beginPath(); context.moveTo(x, box.bottom); context.lineTo(x, box.bottom + 4); context.stroke();
      const half = context.measureText(xTexts[k]).width / 2;
      context.fillText(xTexts[k], Math.min(x, width - half - 1), box.bottom + 7);
    });
    context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.fillStyle = colours.ink;
    context.fillText(worded(o.x[0], px.unit), (box.left + box.right) / 2, height - 17);
    context.save();
    context.translate(2, (box.top + box.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(worded(o.y[0], py.unit), 0, 0);
    context.restore();
    context.save();
    context.beginPath();
    context.rect(box.left - 1, box.top - 1, box.right - box.left + 2, box.bottom - box.top + 2);
    context.clip();
    for (const line of this.lines) this.line(context, line, X, Y, logX, logY);
    if (this.cursor !== null && Number.isFinite(this.cursor)) {
      const x = X(this.cursor);
      context.setLineDash([3, 3]);
      context.strokeStyle = colours.cursor;
      context.beginPath(); context.moveTo(x, box.top); context.lineTo(x, box.bottom); context.stroke();
      context.setLineDash([]);
    }
    context.restore();
  }

  line(context, line, X, Y, logX, logY) {
    const good = (k, y) => Number.isFinite(line.x[k]) && Number.isFinite(y) && !(logX && line.x[k] <= 0) && !(logY && y <= 0);
    if (line.low && line.high) {
      context.globalAlpha = 0.2;
      context.fillStyle = this.pen(line);
      let start = null;
      for (let k = 0; k <= line.x.length; k++) {
        const here = k < line.x.length && good(k, line.low[k]) && good(k, line.high[k]);
        if (here && start === null) start = k;
        if (!here && start !== null) {
          context.beginPath();
          for (let m = start; m < k; m++) context.lineTo(X(line.x[m]), Y(line.high[m]));
          for (let m = k - 1; m >= start; m--) context.lineTo(X(line.x[m]), Y(line.low[m]));
          context.closePath();
          context.fill();
          start = null;
        }
      }
      context.globalAlpha = 1;
    }
    context.strokeStyle = context.fillStyle = this.pen(line);
    context.lineWidth = line.width || 1.6;
    context.setLineDash(line.dash || []);
    let pen = false;
    context.beginPath();
    for (let k = 0; k < line.x.length; k++) {
      if (!good(k, line.y[k])) { pen = false; continue; }
      const [x, y] = [X(line.x[k]), Y(line.y[k])];
      if (pen) context.lineTo(x, y);
      else context.moveTo(x, y);
      pen = true;
    }
    context.stroke();
    context.setLineDash([]);
    if (line.x.length <= 40) {
      for (let k = 0; k < line.x.length; k++) {
        if (!good(k, line.y[k])) continue;
        context.beginPath(); context.arc(X(line.x[k]), Y(line.y[k]), 2.6, 0, 7); context.fill();
      }
    }
    if (this.options.directed) this.arrows(context, line, X, Y, good);
  }

  // the direction of the points, at four places along the line
  arrows(context, line, X, Y, good) {
    const places = [];
    const along = [0];
    for (let k = 1; k < line.x.length; k++) {
      const step = good(k, line.y[k]) && good(k - 1, line.y[k - 1]) ? Math.hypot(X(line.x[k]) - X(line.x[k - 1]), Y(line.y[k]) - Y(line.y[k - 1])) : 0;
      along.push(along[k - 1] + step);
    }
    const whole = along[along.length - 1];
    for (const share of [0.13, 0.38, 0.63, 0.88]) places.push(along.findIndex((a) => a >= share * whole));
    for (const k of places) {
      if (k < 1 || !good(k, line.y[k]) || !good(k - 1, line.y[k - 1])) continue;
      const [x, y] = [X(line.x[k]), Y(line.y[k])];
      const angle = Math.atan2(y - Y(line.y[k - 1]), x - X(line.x[k - 1]));
      context.save();
      context.translate(x, y);
      context.rotate(angle);
      context.beginPath(); context.moveTo(4, 0); context.lineTo(-5, 4.5); context.lineTo(-5, -4.5); context.closePath();
      context.fill();
      context.restore();
    }
  }

  point(event) {
    if (!this.X || !this.lines.length) return;
    const at = event.clientX - this.canvas.getBoundingClientRect().left;
    let [best, found] = [Infinity, null];
    for (const line of this.lines) {
      for (const v of line.x) {
        const away = Math.abs(this.X(v) - at);
        if (away < best) [best, found] = [away, v];
      }
    }
    this.move(found);
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10 };
    if (!(event.key in steps) && event.key !== "Home" && event.key !== "End") return;
    if (!this.lines.length) return;
    event.preventDefault();
    const places = Array.from(new Set(this.lines.flatMap((l) => Array.from(l.x)))).filter(Number.isFinite).sort((a, b) => a - b);
    let k = places.indexOf(this.cursor);
    k = event.key === "Home" ? 0 : event.key === "End" ? places.length - 1 : k + steps[event.key];
    this.move(places[Math.max(0, Math.min(places.length - 1, k))]);
  }

  move(value) {
    if (value === this.cursor) return;
    this.cursor = value;
    this.draw();
    this.tell();
  }

  // what the lines are at the cursor: of loops the passes one after the other
  tell() {
    if (this.cursor === null) return;
    this.onCursor(this.cursor, this.lines.map((line) => {
      const values = [];
      let nearest = 0;
      for (let k = 0; k < line.x.length; k++) {
        if (line.x[k] === this.cursor) values.push(line.y[k]);
        if (Math.abs(line.x[k] - this.cursor) < Math.abs(line.x[nearest] - this.cursor)) nearest = k;
      }
      if (!values.length && line.x.length) values.push(line.y[nearest]);
      return { line, values: values.slice(0, 4) };
    }));
  }
}
