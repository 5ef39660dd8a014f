/* Cores: quotas of cgroups, from files as the kernel writes them, in a folder of ours. */
#include "cores.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

enum { FILES = 4 };

struct file {
    const char *path, *text;
};

static void file_write(const char *root, const struct file *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", root, file->path);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs(file->text, stream);
    fclose(stream);
}

static void file_remove(const char *root, const struct file *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", root, file->path);
    assert_int_equal(unlink(path), 0);
    while (strlen(path) > strlen(root)) {
        *strrchr(path, '/') = '\0';
        rmdir(path); /* with the last of its files */
    }
}

static unsigned quota_of(const struct file files[FILES])
{
    char root[] = "/tmp/ferry-cores-XXXXXX";
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < FILES && files[i].path; i++)
        file_write(root, &files[i]);
    unsigned cores = cores_quota(root);
    for (size_t i = 0; i < FILES && files[i].path; i++)
        file_remove(root, &files[i]);
    rmdir(root);
    assert_int_not_equal(access(root, F_OK), 0);
    return cores;
}

#define GROUPS "/proc/self/cgroup"
#define V2     "/sys/fs/cgroup"
#define V1     "/sys/fs/cgroup/cpu"

static void test_a_quota_of_version_2_is_read(void **state)
{
    (void)state;
    static const struct {
        unsigned cores;
        struct file files[FILES];
    } rows[] = {
        {0, {{GROUPS, "0::/\n"}, {V2 "/cpu.max", "max 100000\n"}}},
        {1, {{GROUPS, "0::/\n"}, {V2 "/cpu.max", "100000 100000\n"}}},
        {1, {{GROUPS, "0::/a/b.service\n"}, {V2 "/a/b.service/cpu.max", "20000 100000\n"}}},
        {2, {{GROUPS, "0::/a\n"}, {V2 "/a/cpu.max", "150000 100000\n"}}},
        {3, {{GROUPS, "0::/a\n"}, {V2 "/a/cpu.max", "150000 50000\n"}}},
        /* of a group above */
        {1, {{GROUPS, "0::/a/b\n"}, {V2 "/a/b/cpu.max", "max 100000\n"}, {V2 "/a/cpu.max", "9 9"}}},
        {2, {{GROUPS, "0::/a/b\n"}, {V2 "/a/b/cpu.max", "4 2"}, {V2 "/a/cpu.max", "9 3"}}},
        /* a path of the host's, in a container */
        {1, {{GROUPS, "0::/docker/1f\n"}, {V2 "/cpu.max", "100000 100000\n"}}},
        /* what nobody writes */
        {0, {{NULL, NULL}}},
        {0, {{GROUPS, ""}, {V2 "/cpu.max", "1 1"}}},
        {0, {{GROUPS, "0\n0:\n"}, {V2 "/cpu.max", "1 1"}}},
        {0, {{GROUPS, "0::/\n"}, {V2 "/cpu.max", ""}}},
        {0, {{GROUPS, "0::/\n"}, {V2 "/cpu.max", "5"}}},
        {0, {{GROUPS, "0::/\n"}, {V2 "/cpu.max", "100000 0\n"}}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned cores = quota_of(rows[i].files);
        if (cores != rows[i].cores)
            fail_msg("row %zu: %u, not %u", i, cores, rows[i].cores);
    }
}

static void test_a_quota_of_version_1_is_read(void **state)
{
    (void)state;
    static const struct {
        unsigned cores;
        const char *groups, *folder, *quota;
    } rows[] = {
        {0, "1:cpu:/\n", V1, "-1\n"},
        {1, "1:cpu:/\n", V1, "100000\n"},
        {2, "4:memory:/a\n3:cpuacct,cpu:/b\n0::/c\n", V1 "/b", "150000\n"},
        {2, "3:cpu,cpuacct:/b/c\n", V1 "/b", "200000\n"},
        {1, "3:cpu,cpuacct:/docker/1f\n", V1, "50000\n"},
        {0, "3:cpuset:/b\n2:cpuacct:/b\n", V1 "/b", "100000\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char quota[64], period[64];
        snprintf(quota, sizeof quota, "%s/cpu.cfs_quota_us", rows[i].folder);
        snprintf(period, sizeof period, "%s/cpu.cfs_period_us", rows[i].folder);
        const struct file files[FILES] = {
            {GROUPS, rows[i].groups}, {quota, rows[i].quota}, {period, "100000\n"}};
        unsigned cores = quota_of(files);
        if (cores != rows[i].cores)
            fail_msg("row %zu: %u, not %u", i, cores, rows[i].cores);
    }
}

/* This thread alone is bound; it may run where it does. */
static void test_who_may_run_on_one_core_can_use_one(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_true(cores_usable() >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(cores_usable() <= (unsigned)CPU_COUNT(&before));
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cores_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quota_of_version_2_is_read),
        cmocka_unit_test(test_a_quota_of_version_1_is_read),
        cmocka_unit_test(test_who_may_run_on_one_core_can_use_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
