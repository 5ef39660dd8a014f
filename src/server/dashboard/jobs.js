// Jobs: how many there are, those that the fragment of the address asks for, and the one it names.

import {
    ageOf, byId, count, duration, fill, fillTable, make, show, untilOf, whenOf,
} from "./dom.js";

const SHOWN_MAX = 100_000; // of a result, in characters
const BODY_MAX = 64 * 1024; // a longer one is not told with its job
const WHERE = ["state", "route", "after", "job"];
const LOOKS = {dead: "bad", retrying: "warn", running: "good"};

// ---- where we are: #state=dead&route=/email&after=7&job=ID ----

export function where() {
    const params = new URLSearchParams(location.hash.slice(1));
    const parts = WHERE.map((name) => [name, params.get(name)]);
    return Object.fromEntries(parts.filter(([, value]) => value));
}

/** The address of this place but for what differs; null takes a part out. */
export function placeWith(changes) {
    const place = {...where(), ...changes};
    const parts = WHERE.filter((name) => place[name]).map((name) => [name, place[name]]);
    const text = new URLSearchParams(parts).toString().replaceAll("%2F", "/").replaceAll("%2C", ",");
    return `#${text || "all"}`;
}

/** What a list or a change of many is asked for. */
export function filterQuery(more = {}) {
    const {state, route} = where();
    const parts = Object.entries({state, route, ...more});
    return new URLSearchParams(parts.filter(([, value]) => value)).toString();
}

// ---- what may be done ----

export const isFinal = (job) => ["succeeded", "dead", "cancelled"].includes(job.state);

const may = {
    retry: (job) => !["queued", "running", "succeeded"].includes(job.state),
    cancel: (job) => !isFinal(job) && !job.cancelling,
    delete: isFinal,
};

// ---- counts and filters ----

export function showFilters(stats) {
    const {state, route} = where();
    const chosen = state ? state.split(",") : [];
    const all = Object.values(stats.states).reduce((sum, number) => sum + number, 0);
    const states = Object.entries(stats.states).map(([name, number]) => [name, number, name]);
    fill(byId("states"), [["all", all, null], ...states], ([name]) => name,
        ([name]) => make("a", {}, `${name} `, make("b")),
        (link, [name, number, value]) => {
            const isChosen = value === null ? !state : chosen.includes(value);
            link.href = placeWith({state: value, after: null});
            link.ariaCurrent = isChosen ? "true" : null;
            show(link.lastChild, count(number), number > 0 ? LOOKS[name] : "");
        });

    const names = stats.routes.map((one) => one.route).sort();
    const select = byId("route");
    fill(select, [...new Set(["", ...names, route ?? ""])], (name) => name,
        (name) => make("option", {value: name}, name || "all"), () => {});
    select.value = route ?? "";
    byId("bulk").hidden = !state && !route;
}

// ---- the list ----

function progressOf(job) {
    if (!job.progress)
        return "";
    return `${Math.floor(job.progress.fraction * 100)} % ${job.progress.message}`;
}

