"use strict";
// Numbers for readers: prefixes of units, no more digits than are known.
const PREFIXES = { "-18": "a", "-15": "f", "-12": "p", "-9": "n", "-6": "\u00b5", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G" };

function prefixFor(value, unit) {
  if (!/^[A-Za-z]+$/.test(unit)) return { factor: 1, unit };
  const size = Math.abs(value);
  let power = size > 0 && isFinite(size) ? 3 * Math.floor(Math.log10(size) / 3 + 1e-9) : 0;
  power = Math.min(Math.max(power, -18), unit === "s" || unit === "K" ? 0 : 9);
  return { factor: 10 ** power, unit: PREFIXES[power] + unit };
}

// `quantum`: what the number is rounded to already
function readable(value, unit = "", quantum = 0, most = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "\u2013";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (!isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && !unit && Math.abs(value) < 1e15) return value.toLocaleString("en");
  const { factor, unit: named } = prefixFor(value, unit);
  let digits = most;
  if (quantum > 0 && value !== 0) {
    digits = Math.max(1, Math.min(most, Math.floor(Math.log10(Math.abs(value) / quantum)) + 1));
  }
  const text = String(Number((value / factor).toPrecision(digits)));
  return named ? text + "\u00a0" + named : text;
}

function worded(name, unit) {
  return unit ? name + " (" + unit + ")" : name;
}

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children) made.append(child);
  return made;
}
