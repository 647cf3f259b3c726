/* `Hello()`: greets, and says how often it was called. The plugin's service counts, and hands its count to the next version. */

#include <stdio.h>
#include <stdlib.h>

#include "jackfield.h"

static jf_status hello(const jf_leg *leg, const char *arguments) {
    char count[16], prompt[16];
    JF_TRY(jf_ask("count", 5000, count, sizeof count));
    JF_TRY(jf_answer(leg));
    JF_TRY(jf_play(leg, "hello"));
    for (const char *digit = count; *digit; digit++) {
        snprintf(prompt, sizeof prompt, "digits/%c", *digit);
        JF_TRY(jf_play(leg, prompt));
    }
    return jf_play(leg, "goodbye");
}

const jf_application jf_applications[] = {{"Hello", hello}, {0}};

static unsigned long count;

static jf_status start(const char *state) {
    count = state ? strtoul(state, NULL, 10) : 0;
    return JF_OK;
}

static jf_status snapshot(char *state, size_t size) {
    snprintf(state, size, "%lu", count);
    return JF_OK;
}

static jf_status answer(const char *request, char *answer, size_t size) {
    count++;
    return snapshot(answer, size);
}

const jf_service jf_plugin_service = {start, answer, snapshot};
