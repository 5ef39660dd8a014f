// Small tools for the document. Whatever comes from the server becomes text here, never markup; and
// what has not changed is left alone, so that a selection, the focus and a screen reader stay put.

export function byId(id) {
    return document.getElementById(id);
}

/** Make an element with its properties and children. */
export function make(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
}

/** `text`, and how it is to look: a class, "" for nothing special. */
export function show(element, text, look = "") {
    if (element.textContent !== String(text))
        element.textContent = text;
    if (element.className !== look)
        element.className = look;
}

function place(list, element, at) {
    if (element === at)
        return at.nextElementSibling;
    list.insertBefore(element, at);
    return at;
}

/**
 * Make the children of `list` be those of `items`: one each, known by its key, made once by
 * create(item) and told by update(child, item) what is new.
 */
export function fill(list, items, keyOf, create, update) {
    const keys = new Set(items.map(keyOf));
    const known = new Map();
    for (const child of [...list.children]) {
        if (keys.has(child.dataset.key))
            known.set(child.dataset.key, child);
        else
            child.remove();
    }
    let at = list.firstElementChild;
    for (const item of items) {
        const key = keyOf(item);
        const child = known.get(key) ?? create(item);
        child.dataset.key = key;
        update(child, item);
        at = place(list, child, at);
    }
}

/**
 * A table whose columns say what a cell shows: {show(item): text or [text, look], class, make}, with
 * make() for what is in the cell beside the text, and update(cell, item) in place of show. The first
 * column is the rows' heading.
 */
export function fillTable(table, columns, items, keyOf) {
    const cellOf = (column, i) => {
        const cell = i === 0 ? make("th", {scope: "row"}) : make("td");
        cell.append(...(column.make?.() ?? []));
        return cell;
    };
    const update = (row, item) => columns.forEach((column, i) => {
        const cell = row.cells[i];
        if (column.update) {
            column.update(cell, item);
            return;
        }
        const [text, look = ""] = [column.show(item)].flat();
        show(cell, text, [column.class, look].filter(Boolean).join(" "));
    });
    fill(table.tBodies[0], items, keyOf, () => make("tr", {}, ...columns.map(cellOf)), update);
}

/** Ask for a yes. Escape is a no. */
export function confirm(question) {
    const dialog = byId("confirm");
    show(byId("question"), question);
    dialog.returnValue = "no";
    byId("yes").onclick = () => dialog.close("yes");
    byId("no").onclick = () => dialog.close("no");
    dialog.showModal();
    return new Promise((resolve) => {
        dialog.onclose = () => resolve(dialog.returnValue === "yes");
    });
}

// ---- numbers and times ----

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

export function count(number) {
    return whole.format(number).replaceAll(",", "\u2009");
}

/** So many a second; nothing where it is not known. */
export function rate(number) {
    if (number === null)
        return "";
    return number === 0 || number >= 10 ? count(number) : number.toPrecision(2);
}

/** "2 d 4 h", "1 min 5 s", "850 ms": two units at most. */
export function duration(seconds) {
    if (seconds < 1)
        return seconds > 0 ? `${Number((seconds * 1000).toPrecision(2))} ms` : "0 s";
    if (seconds < 10)
        return `${Math.floor(seconds * 10) / 10} s`;
    const first = UNITS.findIndex(([, size]) => seconds >= size);
    const parts = [];
    for (const [unit, size] of UNITS.slice(first, first + 2)) {
        parts.push(`${Math.floor(seconds / size)} ${unit}`);
        seconds %= size;
    }
    return parts.filter((part) => !part.startsWith("0 ")).join(" ");
}

/** In the time zone of who looks, as Sweden writes it: 2026-11-26 21:40:48. */
export function dateAndClock(date) {
    return date.toLocaleString("sv");
}

/** How long ago a time is; `now` is the server's, which the browser's may not be. */
export function ageOf(time, now) {
    return duration(Math.max(0, Math.floor((now - Date.parse(time)) / 1000)));
}

export function untilOf(time, now) {
    const seconds = Math.ceil((Date.parse(time) - now) / 1000);
    return seconds > 0 ? `in ${duration(seconds)}` : "now";
}

export function whenOf(time, now) {
    const relative = Date.parse(time) <= now ? `${ageOf(time, now)} ago` : untilOf(time, now);
    return `${dateAndClock(new Date(time))} (${relative})`;
}

export function clock(date) {
    return date.toLocaleTimeString("sv");
}
