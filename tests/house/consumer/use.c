/* A user of the installed library: one blocking call, there and back. Prints the version. */
#include <stdio.h>

#include <ferry/future.h>
#include <ferry/version.h>

static void *blocking_version(void *arg, ferry_error *error)
{
    (void)arg;
    (void)error;
    return (void *)ferry_version();
}

static void on_version(ferry_future *future, void *loop)
{
    const char *version = ferry_future_result(future);
    puts(version ? version : ferry_future_error(future)->message);
    ferry_loop_stop(loop);
}

int main(void)
{
    ferry_loop *loop = ferry_loop_new();
    ferry_executor *pool = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    if (!loop || !pool)
        return 1;
    ferry_future_then(ferry_run_on_executor(loop, pool, blocking_version, NULL, NULL), on_version,
                      loop);
    int rc = ferry_loop_run(loop);
    ferry_executor_free(pool);
    ferry_loop_free(loop);
    return rc == 0 ? 0 : 1;
}
