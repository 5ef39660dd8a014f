// The same from C++: that the headers can be used there, and that the names link.
#include <cstdio>

#include <ferry/future.h>
#include <ferry/version.h>

int main()
{
    ferry_loop *loop = ferry_loop_new();
    if (!loop)
        return 1;
    auto on_turn = [](void *arg) {
        std::puts(ferry_version());
        ferry_loop_stop(static_cast<ferry_loop *>(arg));
    };
    ferry_loop_add_callback(loop, on_turn, loop, nullptr);
    int rc = ferry_loop_run(loop);
    ferry_loop_free(loop);
    return rc == 0 ? 0 : 1;
}
