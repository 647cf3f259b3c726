/* `Reception_c()`: asks for the four digits of a desk, dials it, or takes a message. `Reception_c(1234=101)` says who sits at desk 1234,
 * as does `Set(DESK_c(1234)=101)`; `${DESK_c(1234)}` is who sits there, `${DESK_c()}` the caller's own number. The same plugin is in
 * sdk/rust, sdk/python and sdk/javascript. */

#include <stdio.h>
#include <string.h>

#include "jackfield.h"

#define ATTEMPTS 3
#define ENDPOINT_SIZE 64

static jf_status seat(const char *desk, size_t digits, const char *endpoint) {
    char key[16];
    if (digits != 4 || *endpoint == 0)
        return jf_fail(JF_INVALID, "a desk has four digits and an endpoint");
    snprintf(key, sizeof key, "desk/%.4s", desk);
    return jf_kv_set(key, endpoint);
}

static jf_status connect(const jf_leg *leg, const char *desk, const char *endpoint) {
    char status[16], message[32];
    JF_TRY(jf_play(leg, "please-hold"));
    JF_TRY(jf_dial(leg, endpoint, 10000, NULL, status, sizeof status));
    if (strcmp(status, "ANSWER") == 0)
        return JF_OK;
    JF_TRY(jf_play(leg, "unavailable"));
    snprintf(message, sizeof message, "messages/%s", desk);
    JF_TRY(jf_record(leg, message, 60000, NULL, NULL));
    return jf_play(leg, "thank-you");
}

static jf_status ask(const jf_leg *leg) {
    const jf_option prompt[] = {{"prompt", "enter-extension"}, {0}};
    char desk[5], key[16], endpoint[ENDPOINT_SIZE];
    bool found;
    JF_TRY(jf_answer(leg));
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        JF_TRY(jf_read_digits(leg, 4, 5000, prompt, desk, sizeof desk));
        snprintf(key, sizeof key, "desk/%s", desk);
        JF_TRY(jf_kv_get(key, endpoint, sizeof endpoint, &found));
        if (found)
            return connect(leg, desk, endpoint);
        JF_TRY(jf_play(leg, "invalid"));
    }
    return jf_play(leg, "goodbye");
}

static jf_status reception(const jf_leg *leg, const char *arguments) {
    const char *equals = strchr(arguments, '=');
    return equals ? seat(arguments, equals - arguments, equals + 1) : ask(leg);
}

const jf_application jf_applications[] = {{"Reception_c", reception}, {0}};

static jf_status desk(size_t count, const char *const arguments[], const jf_leg *leg, char *value, size_t size) {
    char key[16];
    bool found;
    if (count > 0 && *arguments[0]) {
        snprintf(key, sizeof key, "desk/%s", arguments[0]);
        return jf_kv_get(key, value, size, &found);
    }
    return leg ? jf_attribute(leg, "caller.number", value, size) : jf_fail(JF_UNSUPPORTED, "only within a call");
}

static jf_status set_desk(size_t count, const char *const arguments[], const jf_leg *leg, const char *endpoint) {
    return seat(count > 0 ? arguments[0] : "", count > 0 ? strlen(arguments[0]) : 0, endpoint);
}

const jf_function jf_functions[] = {{"DESK_c", desk, set_desk}, {0}};
