// Whether ferry is well: the line at the top, the pools, the routes, the schedules.

import {
    ageOf, byId, clock, count, duration, fill, fillTable, make, rate, show, whenOf,
} from "./dom.js";

const LATE_S = 600; // a job that waits for longer is worth an alert
const isError = (code) => code >= "500";
const lookIf = (number, look) => (number > 0 ? look : "");

/** `reason` is why it is not ready, "" if it is. */
export function showReady(reason) {
    show(byId("ready"), reason ? `not ready: ${reason}` : "ready", reason ? "mark bad" : "mark good");
    document.title = reason ? "ferry: not ready" : "ferry";
}

/** Nobody has answered since then. */
export function showAway(since) {
    show(byId("ready"), `does not answer since ${clock(since)}`, "mark bad");
    document.title = "ferry: does not answer";
}

/** `time` is the server's. */
export function showAbout(metrics, time) {
    const [build] = metrics.select("ferry_build_info");
    const up = time / 1000 - metrics.sum("process_start_time_seconds");
    show(byId("about"), [
        build?.labels.version,
        `up ${duration(Math.max(0, Math.floor(up)))}`,
        `${count(metrics.sum("ferry_connections"))} connections`,
        `${count(metrics.sum("process_resident_memory_bytes") / 2 ** 20)} MiB`,
    ].join(" · "));
}

/** What is wrong, and does not go by itself. */
export function showTroubles(metrics) {
    const fds = metrics.sum("process_open_fds") / metrics.sum("process_max_fds");
    const troubles = [
        ["stuck threads, whose calls are past their deadline", metrics.sum("ferry_stuck_threads")],
        ["replaced configs whose calls do not end", metrics.sum("ferry_old_configs")],
        ["failed writes to the jobs' database since the start", metrics.sum("ferry_store_failed_total")],
        ["lines of the log that nobody took since the start", metrics.sum("ferry_log_dropped_total")],
        ["open descriptors, nearly all", fds > 0.8 ? metrics.sum("process_open_fds") : 0],
    ].filter(([, number]) => number > 0);
    fill(byId("troubles"), troubles, ([text]) => text, () => make("li"),
        (item, [text, number]) => show(item, `${text}: ${count(number)}`));
}

// ---- pools ----

const poolColumns = [
    {show: (pool) => pool.name},
    {class: "number", show: (pool) => `${pool.busy} / ${pool.threads}`},
    {
        make: () => [make("meter")],
        update(cell, pool) {
            const meter = cell.firstChild;
            Object.assign(meter, {max: pool.threads, high: pool.threads - 0.5, optimum: 0});
            meter.value = pool.busy;
            meter.ariaLabel = `${pool.busy} of ${pool.threads} threads are busy`;
        },
    },
    {
        class: "number",
        show: (pool) => [`${count(pool.waiting)} / ${count(pool.limit)}`, lookIf(pool.waiting, "warn")],
    },
    {class: "number", show: (pool) => [pool.stuck, lookIf(pool.stuck, "bad")]},
    {class: "number", show: (pool) => rate(pool.calls)},
    {class: "number", show: (pool) => [rate(pool.refused), lookIf(pool.refused, "bad")]},
];

export function showPools(metrics, growth) {
    const poolOf = (name) => {
        const labels = {pool: name};
        return {
            name,
            threads: metrics.sum("ferry_pool_threads", labels),
            busy: metrics.sum("ferry_pool_busy_threads", labels),
            waiting: metrics.sum("ferry_pool_queue_depth", labels),
            limit: metrics.sum("ferry_pool_queue_limit", labels),
            stuck: metrics.sum("ferry_stuck_threads", labels),
            calls: growth.perSecond("ferry_pool_wait_seconds_count", labels),
            refused: growth.perSecond("ferry_pool_rejected_total", labels),
        };
    };
    // One that a reload has taken out has no threads.
    const pools = metrics.values("ferry_pool_threads", "pool").map(poolOf);
    fillTable(byId("pools"), poolColumns, pools.filter((pool) => pool.threads > 0), (pool) => pool.name);
}

// ---- routes ----

