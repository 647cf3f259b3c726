/* `Edges(way)`: fails in a way that only C allows. */

#include <string.h>

#include "jackfield.h"

static jf_status edges(const jf_leg *leg, const char *way) {
    if (strcmp(way, "long") == 0) {
        /* As many bytes as a detail may have and more, two to a character: a cut at an odd one is inside. */
        static char text[1001];
        for (size_t at = 0; at + 2 < sizeof text; at += 2)
            memcpy(text + at, "\xc3\xa9", 2);
        return jf_fail(JF_INVALID, text);
    }
    if (strcmp(way, "cut") == 0)
        return jf_fail(JF_INVALID, "the caf\xc3");
    if (strcmp(way, "again") == 0) {
        jf_fail(JF_INVALID, "word by word");
        return jf_fail(JF_LIMIT, jf_detail() + strlen("word "));
    }
    jf_fail(JF_INVALID, "no status of ours");
    return (jf_status)(strcmp(way, "high") == 0 ? 99 : -1);
}

const jf_application jf_applications[] = {{"Edges", edges}, {0}};
