/* ferry serve: run the server. Main thread. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <ferry/log.h>

#include "commands.h"
#include "config_options.h"
#include "cores.h"
#include "crash_report.h"
#include "descriptors.h"
#include "log_stderr.h"
#include "server.h"

enum { KEPT_BYTES = 16 << 20, MAPPED_BYTES = 4 << 20 };

/* malloc makes arenas for threads, eight for each core of the machine, and each keeps the holes
 * that calls and old pools have left in it: several times of what is in use. As many as can be used
 * at a time, and one more for the loop, are enough. Before there are threads. */
static void limit_arenas(void)
{
    unsigned cores = cores_usable();
    if (cores < 1024 && !getenv("MALLOC_ARENA_MAX"))
        mallopt(M_ARENA_MAX, (int)cores + 1);
}

/* malloc gives the end of a heap back to the system once 128 KiB of it are free, and gets it anew,
 * page by page, for the next body: of bodies of 16 to 300 KiB a server then takes a third as many a
 * second. So some stays. A larger body has a mapping of its own, which goes with it; left alone,
 * malloc would put bodies of up to 32 MiB into its heaps, and keep twice as much. */
static void keep_memory(void)
{
    if (getenv("MALLOC_TRIM_THRESHOLD_") || getenv("MALLOC_MMAP_THRESHOLD_"))
        return;
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

/* A SIGHUP that comes while the server starts, which takes long with a large database, waits until
 * it can be heeded; else it would end the process. Before there are threads. */
static void hold_hangup(int how)
{
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    pthread_sigmask(how, &hangup, NULL);
}

static int serve(struct loaded_config *loaded)
{
    const struct config *config = loaded->config;
    ferry_log_set_level(config->log_level);
    ferry_log_set_format(config->log_format);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of a file's size is then an error, as a full disk is */
    descriptors_raise();
    ferry_error error;
    struct server *server = server_new(&loaded->source, loaded->config, loaded->registry, &error);
    loaded->config = NULL;
    loaded->registry = NULL;
    if (!server) {
        ferry_log(FERRY_LOG_ERROR, "cannot start", "error=%s", error.message);
        return EXIT_RUNTIME;
    }
    hold_hangup(SIG_UNBLOCK);
    int rc = server_run(server);
    server_free(server);
    return rc < 0 ? EXIT_RUNTIME : EXIT_OK;
}

int command_serve(int argc, char **argv)
{
    struct config_options options;
    int rc = config_options_read(&options, argc, argv);
    if (rc == 0 && options.wants_help) {
        printf("ferry serve: serve the routes of a config until SIGTERM\n\n%s",
               config_options_help);
    } else if (rc == 0) {
        struct loaded_config loaded;
        limit_arenas();
        keep_memory();
        crash_report_install();
        hold_hangup(SIG_BLOCK);
        log_stderr_open();
        ferry_log_set_sink(ferry_log_to_stderr, NULL); /* workers that open have something to say */
        rc = loaded_config_init(&loaded, &options);
        if (rc == 0) {
            rc = serve(&loaded);
            loaded_config_fini(&loaded);
        } else if (rc == EXIT_CONFIG) { /* for who reads lines with a priority only, or JSON */
            ferry_log(FERRY_LOG_ERROR, "cannot start", "error=%s",
                      "the config is wrong, as ferry check shows");
        }
    }
    return rc;
}
