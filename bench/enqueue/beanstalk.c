/* beanstalkd: put to the default tube. With -f0 it answers after the fsync of its log. */
#include "protocol.h"

#include <stdio.h>
#include <string.h>

static size_t beanstalk_request(char *bytes, const struct options *options)
{
    (void)options;
    size_t length = (size_t)sprintf(bytes, "put 1024 0 60 %d\r\n", PAYLOAD_BYTES);
    memset(bytes + length, 'x', PAYLOAD_BYTES);
    memcpy(bytes + length + PAYLOAD_BYTES, "\r\n", 2);
    return length + PAYLOAD_BYTES + 2;
}

static ssize_t beanstalk_reply(const char *bytes, size_t length)
{
    static const char inserted[] = "INSERTED ";
    if (bytes[length - 1] != '\n')
        return 0;
    return length > sizeof inserted && memcmp(bytes, inserted, sizeof inserted - 1) == 0
               ? (ssize_t)length
               : -1;
}

const struct protocol beanstalk = {
    .name = "beanstalk",
    .request = beanstalk_request,
    .reply = beanstalk_reply,
};
