/* The text of each statement. */
#ifndef JOBS_SQL_H
#define JOBS_SQL_H

#include "statements.h"

extern const char *const sql_of[STATEMENT_COUNT];

#endif
