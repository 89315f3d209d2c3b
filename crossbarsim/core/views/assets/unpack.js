// Arrays as `encode.py` packs them.
async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// the highest bytes of all words come first, then the next
function fromPlanes(bytes, count) {
  const size = bytes.length / count;
  const words = count === 2 ? new Uint16Array(size) : new Uint32Array(size);
  for (let plane = 0; plane < count; plane++) {
    for (let k = 0; k < size; k++) words[k] = (words[k] << 8) | bytes[plane * size + k];
  }
  return words;
}

async function unpackVector(packed) {
  if (packed === undefined || packed === null) return null;
  if (Array.isArray(packed)) return Float64Array.from(packed, (v) => (v === null ? NaN : v));
  const words = fromPlanes(await inflated(packed.data), 4);
  return Float64Array.from(new Float32Array(words.buffer), (v) => v + packed.base);
}

// { lead, rows, columns, at(k), quantum(k) }: maps by their number
async function unpackFrames(packed) {
  const shape = packed.shape;
  const [rows, columns] = shape.slice(-2);
  const size = rows * columns;
  const lead = shape.slice(0, -2);
  const bytes = await inflated(packed.data);
  if (packed.kind === "f4") {
    const singles = new Float32Array(fromPlanes(bytes, 4).buffer);
    return { lead, rows, columns, at: (k) => singles.subarray(k * size, (k + 1) * size), quantum: () => 0 };
  }
  const codes = fromPlanes(bytes, 2);
  restore(codes, packed.mode, rows, columns);
  const held = new Map();
  const at = (k) => {
    if (!held.has(k)) {
      if (held.size > 12) held.clear();
      const found = new Float32Array(size);
      for (let i = 0; i < size; i++) {
        const code = codes[k * size + i];
        found[i] = code === 65535 ? NaN : packed.low[k] + code * packed.step[k];
      }
      held.set(k, found);
    }
    return held.get(k);
  };
  return { lead, rows, columns, at, quantum: (k) => packed.step[k] / 2 };
}

// sums of differences, modulo 2^16
function restore(codes, mode, rows, columns) {
  const size = rows * columns;
  for (let start = 0; start < codes.length; start += size) {
    if (mode === "time" && start > 0) {
      for (let i = 0; i < size; i++) codes[start + i] += codes[start - size + i];
    }
    if (mode === "column" || mode === "plane") {
      for (let i = columns; i < size; i++) codes[start + i] += codes[start + i - columns];
    }
    if (mode === "row" || mode === "plane") {
      for (let i = 0; i < size; i++) if (i % columns) codes[start + i] += codes[start + i - 1];
    }
  }
}
