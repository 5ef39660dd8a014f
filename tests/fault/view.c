/* What operations do, said a second time and without SQL. */
#include "view.h"

bool view_equals(const struct view *a, const struct view *b)
{
    if (!a->is_there || !b->is_there)
        return a->is_there == b->is_there;
    if (a->state != b->state || a->attempt != b->attempt || a->crashes != b->crashes ||
        a->is_cancelling != b->is_cancelling)
        return false;
    if (!job_state_is_final(a->state))
        return a->run_at_ms == b->run_at_ms;
    return a->finished_ms == b->finished_ms || a->finished_ms == 0 || b->finished_ms == 0;
}

static bool is_waiting(const struct view *view)
{
    return view->is_there && (view->state == JOB_SCHEDULED || view->state == JOB_QUEUED ||
                              view->state == JOB_RETRYING);
}

static bool is_running(const struct view *view)
{
    return view->is_there && view->state == JOB_RUNNING;
}

bool view_is_due(const struct view *view, int64_t now_ms)
{
    return is_waiting(view) && view->run_at_ms <= now_ms;
}

bool view_is_retired(const struct view *view, int64_t before_ms)
{
    return view->is_there && job_state_is_final(view->state) && view->finished_ms > 0 &&
           view->finished_ms < before_ms;
}

bool view_allows(const struct view *view, enum job_action action)
{
    if (!view->is_there)
        return false;
    switch (action) {
    case JOB_ACTION_CANCEL:
        return !job_state_is_final(view->state);
    case JOB_ACTION_RETRY:
        return is_waiting(view) || view->state == JOB_DEAD || view->state == JOB_CANCELLED;
    default:
        return job_state_is_final(view->state);
    }
}

/* ---- operations ---- */

static struct view inserted(struct view view, const struct insert_operation *insert)
{
    if (insert->outcome != INSERT_ADDED)
        return view;
    return (struct view){
        .is_there = true,
        .state = insert->state,
        .attempt = insert->state == JOB_RUNNING,
        .run_at_ms = insert->run_at_ms,
    };
}

static struct view claimed(struct view view, int64_t now_ms)
{
    if (view_is_due(&view, now_ms)) {
        view.state = JOB_RUNNING;
        view.attempt++;
    }
    return view;
}

static struct view finished(struct view view, enum job_state state, int64_t now_ms)
{
    view.state = state;
    view.finished_ms = now_ms;
    view.is_cancelling = false;
    return view;
}

static struct view settled(struct view view, const struct settle_operation *settle)
{
    if (!is_running(&view))
        return view;
    if (job_state_is_final(settle->state))
        return finished(view, settle->state, settle->now_ms);
    if (view.is_cancelling)
        return finished(view, JOB_CANCELLED, settle->now_ms);
    view.state = settle->state;
    view.run_at_ms = settle->run_at_ms;
    return view;
}

static struct view released(struct view view, int64_t run_at_ms, int64_t now_ms)
{
    if (!is_running(&view))
        return view;
    view.attempt--;
    if (view.is_cancelling)
        return finished(view, JOB_CANCELLED, now_ms);
    view.state = JOB_QUEUED;
    view.run_at_ms = run_at_ms;
    return view;
}

static struct view retried(struct view view, int64_t now_ms)
{
    if (is_waiting(&view)) {
        view.state = JOB_QUEUED;
        view.run_at_ms = view.run_at_ms < now_ms ? view.run_at_ms : now_ms;
        return view;
    }
    return (struct view){
        .is_there = true, .state = JOB_QUEUED, .run_at_ms = now_ms, .callbacks = view.callbacks};
}

static struct view changed(struct view view, const struct change_operation *change)
{
    if (!view_allows(&view, change->action))
        return view;
    if (change->action == JOB_ACTION_DELETE)
        view.is_there = false;
    else if (change->action == JOB_ACTION_RETRY)
        view = retried(view, change->now_ms);
    else if (view.state == JOB_RUNNING)
        view.is_cancelling = true;
    else
        view = finished(view, JOB_CANCELLED, change->now_ms);
    return view;
}

static struct view undone(struct view view, const struct undo_operation *undo)
{
    if (*undo->id) {
        view.is_there = false;
    } else if (is_running(&view)) {
        view.state = JOB_QUEUED;
        view.attempt--;
    }
    return view;
}

static struct view after(struct view view, const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_INSERT:
        return inserted(view, (const struct insert_operation *)operation);
    case OPERATION_CLAIM:
        return claimed(view, ((const struct claim_operation *)operation)->now_ms);
    case OPERATION_SETTLE:
        return settled(view, (const struct settle_operation *)operation);
    case OPERATION_RELEASE: {
        const struct release_operation *release = (const struct release_operation *)operation;
        return released(view, release->run_at_ms, release->now_ms);
    }
    case OPERATION_CHANGE:
        return changed(view, (const struct change_operation *)operation);
    case OPERATION_UNDO:
        return undone(view, (const struct undo_operation *)operation);
    case OPERATION_RETIRE:
        if (view_is_retired(&view, ((const struct retire_operation *)operation)->before_ms))
            view.is_there = false;
        return view;
    case OPERATION_FIND_KEY:
    case OPERATION_PAUSE:
    case OPERATION_SHIFT:
    case OPERATION_GIVE_ROWS:
    case OPERATION_GIVE_ROW:
        break;
    }
    return view;
}

/* A job that becomes final causes its callback. */
static struct view with_callback(struct view was, struct view now, bool has_callback)
{
    bool was_final = was.is_there && job_state_is_final(was.state);
    now.callbacks += has_callback && now.is_there && job_state_is_final(now.state) && !was_final;
    return now;
}

struct view view_after(struct view view, const struct operation *operation, bool has_callback)
{
    return with_callback(view, after(view, operation), has_callback);
}

struct view view_interrupted(struct view view, unsigned max_crashes, bool has_callback)
{
    if (!is_running(&view))
        return view;
    struct view now = view;
    now.crashes++;
    now.attempt--;
    if (now.is_cancelling)
        now = finished(now, JOB_CANCELLED, 0);
    else if (max_crashes > 0 && now.crashes >= max_crashes)
        now = finished(now, JOB_DEAD, 0);
    else
        now.state = JOB_QUEUED;
    return with_callback(view, now, has_callback);
}
