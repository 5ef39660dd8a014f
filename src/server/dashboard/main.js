// The dashboard. Every two seconds it looks at what the admin listener says, one request of a kind at
// a time, while the tab is in view; what is looked at in the list of jobs stands in the fragment.
// What is shown and may not be so any more is dimmed until the next answer of its kind.

import * as api from "./api.js";
import {byId, confirm, count, show} from "./dom.js";
import * as health from "./health.js";
import {
    filterQuery, isFinal, linkTo, placeWith, showFilters, showJob, showJobFacts, showJobs, showNoJob,
    where,
} from "./jobs.js";
import {Growth, Metrics} from "./metrics.js";

const PERIOD_MS = 2000;
const READY_MS = 3000; // it costs the server nothing to say that it is; longer, and it hangs
const PAGE = 50; // jobs
const NOTE_MS = 10_000; // what came of an action is told for so long

let timer = 0;
let awaySince = null; // a Date while the server does not answer
let isSignedIn = true; // until the server wants a token
let metrics = null;
let stats = null;
let listedPath = null; // of the list in view
let job = null; // the one in view, once it is known

// ---- messages ----

const notes = new Map(); // what is wrong, by what is asked for

function note(about, text) {
    notes.set(about, text);
    show(byId("message"), [...new Set(notes.values())].filter(Boolean).join(" · "));
}

let fading = 0;

/** What came of an action. */
function noteAction(text) {
    show(byId("done"), text);
    clearTimeout(fading);
    fading = setTimeout(show, NOTE_MS, byId("done"), "");
}

// ---- looks: what is asked again and again ----

/** One kind of request. path() is null when there is nothing to ask. */
class Look {
    constructor(name, path, onText, onRefused = ({message}) => note(name, message), patienceMs) {
        Object.assign(this, {name, path, onText, onRefused, patienceMs, request: null});
    }

    /** Whether what it has shown may not be so any more. */
    markOld(isOld) {
        document.body.classList.toggle(`old-${this.name}`, isOld);
    }

    tell(text, time) {
        onAnswer();
        this.onText(text, time);
        note(this.name, "");
        this.markOld(false);
    }

    refuse(error) {
        this.markOld(true);
        this.onRefused(error);
    }

    /** Ask, unless that is under way. */
    async take() {
        const path = this.path();
        if (path === null)
            this.markOld(false);
        if (this.request || path === null)
            return;
        const request = this.request = new AbortController();
        const asked = new Date();
        try {
            const {text, time} = await api.ask("GET", path, request.signal, this.patienceMs);
            request.signal.throwIfAborted(); // an answer to what is not asked for any more
            this.tell(text, time);
        } catch (error) {
            if (!request.signal.aborted)
                this.onError(error, asked);
        } finally {
            if (this.request === request)
                this.request = null;
        }
    }

    /** Whatever is under way is not waited for. */
    stop() {
        this.request?.abort();
        this.request = null;
    }

    /** Ask for something else, or once more. */
    retake() {
        this.stop();
        return this.take();
    }

    onError(error, asked) {
        if (error instanceof api.Refused) {
            onAnswer();
            this.refuse(error);
        } else if (error instanceof api.TooSlow && this !== looks.ready) {
            this.refuse(error);
        } else {
            onTrouble(error, asked);
        }
    }
}

const pathOf = (id) => `jobs/${encodeURIComponent(id)}`;
const isId = (text) => /^[0-9a-f]{32}$/.test(text); // and no other path, such as jobs/stats
// One that has ended changes no more by itself.
const jobPath = () => (isId(where().job) && !(job && isFinal(job)) ? pathOf(where().job) : null);
const listPath = () => `jobs?${filterQuery({after: where().after, limit: PAGE})}`;

