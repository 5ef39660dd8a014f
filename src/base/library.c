/*
 * Loading libraries. No state but the dynamic loader's.
 */
#include "library.h"

#include <dlfcn.h>

const char *library_load(const char *soname, const struct library_symbol *symbols, size_t count,
                         void *table)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    for (size_t i = 0; i < count; i++) {
        /* dlsym gives data pointers; POSIX has them hold functions. */
        void **member = (void **)(void *)((char *)table + symbols[i].offset);
        *member = dlsym(library, symbols[i].name);
        if (!*member)
            return dlerror();
    }
    return NULL;
}
