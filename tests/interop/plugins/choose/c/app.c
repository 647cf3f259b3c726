/* `Choose(strategy)`: says whom it chooses of 1, 2 and 3, who had five, three and four calls; then `invalid`, as nobody has the other strategy. */

#include <stdio.h>

#include "jackfield.h"

static const jf_option five[] = {{"calls", "5"}, {0}}, three[] = {{"calls", "3"}, {0}}, four[] = {{"calls", "4"}, {0}};
static const jf_candidate members[] = {{"1", five}, {"2", three}, {"3", four}};

static jf_status choose(const jf_leg *leg, const char *strategy) {
    const jf_option question[] = {{"queue", "é"}, {0}};
    const char *chosen[3];
    size_t taken;
    JF_TRY(jf_answer(leg));
    JF_TRY(jf_choose(strategy, question, 3, members, chosen, &taken));
    for (size_t at = 0; at < taken; at++) {
        char prompt[32];
        snprintf(prompt, sizeof prompt, "digits/%s", chosen[at]);
        JF_TRY(jf_play(leg, prompt));
    }
    return jf_play(leg, jf_choose("nobody-has-it", NULL, 3, members, chosen, &taken) == JF_INVALID ? "invalid" : "goodbye");
}

const jf_application jf_applications[] = {{"Choose", choose}, {0}};
