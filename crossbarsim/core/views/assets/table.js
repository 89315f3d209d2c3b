// A table that is sorted by its heads.
class TablePanel {
  constructor(panel) {
    this.panel = panel;
    this.by = panel.columns.findIndex((c) => c[0] === panel.sort);
    this.down = true;
  }

  async build() {
    const panel = this.panel;
    this.numeric = panel.columns.map((_, k) => panel.rows.some((row) => typeof row[k] === "number"));
    this.heads = panel.columns.map(([name, unit], k) => make("th", { scope: "col", class: this.numeric[k] ? "number" : "" },
      make("button", { type: "button", "data-column": name, onclick: () => this.sort(k) }, unit === "%" ? worded(name, unit) : name)));
    this.body = make("tbody");
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...this.heads)), this.body);
    return make("section", { "data-kind": "table" }, make("h2", {}, panel.title), make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": panel.title }, table));
  }

  sort(k) {
    this.down = this.by === k ? !this.down : this.numeric[k];
    this.by = k;
    this.update();
  }

  update() {
    const { columns } = this.panel;
    const rows = this.panel.rows.slice();
    const k = this.by;
    if (k >= 0) {
      const missing = (v) => v === null || v === undefined || v === "";
      rows.sort((a, b) => {
        if (missing(a[k]) || missing(b[k])) return missing(a[k]) - missing(b[k]); // what is missing comes last
        const order = this.numeric[k] ? a[k] - b[k] : String(a[k]).localeCompare(String(b[k]), "en", { numeric: true });
        return this.down ? -order : order;
      });
    }
    this.heads.forEach((head, n) => {
      if (n === k) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.body.replaceChildren(...rows.map((row) => make("tr", {}, ...row.map((value, n) => {
      const unit = columns[n][1];
      const text = unit === "%" && typeof value === "number" ? readable(100 * value, "", 0, 3) : readable(value, unit);
      return make("td", { class: this.numeric[n] ? "number" : "", "data-value": value }, text);
    }))));
  }
}
