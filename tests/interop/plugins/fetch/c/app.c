/* `Fetch(url,other)`: plays the prompt whose name a server says, then `invalid` if the other may not be asked. */

#include <string.h>

#include "jackfield.h"

static jf_status fetch(const jf_leg *leg, const char *arguments) {
    char url[256] = "", body[64];
    const char *other = strchr(arguments, ',');
    if (!other || (size_t)(other - arguments) >= sizeof url)
        return jf_fail(JF_INVALID, "Fetch(url,other)");
    memcpy(url, arguments, (size_t)(other - arguments));
    const jf_option headers[] = {{"x-desk", "Desk {{secret:DESK}}"}, {0}}, options[] = {{"timeout-ms", "5000"}, {0}};
    const jf_request post = {"POST", url, headers, "\xc3\xa9", options}, get = {"GET", other + 1, NULL, NULL, NULL};
    uint16_t status;
    JF_TRY(jf_answer(leg));
    JF_TRY(jf_http_send(&post, &status, body, sizeof body));
    if (status == 201)
        JF_TRY(jf_play(leg, body));
    JF_TRY(jf_metrics_add("fetched", 1));
    JF_TRY(jf_metrics_set("last_status", status));
    return jf_play(leg, jf_http_send(&get, &status, body, sizeof body) == JF_DENIED ? "invalid" : "goodbye");
}

const jf_application jf_applications[] = {{"Fetch", fetch}, {0}};