function tookOf(job) {
    const seconds = (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000;
    return seconds > 0 ? duration(seconds) : "less than 1 ms";
}

function storyOf(job, now) {
    const error = job.error ? `${job.error.code}: ${job.error.message}` : "";
    switch (job.state) {
    case "scheduled":
        return `due ${untilOf(job.run_at, now)}`;
    case "retrying":
        return `again ${untilOf(job.run_at, now)}; ${error}`;
    case "running":
        if (job.cancelling)
            return "told to end";
        return progressOf(job) || `for ${ageOf(job.started_at ?? job.run_at, now)}`;
    case "succeeded":
        return `took ${tookOf(job)}`;
    default:
        return error;
    }
}

const jobColumns = (now) => [
    {
        make: () => [make("a")],
        update(cell, job) {
            const link = cell.firstChild;
            show(link, job.id);
            link.href = placeWith({job: job.id});
            cell.parentElement.ariaCurrent = where().job === job.id ? "true" : null;
        },
    },
    {show: (job) => job.route},
    {show: (job) => [job.state, LOOKS[job.state]]},
    {class: "number", show: (job) => job.attempt},
    {show: (job) => `${ageOf(job.created_at, now)} ago`},
    {class: "story", show: (job) => storyOf(job, now)},
];

export function linkTo(id) {
    const rows = [...byId("jobs").tBodies[0].rows];
    return rows.find((row) => row.dataset.key === id)?.querySelector("a");
}

/** A page of jobs; `now` is the server's time. */
export function showJobs(page, now) {
    fillTable(byId("jobs"), jobColumns(now), page.jobs, (job) => job.id);
    const newest = byId("newest");
    const older = byId("older");
    newest.hidden = !where().after;
    newest.href = placeWith({after: null});
    older.hidden = page.next === null;
    older.href = placeWith({after: page.next});
    byId("no-jobs").hidden = page.jobs.length > 0 || page.next !== null;
}

// ---- one job ----

function factsOf(job, now) {
    const when = (time) => time && whenOf(time, now);
    return [
        ["state", job.cancelling ? `${job.state}, told to end` : job.state, LOOKS[job.state]],
        ["route", job.route],
        ["worker", job.worker],
        ["attempts", job.attempt],
        ["crashes", job.crashes, job.crashes > 0 ? "bad" : ""],
        ["error", job.error && `${job.error.code}: ${job.error.message}`, isFinal(job) ? "bad" : "warn"],
        ["progress", progressOf(job)],
        ["made", when(job.created_at)],
        ["due", when(job.run_at)],
        ["started", when(job.started_at)],
        ["finished", when(job.finished_at)],
        ["answer", job.result && `${job.result.status} ${job.result.content_type ?? ""}`],
        ["id", job.id, "id"],
        ["in the log", job.delivery_id, "id"],
    ].filter(([, value]) => value !== null && value !== "");
}

function showFacts(facts) {
    fill(byId("job").querySelector("dl"), facts, ([name]) => name,
        ([name]) => make("div", {}, make("dt", {}, name), make("dd")),
        (group, [, value, look]) => show(group.lastChild, value, look));
}

function textOf(body) {
    const text = typeof body === "string" ? body : JSON.stringify(body, null, 2);
    return text.length > SHOWN_MAX
        ? `${text.slice(0, SHOWN_MAX)}…\n\n/jobs/ID/result has all of it` : text;
}

/** Why there is no body; "" where it is there. That of JSON may be a null. */
function lossOf({bytes}) {
    if (bytes === null)
        return "It was too long to be kept.";
    return bytes > BODY_MAX ? `It is of ${bytes} bytes: /jobs/ID/result has it.` : "";
}

function showResult(result) {
    const [loss, pre] = byId("job-result").querySelectorAll("p, pre");
    byId("job-result").hidden = result === null;
    show(loss, result ? lossOf(result) : "");
    pre.hidden = result === null || lossOf(result) !== "";
    show(pre, textOf(result?.body ?? null));
}

function showButtons(isShown) {
    for (const button of byId("job").querySelectorAll("[data-action]")) {
        const hadFocus = button === document.activeElement;
        button.hidden = !isShown(button.dataset.action);
        if (hadFocus && button.hidden)
            byId("job-title").focus();
    }
}

/** What is known of a job, with its times as of now. */
export function showJobFacts(job, now) {
    showFacts(factsOf(job, now));
}

export function showJob(job, now) {
    showJobFacts(job, now);
    showResult(job.result);
    const bar = byId("job-progress");
    bar.hidden = !job.progress;
    bar.value = job.progress?.fraction ?? 0;
    showButtons((action) => may[action](job));
    show(byId("job").querySelector("[data-action=retry]"), isFinal(job) ? "Retry" : "Run now");
    show(byId("job-message"), "");
}

/** Nothing is known of the job, or no more, for this reason. */
export function showNoJob(reason) {
    showFacts([]);
    showResult(null);
    byId("job-progress").hidden = true;
    showButtons(() => false);
    show(byId("job-message"), reason);
}
