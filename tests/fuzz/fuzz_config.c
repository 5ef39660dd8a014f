/*
 * Fuzzing the configuration: a text is either a config, or there is an error in the report; and it
 * is the same the second time.
 *
 * The text is in a file that is in memory only. The built-in workers are opened, none is run. No
 * plug-in is loaded, whatever the text says.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "builtin.h"
#include "config.h"
#include "registry.h"

/* libfyaml 0.7.12 leaks what it has read of some broken texts. The name is the sanitizer's. */
// NOLINTBEGIN(cert-dcl51-cpp)
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}
// NOLINTEND(cert-dcl51-cpp)

static int text_file(void)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("ferry.yaml", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0);
    return fd;
}

static struct registry *registry_of_builtin_workers(void)
{
    struct registry *registry = registry_new();
    if (!registry)
        abort();
    for (size_t i = 0; builtin_workers[i]; i++)
        FUZZ_CHECK(registry_add_kind(registry, builtin_workers[i], NULL) == 0);
    return registry;
}

static void check_config(const struct config *config)
{
    FUZZ_CHECK(config->listen && config->listen[0] && config->admin_listen && config->state);
    for (size_t i = 0; i < config->pool_count; i++)
        FUZZ_CHECK(config->pools[i].threads > 0);
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        FUZZ_CHECK(route->path[0] == '/' && route->worker && route->pool && route->attempts > 0);
        FUZZ_CHECK(route->backoff_min_ms <= route->backoff_max_ms);
    }
    for (size_t i = 0; i < config->schedule_count; i++)
        FUZZ_CHECK(config->schedules[i].zone && config->schedules[i].route);
}

/* Returns the report. */
static struct bytes load(const struct config_source *source, bool *is_right)
{
    struct bytes report = {0};
    struct registry *registry = registry_of_builtin_workers();
    struct config *config = config_load(source, registry, &report);
    *is_right = config != NULL;
    if (config)
        check_config(config);
    FUZZ_CHECK(*is_right == !strstr(bytes_text(&report), ": error: "));
    config_free(config);
    registry_free(registry);
    return report;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const sets[] = {"plugins=[]", NULL};
    char path[32];
    int fd = text_file();
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool is_right, is_right_again;
    const struct config_source source = {.file = path, .sets = sets};
    struct bytes report = load(&source, &is_right), again = load(&source, &is_right_again);
    FUZZ_CHECK(is_right == is_right_again);
    FUZZ_CHECK(strcmp(bytes_text(&report), bytes_text(&again)) == 0);
    bytes_fini(&report);
    bytes_fini(&again);
    return 0;
}
