/* `Hello()`: answers, greets, waits for a digit and says it back. */

#include <stdio.h>

#include "jackfield.h"

static jf_status hello(const jf_leg *leg, const char *arguments) {
    char digits[2], prompt[16];
    JF_TRY(jf_answer(leg));
    JF_TRY(jf_play(leg, "hello"));
    JF_TRY(jf_read_digits(leg, 1, 5000, NULL, digits, sizeof digits));
    for (const char *digit = digits; *digit; digit++) {
        snprintf(prompt, sizeof prompt, "digits/%c", *digit);
        JF_TRY(jf_play(leg, prompt));
    }
    return jf_play(leg, "goodbye");
}

const jf_application jf_applications[] = {{"Hello", hello}, {0}};
