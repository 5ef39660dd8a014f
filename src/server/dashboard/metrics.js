// Prometheus' text format, and what can be told from two looks at it.

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

function unescape(text) {
    return text.replace(/\\(.)/g, (whole, letter) => (letter === "n" ? "\n" : letter));
}

function labelsOf(text = "") {
    const pairs = [...text.matchAll(LABEL)];
    return Object.fromEntries(pairs.map(([, name, value]) => [name, unescape(value)]));
}

/** The samples of one look, by their names. */
export class Metrics {
    constructor(text, at) {
        this.at = at; // ms, of any clock that does not jump
        this.samples = new Map();
        this.found = new Map(); // by name and label: the samples by the label's value
        for (const line of text.split("\n")) {
            const match = SAMPLE.exec(line);
            if (!match)
                continue;
            const [, name, labels, value] = match;
            if (!this.samples.has(name))
                this.samples.set(name, []);
            this.samples.get(name).push({labels: labelsOf(labels), value: Number(value)});
        }
    }

    /** Those of a name with this label; they are looked for once for all of its values. */
    labelled(name, label, value) {
        const key = `${name} ${label}`;
        if (!this.found.has(key)) {
            const samples = this.samples.get(name) ?? [];
            this.found.set(key, Map.groupBy(samples, ({labels}) => labels[label]));
        }
        return this.found.get(key).get(value) ?? [];
    }

    /** All samples of a name whose labels are these; but for the first, one may be a function that
     *  decides. */
    select(name, labels = {}) {
        const [first, ...more] = Object.entries(labels);
        const samples = first ? this.labelled(name, ...first) : this.samples.get(name) ?? [];
        const fits = ({labels: has}) => more.every(([label, value]) =>
            (typeof value === "function" ? value(has[label]) : has[label] === value));
        return samples.filter(fits);
    }

    sum(name, labels) {
        return this.select(name, labels).reduce((sum, sample) => sum + sample.value, 0);
    }

    /** The values that a label has, in the order of the server. */
    values(name, label) {
        return [...new Set(this.select(name).map((sample) => sample.labels[label]))];
    }
}

/** What grew between two looks; null where that cannot be known: at the first, or after a restart. */
export class Growth {
    constructor(before, now) {
        const start = "process_start_time_seconds";
        this.now = now;
        this.before = before?.sum(start) === now.sum(start) ? before : null;
        this.seconds = this.before ? (now.at - before.at) / 1000 : 0;
    }

    of(name, labels) {
        return this.before && this.now.sum(name, labels) - this.before.sum(name, labels);
    }

    perSecond(name, labels) {
        return this.seconds > 0 ? this.of(name, labels) / this.seconds : null;
    }

    /** The mean of what a histogram has counted meanwhile. */
    mean(name, labels) {
        const count = this.of(`${name}_count`, labels);
        return count ? this.of(`${name}_sum`, labels) / count : null;
    }
}
