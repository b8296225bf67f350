// Why this file exists: tables that are read while they change: rows keep their identity, the focus stays where it is, only
// what is different is touched, and a thousand rows are shown when somebody asks for them.

/** Rows that are shown before somebody asks for more. */
const rowsShown = 25;
/** So many more each time. */
const rowsMore = 200;

class Table {
  /**
   * `columns`: { title, text(row), sort(row), note(row), className(row), isNumber, isName, dot, hint(row), act(row), width in percent }. A column with `act`
   * is a button in each row. `order(row)` is the order before somebody sorts: the smaller, the further up.
   */
  constructor({ label, columns, key, order, rowClass = () => "" }) {
    Object.assign(this, { label, columns, key, order, rowClass });
    this.rows = new Map();
    this.sorted = null;
    this.limit = rowsShown;
    this.body = make("tbody");
    const table = make("table", "", make("thead", "", this.header()), this.body);
    table.setAttribute("aria-label", label);
    // Tables under each other that show the same have their columns in the same places.
    if (columns[0].width) table.className = "fixed";
    this.scroll = make("div", "scroll", table);
    this.more = make("div", "more");
    this.node = make("div", "", this.scroll, this.more);
    this.body.addEventListener("keydown", (event) => this.walk(event));
    this.body.addEventListener("focusin", (event) => this.focused(event.target));
  }

  header() {
    const row = make("tr");
    this.heads = this.columns.map((column) => {
      const head = make("th", column.isNumber ? "number" : "");
      head.scope = "col";
      if (column.width) head.style.width = `${column.width}%`;
      if (column.act) {
        head.append(make("span", "quiet", column.title));
      } else {
        const button = make("button", "", column.title);
        button.type = "button";
        button.addEventListener("click", () => this.sortBy(column));
        head.append(button);
      }
      row.append(head);
      return head;
    });
    return row;
  }

  /** Numbers begin with the largest. A third time: back to the order that it had. */
  sortBy(column) {
    const first = column.isNumber ? -1 : 1;
    if (this.sorted?.column !== column) this.sorted = { column, sign: first };
    else if (this.sorted.sign === first) this.sorted.sign = -first;
    else this.sorted = null;
    this.columns.forEach((other, index) => {
      if (this.sorted?.column !== other) this.heads[index].removeAttribute("aria-sort");
      else this.heads[index].setAttribute("aria-sort", this.sorted.sign > 0 ? "ascending" : "descending");
    });
    this.update(this.all);
  }

  inOrder(rows) {
    const places = new Map(rows.map((row, index) => [row, index]));
    const { column, sign } = this.sorted ?? {};
    const valueOf = column ? (row) => column.sort?.(row) ?? column.text(row) : this.order;
    const values = new Map(rows.map((row) => [row, valueOf(row)]));
    return [...rows].sort((one, other) => {
      const a = values.get(one);
      const b = values.get(other);
      const way = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
      return (way || 0) * (sign ?? 1) || places.get(one) - places.get(other);
    });
  }

  update(all) {
    this.all = all;
    const shown = this.inOrder(all).slice(0, this.limit);
    const known = new Set();
    let place = this.body.firstElementChild;
    for (const row of shown) {
      const key = this.key(row);
      known.add(key);
      let entry = this.rows.get(key);
      if (!entry) {
        entry = this.makeRow(key);
        this.rows.set(key, entry);
      }
      this.fill(entry, row);
      if (entry.node === place) place = place.nextElementSibling;
      // What has the focus is not moved: it would lose it. The others are moved around it.
      else if (entry.node.contains(document.activeElement)) place = this.clearTo(entry.node, place);
      else this.body.insertBefore(entry.node, place);
    }
    for (const [key, entry] of this.rows) {
      if (known.has(key)) continue;
      entry.node.remove();
      this.rows.delete(key);
    }
    this.tellMore(all.length);
    this.keepStop();
  }

  /** Takes the rows from `place` up to `node` out of the way; they come back behind it. Gives what follows `node`. */
  clearTo(node, place) {
    while (place && place !== node) {
      const next = place.nextElementSibling;
      this.body.append(place);
      place = next;
    }
    return node.nextElementSibling;
  }

  makeRow(key) {
    const node = make("tr");
    const entry = { node, cells: [], row: null };
    for (const column of this.columns) {
      const cell = make("td", column.isNumber ? "number" : "");
      const parts = { cell };
      if (column.act) {
        parts.button = make("button", "", "⋯");
        parts.button.type = "button";
        parts.button.tabIndex = -1;
        parts.button.addEventListener("click", () => column.act(entry.row));
        cell.append(parts.button);
      } else {
        if (column.dot) cell.append(make("span", "dot"));
        parts.text = make(column.isName ? "bdi" : "span");
        parts.note = make("small");
        cell.append(parts.text, parts.note);
      }
      node.append(cell);
      entry.cells.push(parts);
    }
    return entry;
  }

  fill(entry, row) {
    entry.row = row;
    setClass(entry.node, this.rowClass(row));
    this.columns.forEach((column, index) => {
      const { cell, text, note, button } = entry.cells[index];
      if (button) {
        const label = column.label(row);
        if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
        return;
      }
      const words = printable(column.text(row));
      const hint = column.isName ? words : printable(column.hint?.(row) ?? "");
      if (cell.title !== hint) cell.title = hint;
      setText(text, words);
      const more = column.note?.(row);
      setText(note, more ? ` ${printable(more)}` : "");
      setClass(cell, `${column.isNumber ? "number " : ""}${column.isName ? "name " : ""}${column.className?.(row) ?? ""}`.trim());
    });
  }

  tellMore(count) {
    const words = count > this.limit ? `Show ${amount(Math.min(rowsMore, count - this.limit))} more of ${amount(count)}` : "";
    const fewer = this.limit > rowsShown && count > rowsShown ? "Show fewer" : "";
    if (this.moreWords === words + fewer) return;
    this.moreWords = words + fewer;
    const button = (text, act) => {
      const node = make("button", "", text);
      node.type = "button";
      node.addEventListener("click", act);
      return node;
    };
    this.more.replaceChildren(
      ...(words ? [button(words, () => { this.limit += rowsMore; this.update(this.all); this.lastButton()?.focus(); })] : []),
      ...(fewer ? [button(fewer, () => { this.limit = rowsShown; this.update(this.all); this.lastButton()?.focus(); })] : []));
  }

  lastButton() { return this.more.querySelector("button"); }

  // The Tab key stops at a table once; arrows go through its rows.

  get buttons() { return [...this.body.querySelectorAll("button")]; }

  keepStop() {
    if (this.stop?.isConnected) return;
    this.stop = this.body.querySelector("button");
    if (this.stop) this.stop.tabIndex = 0;
  }

  focused(button) {
    if (this.stop && this.stop !== button) this.stop.tabIndex = -1;
    this.stop = button;
    button.tabIndex = 0;
  }

  walk(event) {
    const buttons = this.buttons;
    const place = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const next = { ArrowDown: Math.min(place + 1, last), ArrowUp: Math.max(place - 1, 0), Home: 0, End: last }[event.key];
    if (next === undefined || place < 0) return;
    event.preventDefault();
    buttons[next].focus();
  }
}