function gateOf(route) {
    const {known, gate, until} = route.jobs;
    if (!known)
        return ["gone from the config", "warn"];
    if (gate === "broken")
        return [`broken until ${clock(new Date(until))}`, "bad"];
    return [gate, gate === "open" ? "" : "warn"];
}

function lateOf({late}) {
    return late < 1 ? "" : [duration(Math.floor(late)), late > LATE_S ? "bad" : ""];
}

/** A column of what only routes with jobs have. */
const ofJobs = (show) => ({
    class: "number",
    show: (route) => (route.jobs ? show(route) : ""),
});

const routeColumns = (onPause) => [
    {show: (route) => route.name},
    {class: "number", show: (route) => rate(route.requests)},
    {class: "number", show: (route) => [rate(route.errors), lookIf(route.errors, "bad")]},
    {class: "number", show: (route) => (route.seconds === null ? "" : duration(route.seconds))},
    {class: "number", show: (route) => count(route.inFlight)},
    ofJobs((route) => count(route.jobs.states.queued)),
    ofJobs(lateOf),
    ofJobs((route) => rate(route.runs)),
    ofJobs((route) => [count(route.jobs.states.dead), lookIf(route.jobs.states.dead, "warn")]),
    {...ofJobs(gateOf), class: ""},
    {
        make: () => [make("button", {type: "button"})],
        update(cell, route) {
            const button = cell.firstChild;
            const isOpen = route.jobs?.gate === "open";
            button.hidden = !route.jobs;
            show(button, isOpen ? "Pause" : "Resume");
            button.ariaLabel = `${button.textContent} ${route.name}`;
            button.onclick = () => onPause(route.name, isOpen);
        },
    },
];

const hasJobs = (stats) => Object.values(stats.states).some((number) => number > 0);

/** onPause(name, isPaused) is called for a button that is clicked. */
export function showRoutes(metrics, growth, stats, onPause) {
    const known = stats.routes.filter((route) => route.known || hasJobs(route));
    const jobs = new Map(known.map((route) => [route.route, route]));
    const routeOf = (name) => {
        const labels = {route: name};
        return {
            name,
            requests: growth.perSecond("ferry_requests_total", labels),
            errors: growth.perSecond("ferry_requests_total", {...labels, code: isError}),
            seconds: growth.mean("ferry_request_duration_seconds", labels),
            inFlight: metrics.sum("ferry_requests_in_flight", labels),
            late: metrics.sum("ferry_route_late_seconds", labels),
            runs: growth.perSecond("ferry_job_attempts_total", labels),
            jobs: jobs.get(name),
        };
    };
    const names = new Set([...metrics.values("ferry_requests_in_flight", "route"), ...jobs.keys()]);
    fillTable(byId("routes"), routeColumns(onPause), [...names].map(routeOf), (route) => route.name);

    const lates = metrics.select("ferry_route_late_seconds").map((sample) => sample.value);
    const late = Math.floor(Math.max(0, ...lates));
    show(byId("late"), late > 0 ? `the oldest that is due has waited for ${duration(late)}` : "");
}

// ---- schedules ----

function nextOf({next_at: next, pending_at: pending}, now) {
    if (pending)
        return [`due ${ageOf(pending, now)} ago, not accepted yet`, "warn"];
    return next ? whenOf(next, now) : "never";
}

const scheduleColumns = (now) => [
    {show: (schedule) => schedule.name},
    {show: (schedule) => schedule.route},
    {show: (schedule) => nextOf(schedule, now)},
    {show: ({last_at: last}) => (last ? whenOf(last, now) : "")},
    {class: "number", show: ({runs}) => count(runs.added)},
    {class: "number", show: ({runs}) => count(runs.overlap + runs.taken)},
    {class: "number", show: ({runs}) => [count(runs.missed), lookIf(runs.missed, "warn")]},
    {class: "number", show: ({runs}) => [count(runs.refused), lookIf(runs.refused, "bad")]},
];

/** `now` is the server's time. */
export function showSchedules(schedules, now) {
    byId("schedules").closest("section").hidden = schedules.length === 0;
    fillTable(byId("schedules"), scheduleColumns(now), schedules, (schedule) => schedule.name);
}
