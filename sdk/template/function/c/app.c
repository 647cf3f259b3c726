/* `${HELLO(name)}` is a greeting; `${HELLO()}` greets the caller. */

#include <stdio.h>

#include "jackfield.h"

static jf_status hello(size_t count, const char *const arguments[], const jf_leg *leg, char *value, size_t size) {
    char number[64];
    if (count > 0 && *arguments[0]) {
        snprintf(value, size, "Hello, %s", arguments[0]);
        return JF_OK;
    }
    if (!leg)
        return jf_fail(JF_UNSUPPORTED, "only within a call");
    JF_TRY(jf_attribute(leg, "caller.number", number, sizeof number));
    snprintf(value, size, "Hello, %s", number);
    return JF_OK;
}

const jf_function jf_functions[] = {{"HELLO", hello, NULL}, {0}};
