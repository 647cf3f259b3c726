/* The strategy `hello`: of a queue's free members, the one with the fewest calls rings. */

#include <stdlib.h>

#include "jackfield.h"

static unsigned long calls(const jf_candidate *member) {
    const char *told = jf_fact(member->facts, "calls");
    return told ? strtoul(told, NULL, 10) : 0;
}

static jf_status fewest_calls(const jf_option *question, size_t count, const jf_candidate candidates[], const char *chosen[], size_t *taken) {
    const jf_candidate *first = NULL;
    for (size_t at = 0; at < count; at++) {
        if (!first || calls(&candidates[at]) < calls(first))
            first = &candidates[at];
    }
    *taken = first ? 1 : 0;
    if (first)
        chosen[0] = first->name;
    return JF_OK;
}

const jf_strategy jf_strategies[] = {{"hello", fewest_calls}, {0}};
