/* A locale where numbers have a comma and I is not the capital of i: what a plug-in may set. */
#ifndef UNIT_BASE_TURKISH_H
#define UNIT_BASE_TURKISH_H

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static void use_turkish(void)
{
    char folder[] = "/tmp/ferry-locale-XXXXXX", command[128];
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "localedef -i tr_TR -f ISO-8859-9 %s/tr_TR 2>&1", folder);
    FILE *made = popen(command, "r");
    assert_int_equal(pclose(made), 0);
    setenv("LOCPATH", folder, 1);
    assert_non_null(setlocale(LC_ALL, "tr_TR"));
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(pclose(popen(command, "r")), 0);
}

#endif
