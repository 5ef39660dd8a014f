/* Pieces that are used again. What is lost, or freed twice, is the sanitizers' to see; this program
 * has the keeping itself, which they go without. */
#include "spare.h"

#include <pthread.h>
#include <string.h>

#include "support.h"

static void test_a_freed_piece_is_the_next_of_its_size(void **state)
{
    (void)state;
    void *piece = spare_new(200);
    spare_free(piece, 200);
    assert_ptr_equal(spare_new(200), piece);
    void *other = spare_new(200);
    assert_ptr_not_equal(other, piece);
    spare_free(piece, 200);
    spare_free(other, 200);
}

static void test_a_piece_is_as_large_as_any_that_it_serves(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= SPARE_PIECE_MAX_BYTES + 100; bytes++) {
        char *piece = spare_new(bytes); /* the one before, if it is large enough */
        assert_non_null(piece);
        memset(piece, 0x5A, bytes);
        spare_free(piece, bytes);
    }
}

static void test_an_empty_piece_is_none_of_another_size(void **state)
{
    (void)state;
    void *nothing = spare_new(0), *piece = spare_new(1);
    assert_ptr_not_equal(nothing, piece);
    spare_free(nothing, 0);
    spare_free(piece, 1);
    spare_free(NULL, 1);
}

/* Free `count` pieces, and tell how many of them the next as many are. */
static size_t count_kept(void **pieces, void **again, size_t count, size_t bytes)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        pieces[i] = spare_new(bytes);
    for (size_t i = count; i > 0; i--)
        spare_free(pieces[i - 1], bytes);
    for (size_t i = 0; i < count; i++) { /* those that are kept come first, the last one first */
        again[i] = spare_new(bytes);
        for (size_t j = 0; j < count && i < SPARE_KEPT_MAX; j++)
            kept += again[i] == pieces[j];
    }
    for (size_t i = 0; i < count; i++)
        spare_free(again[i], bytes);
    return kept;
}

static void test_many_pieces_are_kept(void **state)
{
    (void)state;
    static void *pieces[SPARE_KEPT_MAX + 100], *again[SPARE_KEPT_MAX + 100];
    assert_int_equal(count_kept(pieces, again, COUNT_OF(pieces), 640), SPARE_KEPT_MAX);
    assert_ptr_equal(again[0], pieces[COUNT_OF(pieces) - SPARE_KEPT_MAX]); /* and no more */
}

static void *keep_some(void *arg)
{
    for (size_t bytes = 8; bytes <= SPARE_PIECE_MAX_BYTES; bytes += 8) {
        void *pieces[] = {spare_new(bytes), spare_new(bytes)};
        for (size_t i = 0; i < COUNT_OF(pieces); i++)
            spare_free(pieces[i], bytes);
    }
    spare_free(arg, 100); /* of another thread's */
    return NULL;
}

static void test_what_a_thread_has_kept_is_freed_at_its_end(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_some, spare_new(100)), 0);
    pthread_join(thread, NULL);
}

static void free_late(void *piece)
{
    spare_free(piece, 100);
}

static void *free_at_the_end(void *key)
{
    pthread_setspecific(*(pthread_key_t *)key, spare_new(100));
    return keep_some(NULL);
}

static void test_so_is_what_another_destructor_frees_after_that(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_key_t key; /* younger than the one of the pieces, which is there */
    assert_int_equal(pthread_key_create(&key, free_late), 0);
    assert_int_equal(pthread_create(&thread, NULL, free_at_the_end, &key), 0);
    pthread_join(thread, NULL);
    pthread_key_delete(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_freed_piece_is_the_next_of_its_size),
        cmocka_unit_test(test_a_piece_is_as_large_as_any_that_it_serves),
        cmocka_unit_test(test_an_empty_piece_is_none_of_another_size),
        cmocka_unit_test(test_many_pieces_are_kept),
        cmocka_unit_test(test_what_a_thread_has_kept_is_freed_at_its_end),
        cmocka_unit_test(test_so_is_what_another_destructor_frees_after_that),
    };
    return cmocka_run_group_tests_name("base/spare", tests, NULL, NULL);
}