const looks = {
    ready: new Look("ready", () => "readyz", () => health.showReady(""),
        (error) => health.showReady(error.message), READY_MS),
    metrics: new Look("metrics", () => "metrics", onMetrics),
    stats: new Look("stats", () => "jobs/stats", onStats),
    schedules: new Look("schedules", () => "schedules", onSchedules),
    jobs: new Look("jobs", listPath, onJobs),
    job: new Look("job", jobPath, onJob, (error) => showNoJob(error.message)),
};

function markAllOld() {
    byId("ready").classList.add("old"); // until it is shown anew
    Object.values(looks).forEach((look) => look.markOld(true));
}

function onMetrics(text, time) {
    const before = metrics;
    metrics = new Metrics(text, performance.now());
    metrics.growth = new Growth(before, metrics);
    byId("data").hidden = !isSignedIn;
    health.showAbout(metrics, time);
    health.showTroubles(metrics);
    health.showPools(metrics, metrics.growth);
    showRoutes();
}

function onStats(text) {
    stats = JSON.parse(text);
    byId("sign-out").hidden = !api.hasToken();
    showFilters(stats);
    showRoutes();
    if (!isSignedIn) // the token was taken out of the config
        enter();
}

function showRoutes() {
    if (metrics && stats)
        health.showRoutes(metrics, metrics.growth, stats, pause);
}

function onSchedules(text, time) {
    health.showSchedules(JSON.parse(text).schedules, time);
}

function onJobs(text, time) {
    const page = JSON.parse(text);
    listedPath = listPath();
    showJobs(page, time);
    if (!job)
        return;
    showJobFacts(job, time);
    const listed = page.jobs.find((one) => one.id === job.id);
    if (listed && isFinal(job) && !isFinal(listed)) // somebody has it tried again
        lookAtJobAgain();
}

function onJob(text, time) {
    job = api.parseJob(text);
    showJob(job, time);
}

function lookAtJobAgain() {
    job = null;
    looks.job.retake();
}

// ---- whether there is an answer ----

function onAnswer() {
    const wasAway = awaySince !== null;
    awaySince = null;
    if (wasAway)
        turn();
}

/** `asked` is when what has got no answer was asked for. */
function onTrouble(error, asked) {
    if (error instanceof api.NotSignedIn) {
        askForToken(error.message);
    } else if (error instanceof api.NoAnswer) {
        awaySince ??= asked;
        markAllOld();
        health.showAway(awaySince);
    } else {
        reportError(error); // the page's own fault; the next look goes on
    }
}

/** Everything; or whether it is back, while it is away; or whether it still wants a token. */
function looksToTake() {
    if (awaySince !== null)
        return [looks.ready];
    return isSignedIn ? Object.values(looks) : [looks.ready, looks.stats];
}

/** The next turn waits for the first look only: what takes long holds up nothing else. */
async function turn() {
    clearTimeout(timer);
    const [ready] = looksToTake().map((look) => look.take());
    await ready;
    clearTimeout(timer);
    if (!document.hidden)
        timer = setTimeout(turn, PERIOD_MS);
}

document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
        clearTimeout(timer);
    } else {
        markAllOld();
        turn();
    }
});

// ---- the token ----

function askForToken(message) {
    if (!isSignedIn && !message)
        return; // it is asked for, and may be half typed
    api.forgetToken();
    Object.values(looks).forEach((look) => look.stop()); // which have asked without the right one
    show(byId("sign-in-message"), message);
    isSignedIn = false;
    byId("sign-in").hidden = false;
    byId("data").hidden = byId("job").hidden = byId("sign-out").hidden = true;
    byId("token").focus();
}

function enter() {
    looks.stats.stop(); // which may have asked without the token
    show(byId("sign-in-message"), "");
    byId("token").value = "";
    byId("sign-in").hidden = true;
    isSignedIn = true;
    onPlace();
    turn();
}

byId("sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    const token = byId("token").value.trim();
    byId("token").value = "";
    if (api.setToken(token))
        enter();
    else
        show(byId("sign-in-message"), "A token is made of letters, digits and signs of ASCII.");
});

