// The page: facts, panels, and what is needed to have it again.
class Sliders {
  constructor() { this.states = new Map(); }

  // axes of one name and as many points move together
  use(axis, start, listener) {
    const key = axis.name + "\u0000" + axis.values.length;
    if (!this.states.has(key)) {
      const state = {
        axis, index: start, listeners: [], inputs: [],
        set(k) {
          if (k === state.index) return;
          state.index = k;
          for (const show of state.inputs) show();
          for (const one of state.listeners) one();
        },
        control() {
          const input = make("input", { type: "range", min: 0, max: axis.values.length - 1, step: 1, "data-axis": axis.name });
          const output = make("output");
          const show = () => {
            input.value = state.index;
            output.textContent = readable(axis.values[state.index], axis.unit);
            input.setAttribute("aria-valuetext", output.textContent);
          };
          input.addEventListener("input", () => state.set(Number(input.value)));
          state.inputs.push(show);
          show();
          return make("label", { class: "slider" }, make("span", {}, axis.name), input, output);
        },
      };
      this.states.set(key, state);
    }
    const state = this.states.get(key);
    state.listeners.push(listener);
    return state;
  }
}

function pairs(entries) {
  return make("table", {}, make("tbody", {}, ...entries.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)))));
}

async function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const page = document.getElementById("page");
  if (typeof DecompressionStream === "undefined") {
    page.append(make("p", {}, "This browser cannot unpack the data: it needs DecompressionStream (Chrome 80, Firefox 113, Safari 16.4, or later)."));
    return;
  }
  page.append(make("dl", { class: "facts" }, ...data.facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))));
  const sliders = new Sliders();
  const kinds = { map: MapPanel, curves: CurvesPanel, grid: GridPanel, table: TablePanel };
  for (const panel of data.panels) {
    const made = new kinds[panel.kind](panel, data, sliders);
    page.append(await made.build());
    made.update();
  }
  const again = make("details", { "data-role": "again" }, make("summary", {}, "Settings, versions, and how to have it again"));
  if (data.command) again.append(make("p", {}, "Command: ", make("code", { "data-role": "command" }, data.command)));
  again.append(make("p", {}, "Hash of the settings (sha256): ", make("code", { "data-role": "sha256" }, data.sha256)));
  if (data.settings.length) again.append(make("h2", {}, "Settings"), pairs(data.settings));
  again.append(make("h2", {}, "Versions"), pairs(data.versions));
  page.append(again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
  let open = false;
  addEventListener("beforeprint", () => { open = again.open; again.open = true; document.documentElement.classList.add("printing"); redrawAll(); });
  addEventListener("afterprint", () => { again.open = open; document.documentElement.classList.remove("printing"); redrawAll(); });
  document.documentElement.setAttribute("data-ready", "true");
}

start().catch((error) => {
  document.getElementById("page").append(make("p", { role: "alert" }, "The page could not be drawn: " + error));
  throw error;
});
