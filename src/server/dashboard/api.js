// What the admin listener is asked, and the token that it wants. Nothing else of the page talks to it.

const TOKEN = "ferry-admin-token"; // in the tab's own storage: it is gone with the tab
const PATIENCE_MS = 10_000;
const HOME = location.origin + location.pathname; // no fetch takes a password in the page's address

/** Nobody answered: the server is away, or hangs, or a proxy before it says so. */
export class NoAnswer extends Error {}

/** Nobody has answered so far; it may be the one question that takes long. */
export class TooSlow extends NoAnswer {}

/** It wants a token, or another one. */
export class NotSignedIn extends Error {}

/** It said no, and why. */
export class Refused extends Error {}

export function hasToken() {
    return sessionStorage.getItem(TOKEN) !== null;
}

/** Returns false for what no header can carry. */
export function setToken(token) {
    if (!/^[ -~]+$/.test(token))
        return false;
    sessionStorage.setItem(TOKEN, token);
    return true;
}

export function forgetToken() {
    sessionStorage.removeItem(TOKEN);
}

// Numbers that JavaScript would round stay as they were written, where the browser can do that.
function exactly(key, value, context) {
    const isRounded = typeof value === "number" && context && !Number.isSafeInteger(value);
    return isRounded && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

/** A job, with the result to be shown and not to be reckoned with. */
export function parseJob(text) {
    return {...JSON.parse(text), result: JSON.parse(text, exactly).result};
}

/** Whether it is ferry who says no. */
function isProblem(reply) {
    return reply.headers.get("Content-Type") === "application/problem+json";
}

/**
 * Ask for a path, relative to the page. Returns its text and the server's time, in ms since 1970.
 * Throws one of the above, or an AbortError if `signal` ended it.
 */
export async function ask(method, path, signal, patienceMs = PATIENCE_MS) {
    const token = sessionStorage.getItem(TOKEN);
    const signals = [AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])];
    let reply, text;
    try {
        reply = await fetch(new URL(path, HOME), {
            method,
            headers: token === null ? {} : {Authorization: `Bearer ${token}`},
            cache: "no-store",
            credentials: "same-origin", // those of a proxy, and a certificate
            redirect: "error",
            signal: AbortSignal.any(signals),
        });
        text = await reply.text();
    } catch (error) {
        signal?.throwIfAborted();
        if (error.name === "TimeoutError")
            throw new TooSlow(`no answer to ${path} within ${patienceMs / 1000} s`);
        throw new NoAnswer("no answer", {cause: error});
    }
    if (reply.status === 401)
        throw new NotSignedIn(token === null ? "" : "The server does not take this token.");
    const status = `${reply.status} ${reply.statusText}`;
    if (reply.status >= 502 && !isProblem(reply))
        throw new NoAnswer(status);
    if (!reply.ok)
        throw new Refused(isProblem(reply) ? JSON.parse(text).detail : status);
    return {text, time: Date.parse(reply.headers.get("Date")) || Date.now()};
}
