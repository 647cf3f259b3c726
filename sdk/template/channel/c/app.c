/* `hello:NUMBER`: a channel driver. Its network is one in which every call comes back into the dialplan: replace `dialed` by what calls a party of yours. */

#include <stdlib.h>
#include <string.h>

#include "jackfield.h"

#define PAIRS 64
#define ID 40

/* Two lines that are each other's far end, by id; empty where there are none. */
static char pairs[PAIRS][2][ID];

static const char *value(const jf_option *data, const char *name) {
    for (; data->name; data++)
        if (strcmp(data->name, name) == 0)
            return data->value;
    return "";
}

static jf_status dialed(const char *line, const jf_option *data) {
    jf_option options[] = {{"because", line}, {0}};
    for (int at = 0; at < PAIRS; at++) {
        if (*pairs[at][0] || strlen(line) >= ID)
            continue;
        jf_status status = jf_line_offer(value(data, "address"), value(data, "description"), options, pairs[at][1], ID);
        if (status == JF_OK)
            strcpy(pairs[at][0], line);
        else
            jf_line_hang_up(line, 34);
        return status;
    }
    return jf_line_hang_up(line, 34);
}

static jf_status handle(const char *kind, const char *line, const jf_option *data) {
    if (strcmp(kind, "line.dialed") == 0)
        return dialed(line, data);
    for (int at = 0; at < 2 * PAIRS; at++) {
        char(*pair)[ID] = pairs[at / 2], *other = pair[1 - at % 2];
        if (!*pair[0] || strcmp(pair[at % 2], line) != 0)
            continue;
        if (strcmp(kind, "line.ringing") == 0)
            return jf_line_ring(other);
        if (strcmp(kind, "line.progress") == 0)
            return jf_line_progress(other, value(data, "description"));
        if (strcmp(kind, "line.answered") == 0)
            return jf_line_answer(other, value(data, "description"));
        if (strcmp(kind, "line.ended") == 0) {
            jf_line_hang_up(other, (uint16_t)atoi(value(data, "cause")));
            *pair[0] = *pair[1] = 0;
        }
        return JF_OK;
    }
    return JF_OK;
}

static jf_status start(const char *state) {
    return JF_OK;
}

static jf_status answer(const char *request, char *answer, size_t size) {
    return JF_UNSUPPORTED;
}

static jf_status snapshot(char *state, size_t size) {
    *state = 0;
    return JF_OK;
}

const jf_service jf_plugin_service = {start, answer, snapshot, handle};
