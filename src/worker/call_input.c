/*
 * The block of a call's input.
 *
 * Each field is: its kind (1 byte), the lengths of name and value (4 bytes each, little endian),
 * the name and a NUL, the value and a NUL. The NULs make every value a C string in place, so that
 * nothing is ever unpacked: a lookup walks the few hundred bytes. A block is checked once, when it
 * is parsed; the walks afterwards trust it.
 */
#include "call_input.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"

enum { HEAD_BYTES = 9 };

struct field {
    enum call_field kind;
    const char *name;
    const char *value;
    uint32_t name_length;
    uint32_t value_length;
};

static char *put_u32(char *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        *at++ = (char)(unsigned char)(value >> 8 * i);
    return at;
}

/* Write bytes and a NUL; returns where the next thing goes. */
static char *put_text(char *at, const void *text, size_t length)
{
    if (length > 0)
        memcpy(at, text, length);
    at[length] = '\0';
    return at + length + 1;
}

static uint32_t get_u32(const char *at)
{
    const unsigned char *little = (const unsigned char *)at;
    return little[0] | (uint32_t)little[1] << 8 | (uint32_t)little[2] << 16 |
           (uint32_t)little[3] << 24;
}

void call_input_add(struct bytes *block, enum call_field field, const char *name, const void *value,
                    size_t length)
{
    size_t name_length = strlen(name);
    if (length > UINT32_MAX || name_length > UINT32_MAX) {
        block->failed = true;
        return;
    }
    char *at = bytes_extend(block, HEAD_BYTES + name_length + 1 + length + 1);
    if (!at)
        return;
    *at++ = (char)field;
    at = put_u32(at, name_length);
    at = put_u32(at, length);
    at = put_text(at, name, name_length);
    put_text(at, value, length);
}

void call_input_end(struct bytes *block, const void *body, size_t length)
{
    call_input_add(block, CALL_BODY, "", body, length);
}

/* Read the field at *offset and move behind it. Returns false where no whole field is left. */
static bool field_next(const struct call_input *input, size_t *offset, struct field *field)
{
    size_t left = input->length - *offset;
    if (left < HEAD_BYTES)
        return false;
    const char *at = input->block + *offset;
    field->kind = (enum call_field)at[0];
    field->name_length = get_u32(at + 1);
    field->value_length = get_u32(at + 5);
    size_t need = (size_t)HEAD_BYTES + field->name_length + 1 + field->value_length + 1;
    if (left < need)
        return false;
    field->name = at + HEAD_BYTES;
    field->value = field->name + field->name_length + 1;
    *offset += need;
    return true;
}

static bool field_is_sound(const struct field *field)
{
    return strnlen(field->name, field->name_length + 1) == field->name_length &&
           field->value[field->value_length] == '\0' &&
           memchr("mpqhb", (int)field->kind, sizeof "mpqhb" - 1) != NULL;
}

int call_input_parse(struct call_input *input, char *block, size_t length, ferry_error *error)
{
    *input = (struct call_input){.block = block, .length = length};
    struct field field;
    size_t offset = 0;
    while (!input->body && field_next(input, &offset, &field) && field_is_sound(&field)) {
        if (field.kind == CALL_METHOD)
            input->method = field.value;
        if (field.kind == CALL_BODY) {
            input->body = field.value;
            input->body_length = field.value_length;
        }
    }
    if (input->method && input->body && offset == length)
        return 0;
    call_input_fini(input);
    return ferry_error_set(error, FERRY_INVALID, "the call's input is damaged");
}

void call_input_fini(struct call_input *input)
{
    free(input->block);
    *input = (struct call_input){0};
}

const char *call_input_find(const struct call_input *input, enum call_field kind, const char *name)
{
    struct field field;
    size_t offset = 0;
    while (field_next(input, &offset, &field)) {
        if (field.kind == kind && (kind == CALL_HEADER ? ascii_compare(field.name, name) == 0
                                                       : strcmp(field.name, name) == 0))
            return field.value;
    }
    return NULL;
}