byId("sign-out").addEventListener("click", () => {
    api.forgetToken();
    location.reload(); // and nothing is left in the page
});

// ---- what is done ----

/** Returns whether it was done. */
async function act(method, path, doneText) {
    noteAction("");
    const asked = new Date();
    try {
        const {text} = await api.ask(method, path);
        onAnswer();
        noteAction(doneText(text));
        return true;
    } catch (error) {
        onUndone(error, asked);
        return false;
    }
}

function onUndone(error, asked) {
    if (error instanceof api.Refused) {
        noteAction(error.message);
    } else if (error instanceof api.TooSlow) {
        noteAction("No answer so far: it may still be done.");
    } else {
        if (error instanceof api.NoAnswer)
            noteAction("No answer: it may have been done, or not.");
        onTrouble(error, asked);
    }
}

function lookAgain() {
    if (!isSignedIn || awaySince !== null)
        return;
    looks.jobs.retake();
    looks.stats.retake();
    lookAtJobAgain();
}

async function pause(route, isPaused) {
    const name = isPaused ? "pause" : "resume";
    const query = new URLSearchParams({route});
    await act("POST", `routes/${name}?${query}`, () => `${route} is ${name}d.`);
    lookAgain();
}

const DONE = {
    retry: "It is due now.",
    cancel: "It is cancelled, or told to end.",
    delete: "It is deleted.",
};

function requestFor(action, path) {
    return action === "delete" ? ["DELETE", path] : ["POST", `${path}/${action}`];
}

async function changeJob(action) {
    const {job: id} = where();
    if (action !== "retry" && !await confirm(`Really ${action} the job ${id}?`))
        return;
    const isDone = await act(...requestFor(action, pathOf(id)), () => DONE[action]);
    if (isDone && action === "delete" && where().job === id)
        location.hash = placeWith({job: null});
    else
        lookAgain();
}

async function changeAll(action) {
    const {state, route} = where();
    const query = filterQuery(); // as it is now: one may go elsewhere before the yes
    const which = [state?.replaceAll(",", " or "), "jobs", route && `of ${route}`];
    if (!await confirm(`Really ${action} all ${which.filter(Boolean).join(" ")}?`))
        return;
    const [method, path] = requestFor(action, "jobs");
    await act(method, `${path}?${query}`,
        (text) => `${action}: ${count(JSON.parse(text).changed)} jobs.`);
    lookAgain();
}

function onAction(element, change) {
    element.addEventListener("click", async ({target}) => {
        const action = target.dataset.action;
        if (!action || target.ariaDisabled)
            return;
        target.ariaDisabled = "true"; // one that is disabled would lose the focus
        await change(action);
        target.ariaDisabled = null;
    });
}

onAction(byId("job"), changeJob);
onAction(byId("bulk"), changeAll);

// ---- where we are ----

let shownId = null;

/** The focus goes to the job that is opened, and back to where it was opened from, or the list. */
function moveFocus(id) {
    if (id === null)
        (linkTo(shownId) ?? byId("jobs").parentElement).focus();
    else
        byId("job-title").focus();
}

function onPlace() {
    const {job: id = null} = where();
    if (stats)
        showFilters(stats);
    byId("close-job").href = placeWith({job: null});
    byId("job").hidden = id === null || !isSignedIn;
    if (id !== shownId) {
        showNoJob(id === null || isId(id) ? "" : "no such job: an id has 32 hexadecimal digits");
        lookAtJobAgain();
        moveFocus(id);
    }
    shownId = id;
    if (listPath() !== listedPath)
        looks.jobs.markOld(true);
    looks.jobs.retake();
}

window.addEventListener("hashchange", onPlace);

byId("route").addEventListener("change", ({target}) => {
    location.hash = placeWith({route: target.value || null, after: null});
});

document.addEventListener("keydown", ({key}) => {
    if (key === "Escape" && !byId("confirm").open && where().job)
        location.hash = placeWith({job: null});
});

onPlace();
turn();
