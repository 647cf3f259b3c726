/* What jackfield.h promises, in terms of the generated bindings. Compiled with every plugin. */

#include "jackfield.h"

#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "world.h"

typedef jackfield_pbx_types_error_t wire_error;

static const char *const codes[] = {"",       "gone",    "timeout",     "denied", "limit",
                                    "invalid", "unsupported", "busy", "failed"};
static char last_detail[512];

const char *jf_detail(void) {
    return last_detail;
}

/* How much of `text` is whole characters of UTF-8: what ends inside one, the host refuses with a trap (RFC 3629 section 3). */
static size_t whole_characters(const uint8_t *text, size_t length) {
    size_t lead = length;
    while (lead > 0 && (text[lead - 1] & 0xc0) == 0x80)
        lead--;
    if (lead == 0)
        return 0;
    uint8_t first = text[lead - 1];
    size_t follow = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    return follow > length - lead ? lead - 1 : length;
}

static void keep_detail(const void *text, size_t length) {
    size_t kept = whole_characters(text, length < sizeof last_detail - 1 ? length : sizeof last_detail - 1);
    /* It may be the last detail itself. */
    memmove(last_detail, text, kept);
    last_detail[kept] = 0;
}

jf_status jf_fail(jf_status status, const char *detail) {
    keep_detail(detail, strlen(detail));
    return status;
}

/* The host's error as a status; the detail is kept and the error freed. */
static jf_status failed(wire_error *error) {
    jf_status status = JF_FAILED;
    for (int code = JF_GONE; code <= JF_FAILED; code++) {
        if (strlen(codes[code]) == error->code.len && memcmp(codes[code], error->code.ptr, error->code.len) == 0)
            status = code;
    }
    keep_detail(error->detail.ptr, error->detail.len);
    jackfield_pbx_types_error_free(error);
    return status;
}

/* Every binding that can fail returns true when it went well. */
#define DONE(call)                                                                                                                         \
    do {                                                                                                                                   \
        wire_error error;                                                                                                                  \
        return (call) ? JF_OK : failed(&error);                                                                                            \
    } while (0)

static plugin_string_t text(const char *given) {
    plugin_string_t wire;
    plugin_string_set(&wire, given ? given : "");
    return wire;
}

/* Puts what the host gave into the caller's buffer and frees it. */
static jf_status take(const uint8_t *bytes, size_t length, char *into, size_t size) {
    if (length >= size)
        return jf_fail(JF_LIMIT, "the buffer is too small for the value");
    if (length > 0)
        memcpy(into, bytes, length);
    into[length] = 0;
    return JF_OK;
}

static jf_status take_string(plugin_string_t *wire, char *into, size_t size) {
    jf_status status = take(wire->ptr, wire->len, into, size);
    plugin_string_free(wire);
    return status;
}

/* At most as many options as the host takes in one call. */
#define OPTIONS_MAX 32

typedef struct option_list {
    plugin_tuple2_string_string_t pairs[OPTIONS_MAX];
    jackfield_pbx_types_options_t wire;
} option_list;

static jf_status fill(option_list *list, const jf_option *options) {
    size_t count = 0;
    for (; options && options->name; options++, count++) {
        if (count == OPTIONS_MAX)
            return jf_fail(JF_LIMIT, "more than 32 options");
        list->pairs[count].f0 = text(options->name);
        list->pairs[count].f1 = text(options->value);
    }
    list->wire.ptr = list->pairs;
    list->wire.len = count;
    return JF_OK;
}

static jackfield_pbx_legs_borrow_leg_t borrow(const jf_leg *leg) {
    return (jackfield_pbx_legs_borrow_leg_t){leg->handle};
}

jf_status jf_attribute(const jf_leg *leg, const char *name, char *value, size_t size) {
    plugin_string_t wire_name = text(name), found;
    if (!jackfield_pbx_legs_method_leg_attribute(borrow(leg), &wire_name, &found))
        return take(NULL, 0, value, size);
    return take_string(&found, value, size);
}

jf_status jf_set_attribute(const jf_leg *leg, const char *name, const char *value) {
    plugin_string_t wire_name = text(name), wire_value = text(value);
    DONE(jackfield_pbx_legs_method_leg_set_attribute(borrow(leg), &wire_name, &wire_value, &error));
}

jf_status jf_ring(const jf_leg *leg) {
    DONE(jackfield_pbx_legs_method_leg_ring(borrow(leg), &error));
}

jf_status jf_progress(const jf_leg *leg) {
    DONE(jackfield_pbx_legs_method_leg_progress(borrow(leg), &error));
}

jf_status jf_answer(const jf_leg *leg) {
    DONE(jackfield_pbx_legs_method_leg_answer(borrow(leg), &error));
}

void jf_hang_up(const jf_leg *leg, uint16_t cause) {
    jackfield_pbx_legs_method_leg_hang_up(borrow(leg), cause);
}

jf_status jf_wait(const jf_leg *leg, uint32_t ms) {
    DONE(jackfield_pbx_legs_method_leg_wait(borrow(leg), ms, &error));
}

jf_status jf_play(const jf_leg *leg, const char *prompt) {
    char digit;
    return jf_play_until(leg, prompt, NULL, &digit);
}

jf_status jf_play_until(const jf_leg *leg, const char *prompt, const char *interrupt, char *digit) {
    plugin_string_t wire_prompt = text(prompt);
    plugin_list_string_t prompts = {&wire_prompt, 1};
    jf_option given[] = {{interrupt ? "interrupt" : NULL, interrupt}, {0}};
    option_list options;
    plugin_option_string_t pressed;
    wire_error error;
    JF_TRY(fill(&options, given));
    if (!jackfield_pbx_legs_method_leg_play(borrow(leg), &prompts, &options.wire, &pressed, &error))
        return failed(&error);
    *digit = pressed.is_some && pressed.val.len > 0 ? (char)pressed.val.ptr[0] : 0;
    plugin_option_string_free(&pressed);
    return JF_OK;
}

jf_status jf_read_digits(const jf_leg *leg, uint32_t max, uint32_t timeout_ms, const jf_option *given, char *digits, size_t size) {
    option_list options;
    plugin_string_t read;
    wire_error error;
    JF_TRY(fill(&options, given));
    if (!jackfield_pbx_legs_method_leg_read_digits(borrow(leg), max, timeout_ms, &options.wire, &read, &error))
        return failed(&error);
    return take_string(&read, digits, size);
}

jf_status jf_send_digits(const jf_leg *leg, const char *digits) {
    plugin_string_t wire = text(digits);
    DONE(jackfield_pbx_legs_method_leg_send_digits(borrow(leg), &wire, &error));
}

jf_status jf_echo(const jf_leg *leg, const char *stop) {
    plugin_string_t wire = text(stop);
    DONE(jackfield_pbx_legs_method_leg_echo(borrow(leg), &wire, &error));
}

jf_status jf_kv_get(const char *key, char *value, size_t size, bool *found) {
    plugin_string_t wire = text(key);
    plugin_option_list_u8_t got;
    wire_error error;
    if (!jackfield_pbx_kv_get(&wire, &got, &error))
        return failed(&error);
    *found = got.is_some;
    jf_status status = take(got.is_some ? got.val.ptr : NULL, got.is_some ? got.val.len : 0, value, size);
    plugin_option_list_u8_free(&got);
    return status;
}

jf_status jf_kv_set(const char *key, const char *value) {
    plugin_string_t wire = text(key);
    plugin_list_u8_t bytes = {(uint8_t *)value, strlen(value)};
    DONE(jackfield_pbx_kv_set(&wire, &bytes, &error));
}

jf_status jf_kv_delete(const char *key) {
    plugin_string_t wire = text(key);
    DONE(jackfield_pbx_kv_delete(&wire, &error));
}

jf_status jf_ask(const char *request, uint32_t timeout_ms, char *answer, size_t size) {
    plugin_list_u8_t wire = {(uint8_t *)request, strlen(request)}, answered;
    wire_error error;
    if (!jackfield_pbx_bus_ask(&wire, timeout_ms, &answered, &error))
        return failed(&error);
    jf_status status = take(answered.ptr, answered.len, answer, size);
    plugin_list_u8_free(&answered);
    return status;
}

jf_status jf_subscribe(const char *prefix) {
    plugin_string_t wire = text(prefix);
    DONE(jackfield_pbx_event_subscribe(&wire, &error));
}

jf_status jf_unsubscribe(const char *prefix) {
    plugin_string_t wire = text(prefix);
    bool was;
    DONE(jackfield_pbx_event_unsubscribe(&wire, &was, &error));
}

jf_status jf_publish(const char *topic, const jf_option *data) {
    plugin_string_t wire = text(topic);
    option_list options;
    uint32_t told;
    JF_TRY(fill(&options, data));
    DONE(jackfield_pbx_event_publish(&wire, &options.wire, &told, &error));
}

jf_status jf_device(const char *endpoint, char *state, size_t size) {
    plugin_string_t wire = text(endpoint), found;
    if (!jackfield_pbx_event_device(&wire, &found))
        return take(NULL, 0, state, size);
    return take_string(&found, state, size);
}

jf_status jf_after(const char *name, uint32_t delay_ms, const jf_option *data) {
    plugin_string_t wire = text(name);
    option_list options;
    JF_TRY(fill(&options, data));
    DONE(jackfield_pbx_schedule_after(&wire, delay_ms, &options.wire, &error));
}

jf_status jf_at(const char *name, const char *pattern, const jf_option *data) {
    plugin_string_t wire = text(name), times = text(pattern);
    option_list options;
    JF_TRY(fill(&options, data));
    DONE(jackfield_pbx_schedule_at(&wire, &times, &options.wire, &error));
}

jf_status jf_cancel(const char *name) {
    plugin_string_t wire = text(name);
    bool was;
    DONE(jackfield_pbx_schedule_cancel(&wire, &was, &error));
}

/* A line by its id; to be dropped. */
static jf_status line_of(const char *id, jackfield_pbx_lines_own_line_t *line) {
    plugin_string_t wire = text(id);
    return jackfield_pbx_lines_find(&wire, line) ? JF_OK : JF_GONE;
}

jf_status jf_line_offer(const char *to, const char *description, const jf_option *given, char *id, size_t size) {
    plugin_string_t wire = text(to), sdp = text(description), name;
    option_list options;
    jackfield_pbx_lines_own_line_t line;
    wire_error error;
    JF_TRY(fill(&options, given));
    if (!jackfield_pbx_lines_offer(&wire, &sdp, &options.wire, &line, &error))
        return failed(&error);
    jackfield_pbx_lines_method_line_id(jackfield_pbx_lines_borrow_line(line), &name);
    jackfield_pbx_lines_line_drop_own(line);
    return take_string(&name, id, size);
}

/* Does it on the line with that id. */
#define ON_LINE(id, call)                                                                                                                  \
    do {                                                                                                                                   \
        jackfield_pbx_lines_own_line_t own;                                                                                                \
        wire_error error;                                                                                                                  \
        JF_TRY(line_of(id, &own));                                                                                                         \
        jackfield_pbx_lines_borrow_line_t line = jackfield_pbx_lines_borrow_line(own);                                                     \
        bool done = (call);                                                                                                                \
        jackfield_pbx_lines_line_drop_own(own);                                                                                            \
        return done ? JF_OK : failed(&error);                                                                                              \
    } while (0)

jf_status jf_line_ring(const char *id) {
    ON_LINE(id, jackfield_pbx_lines_method_line_ring(line, &error));
}

jf_status jf_line_progress(const char *id, const char *description) {
    plugin_string_t sdp = text(description);
    ON_LINE(id, jackfield_pbx_lines_method_line_progress(line, &sdp, &error));
}

jf_status jf_line_answer(const char *id, const char *description) {
    plugin_string_t sdp = text(description);
    ON_LINE(id, jackfield_pbx_lines_method_line_answer(line, &sdp, &error));
}

jf_status jf_line_hang_up(const char *id, uint16_t cause) {
    jackfield_pbx_lines_own_line_t line;
    JF_TRY(line_of(id, &line));
    jackfield_pbx_lines_method_line_hang_up(jackfield_pbx_lines_borrow_line(line), cause);
    jackfield_pbx_lines_line_drop_own(line);
    return JF_OK;
}

const char *jf_fact(const jf_option *facts, const char *name) {
    for (; facts && facts->name; facts++) {
        if (strcmp(facts->name, name) == 0)
            return facts->value;
    }
    return NULL;
}

/* At most as many as the host takes in one choice. */
#define CANDIDATES_MAX 256

/* The candidate that the host named: its own text, because the host's is freed. */
static const char *name_among(size_t count, const jf_candidate candidates[], const plugin_string_t *wire) {
    for (size_t at = 0; at < count; at++) {
        if (wire->len == strlen(candidates[at].name) && memcmp(wire->ptr, candidates[at].name, wire->len) == 0)
            return candidates[at].name;
    }
    return NULL;
}

jf_status jf_choose(const char *strategy, const jf_option *question, size_t count, const jf_candidate candidates[], const char *chosen[],
                    size_t *taken) {
    static option_list facts[CANDIDATES_MAX], about;
    static jackfield_pbx_types_candidate_t wire[CANDIDATES_MAX];
    if (count > CANDIDATES_MAX)
        return jf_fail(JF_LIMIT, "more than 256 candidates");
    JF_TRY(fill(&about, question));
    for (size_t at = 0; at < count; at++) {
        JF_TRY(fill(&facts[at], candidates[at].facts));
        wire[at] = (jackfield_pbx_types_candidate_t){text(candidates[at].name), facts[at].wire};
    }
    plugin_string_t name = text(strategy);
    jackfield_pbx_choice_list_candidate_t list = {wire, count};
    plugin_list_string_t names;
    wire_error error;
    if (!jackfield_pbx_choice_choose(&name, &about.wire, &list, &names, &error))
        return failed(&error);
    *taken = 0;
    for (size_t at = 0; at < names.len && *taken < count; at++) {
        const char *own = name_among(count, candidates, &names.ptr[at]);
        if (own)
            chosen[(*taken)++] = own;
    }
    plugin_list_string_free(&names);
    return JF_OK;
}

jf_status jf_dial(const jf_leg *leg, const char *target, uint32_t timeout_ms, const jf_option *given, char *status, size_t size) {
    plugin_string_t wire = text(target);
    plugin_list_string_t targets = {&wire, 1};
    option_list options;
    jackfield_pbx_types_options_t became;
    wire_error error;
    JF_TRY(fill(&options, given));
    if (!jackfield_pbx_dial_call(borrow(leg), &targets, timeout_ms, &options.wire, &became, &error))
        return failed(&error);
    jf_status result = take(NULL, 0, status, size);
    for (size_t at = 0; at < became.len; at++) {
        const plugin_tuple2_string_string_t *pair = &became.ptr[at];
        if (pair->f0.len == strlen("status") && memcmp(pair->f0.ptr, "status", pair->f0.len) == 0)
            result = take(pair->f1.ptr, pair->f1.len, status, size);
    }
    jackfield_pbx_types_options_free(&became);
    return result;
}

jf_status jf_record(const jf_leg *leg, const char *name, uint32_t max_ms, const jf_option *given, uint32_t *length_ms) {
    plugin_string_t wire = text(name);
    option_list options;
    jackfield_pbx_types_options_t made;
    wire_error error;
    JF_TRY(fill(&options, given));
    if (!jackfield_pbx_recording_record(borrow(leg), &wire, max_ms, &options.wire, &made, &error))
        return failed(&error);
    if (length_ms)
        *length_ms = 0;
    for (size_t at = 0; length_ms && at < made.len; at++) {
        const plugin_tuple2_string_string_t *pair = &made.ptr[at];
        if (pair->f0.len != strlen("length-ms") || memcmp(pair->f0.ptr, "length-ms", pair->f0.len) != 0)
            continue;
        for (size_t digit = 0; digit < pair->f1.len; digit++)
            *length_ms = *length_ms * 10 + (uint32_t)(pair->f1.ptr[digit] - '0');
    }
    jackfield_pbx_types_options_free(&made);
    return JF_OK;
}

/* At most as many headers as the host takes. */
#define HEADERS_MAX 64

jf_status jf_http_send(const jf_request *request, uint16_t *status, char *body, size_t size) {
    plugin_tuple2_string_string_t headers[HEADERS_MAX];
    size_t count = 0;
    for (const jf_option *header = request->headers; header && header->name; header++, count++) {
        if (count == HEADERS_MAX)
            return jf_fail(JF_LIMIT, "more than 64 headers");
        headers[count].f0 = text(header->name);
        headers[count].f1 = text(header->value);
    }
    plugin_string_t content = text(request->body);
    jackfield_pbx_http_request_t wire = {
        text(request->method), text(request->url), {headers, count}, {content.ptr, content.len}};
    option_list options;
    jackfield_pbx_http_response_t said;
    wire_error error;
    JF_TRY(fill(&options, request->options));
    if (!jackfield_pbx_http_send(&wire, &options.wire, &said, &error))
        return failed(&error);
    *status = said.status;
    jf_status taken = take(said.body.ptr, said.body.len, body, size);
    jackfield_pbx_http_response_free(&said);
    return taken;
}

jf_status jf_metrics_add(const char *name, uint64_t by) {
    plugin_string_t wire = text(name);
    DONE(jackfield_pbx_metrics_add(&wire, by, &error));
}

jf_status jf_metrics_set(const char *name, int64_t value) {
    plugin_string_t wire = text(name);
    DONE(jackfield_pbx_metrics_set(&wire, value, &error));
}

jf_status jf_blob_rename(const char *name, const char *to, bool *was) {
    plugin_string_t wire_name = text(name), wire_to = text(to);
    wire_error error;
    bool found;
    if (!jackfield_pbx_blob_rename(&wire_name, &wire_to, &found, &error))
        return failed(&error);
    if (was)
        *was = found;
    return JF_OK;
}

jf_status jf_blob_remove(const char *name, bool *was) {
    plugin_string_t wire_name = text(name);
    wire_error error;
    bool found;
    if (!jackfield_pbx_blob_remove(&wire_name, &found, &error))
        return failed(&error);
    if (was)
        *was = found;
    return JF_OK;
}

jf_status jf_variable(const jf_leg *leg, const char *name, char *value, size_t size) {
    plugin_string_t wire = text(name), found;
    if (!jackfield_pbx_dialplan_variable(borrow(leg), &wire, &found))
        return take(NULL, 0, value, size);
    return take_string(&found, value, size);
}

jf_status jf_set_variable(const jf_leg *leg, const char *name, const char *value) {
    plugin_string_t wire_name = text(name), wire_value = text(value);
    DONE(jackfield_pbx_dialplan_set_variable(borrow(leg), &wire_name, &wire_value, &error));
}

jf_status jf_run(const jf_leg *leg, const char *application, const char *arguments) {
    plugin_string_t wire_name = text(application), wire_arguments = text(arguments);
    DONE(jackfield_pbx_dialplan_run(borrow(leg), &wire_name, &wire_arguments, &error));
}

void jf_log(const char *level, const char *message) {
    plugin_string_t wire_level = text(level), wire_message = text(message);
    jackfield_pbx_system_log(&wire_level, &wire_message);
}

uint64_t jf_now_ms(void) {
    plugin_tuple2_u64_u64_t now;
    jackfield_pbx_system_now(&now);
    return now.f0;
}

jf_status jf_config(const char *key, char *value, size_t size) {
    plugin_string_t wire = text(key), found;
    if (!jackfield_pbx_system_config(&wire, &found))
        return take(NULL, 0, value, size);
    return take_string(&found, value, size);
}

/* The exports. */

static char *terminated_bytes(const uint8_t *bytes, size_t length) {
    char *copy = malloc(length + 1);
    if (!copy)
        abort();
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = 0;
    return copy;
}

static char *terminated(const plugin_string_t *wire) {
    return terminated_bytes(wire->ptr, wire->len);
}

static bool is_named(const plugin_string_t *wire, const char *name) {
    return wire->len == strlen(name) && memcmp(wire->ptr, name, wire->len) == 0;
}

static bool refuse(jf_status status, wire_error *error) {
    /* The plugin's own functions return it: it can be any number. */
    plugin_string_dup(&error->code, codes[status > JF_OK && status <= JF_FAILED ? status : JF_FAILED]);
    plugin_string_dup(&error->detail, last_detail);
    return false;
}

#ifdef JF_WORLD_APP
bool exports_jackfield_pbx_apps_run(plugin_string_t *name, exports_jackfield_pbx_apps_own_leg_t caller, plugin_string_t *given,
                                    exports_jackfield_pbx_apps_error_t *error) {
    jf_leg leg = {caller.__handle};
    char *arguments = terminated(given);
    jf_status status = jf_fail(JF_UNSUPPORTED, "this plugin has no such application");
    for (const jf_application *application = jf_applications; application->name; application++) {
        if (is_named(name, application->name))
            status = application->run(&leg, arguments);
    }
    free(arguments);
    plugin_string_free(given);
    plugin_string_free(name);
    jackfield_pbx_legs_leg_drop_own(caller);
    return status == JF_OK ? true : refuse(status, error);
}
#endif

#ifdef JF_WORLD_FUNCTION
/* At most as many arguments as the host gives. */
#define ARGUMENTS_MAX 16

static const jf_function *find_function(const plugin_string_t *name) {
    for (const jf_function *function = jf_functions; function->name; function++) {
        if (is_named(name, function->name))
            return function;
    }
    return NULL;
}

/* The leg is the function's until it returns. */
static void give_back(exports_jackfield_pbx_functions_own_leg_t *maybe_call) {
    if (maybe_call)
        jackfield_pbx_legs_leg_drop_own(*maybe_call);
}

static size_t open_arguments(const plugin_list_string_t *list, char *arguments[ARGUMENTS_MAX]) {
    size_t count = list->len < ARGUMENTS_MAX ? list->len : ARGUMENTS_MAX;
    for (size_t at = 0; at < count; at++)
        arguments[at] = terminated(&list->ptr[at]);
    return count;
}

static void close_arguments(size_t count, char *arguments[ARGUMENTS_MAX]) {
    for (size_t at = 0; at < count; at++)
        free(arguments[at]);
}

bool exports_jackfield_pbx_functions_read(plugin_string_t *name, plugin_list_string_t *list,
                                          exports_jackfield_pbx_functions_own_leg_t *maybe_call, plugin_string_t *value,
                                          exports_jackfield_pbx_functions_error_t *error) {
    const jf_function *function = find_function(name);
    jf_status status = jf_fail(JF_UNSUPPORTED, "this plugin has no such function");
    if (function) {
        static char buffer[JF_VALUE_SIZE];
        char *arguments[ARGUMENTS_MAX];
        size_t count = open_arguments(list, arguments);
        jf_leg leg = {maybe_call ? maybe_call->__handle : 0};
        buffer[0] = 0;
        status = function->read(count, (const char *const *)arguments, maybe_call ? &leg : NULL, buffer, sizeof buffer);
        close_arguments(count, arguments);
        if (status == JF_OK)
            plugin_string_dup(value, buffer);
    }
    give_back(maybe_call);
    plugin_list_string_free(list);
    plugin_string_free(name);
    return status == JF_OK ? true : refuse(status, error);
}

bool exports_jackfield_pbx_functions_write(plugin_string_t *name, plugin_list_string_t *list, plugin_string_t *given,
                                           exports_jackfield_pbx_functions_own_leg_t *maybe_call,
                                           exports_jackfield_pbx_functions_error_t *error) {
    const jf_function *function = find_function(name);
    jf_status status = jf_fail(JF_UNSUPPORTED, "this function cannot be assigned");
    if (function && function->write) {
        char *arguments[ARGUMENTS_MAX];
        size_t count = open_arguments(list, arguments);
        char *value = terminated(given);
        jf_leg leg = {maybe_call ? maybe_call->__handle : 0};
        status = function->write(count, (const char *const *)arguments, maybe_call ? &leg : NULL, value);
        free(value);
        close_arguments(count, arguments);
    }
    plugin_string_free(given);
    give_back(maybe_call);
    plugin_list_string_free(list);
    plugin_string_free(name);
    return status == JF_OK ? true : refuse(status, error);
}
#endif

#if defined JF_WORLD_STRATEGY || defined JF_WORLD_SERVICE
/* A list of facts that ends with {0}; `close_facts` frees it. */
static jf_option *open_facts(const jackfield_pbx_types_options_t *wire) {
    jf_option *facts = calloc(wire->len + 1, sizeof *facts);
    if (!facts)
        abort();
    for (size_t at = 0; at < wire->len; at++)
        facts[at] = (jf_option){terminated(&wire->ptr[at].f0), terminated(&wire->ptr[at].f1)};
    return facts;
}

static void close_facts(const jf_option *facts) {
    for (const jf_option *fact = facts; fact->name; fact++) {
        free((void *)fact->name);
        free((void *)fact->value);
    }
    free((void *)facts);
}
#endif

#ifdef JF_WORLD_STRATEGY
static const jf_strategy *find_strategy(const plugin_string_t *name) {
    for (const jf_strategy *strategy = jf_strategies; strategy->name; strategy++) {
        if (is_named(name, strategy->name))
            return strategy;
    }
    return NULL;
}

bool exports_jackfield_pbx_strategies_choose(plugin_string_t *name, exports_jackfield_pbx_strategies_options_t *about,
                                             exports_jackfield_pbx_strategies_list_candidate_t *list, plugin_list_string_t *names,
                                             exports_jackfield_pbx_strategies_error_t *error) {
    const jf_strategy *strategy = find_strategy(name);
    jf_status status = jf_fail(JF_UNSUPPORTED, "this plugin has no such strategy");
    if (strategy) {
        size_t count = list->len, taken = 0;
        jf_option *question = open_facts(about);
        jf_candidate *candidates = calloc(count + 1, sizeof *candidates);
        const char **chosen = calloc(count + 1, sizeof *chosen);
        if (!candidates || !chosen)
            abort();
        for (size_t at = 0; at < count; at++)
            candidates[at] = (jf_candidate){terminated(&list->ptr[at].name), open_facts(&list->ptr[at].facts)};
        status = strategy->choose(question, count, candidates, chosen, &taken);
        if (status == JF_OK) {
            names->len = taken < count ? taken : count;
            names->ptr = calloc(names->len + 1, sizeof *names->ptr);
            if (!names->ptr)
                abort();
            for (size_t at = 0; at < names->len; at++)
                plugin_string_dup(&names->ptr[at], chosen[at] ? chosen[at] : "");
        }
        for (size_t at = 0; at < count; at++) {
            free((void *)candidates[at].name);
            close_facts(candidates[at].facts);
        }
        free(chosen);
        free(candidates);
        close_facts(question);
    }
    exports_jackfield_pbx_strategies_list_candidate_free(list);
    exports_jackfield_pbx_strategies_options_free(about);
    plugin_string_free(name);
    return status == JF_OK ? true : refuse(status, error);
}
#endif

#ifdef JF_WORLD_SERVICE
/* What a function of the service wrote goes to the host, which frees it; or its failure does. */
static bool give(jf_status status, const char *text, plugin_list_u8_t *wire, wire_error *error) {
    if (status != JF_OK)
        return refuse(status, error);
    wire->len = strlen(text);
    wire->ptr = wire->len > 0 ? (uint8_t *)terminated_bytes((const uint8_t *)text, wire->len) : NULL;
    return true;
}

bool exports_jackfield_pbx_services_start(plugin_list_u8_t *maybe_restored, exports_jackfield_pbx_services_error_t *error) {
    char *state = maybe_restored ? terminated_bytes(maybe_restored->ptr, maybe_restored->len) : NULL;
    jf_status status = jf_plugin_service.start(state);
    free(state);
    if (maybe_restored)
        plugin_list_u8_free(maybe_restored);
    return status == JF_OK ? true : refuse(status, error);
}

bool exports_jackfield_pbx_services_handle(exports_jackfield_pbx_services_event_t *event, exports_jackfield_pbx_services_error_t *error) {
    jf_status status = JF_OK;
    if (jf_plugin_service.handle) {
        jf_option *data = open_facts(&event->data);
        char *kind = terminated(&event->kind), *source = terminated(&event->source);
        status = jf_plugin_service.handle(kind, source, data);
        free(kind);
        free(source);
        close_facts(data);
    }
    exports_jackfield_pbx_services_event_free(event);
    return status == JF_OK ? true : refuse(status, error);
}

bool exports_jackfield_pbx_services_answer(plugin_list_u8_t *given, plugin_list_u8_t *wire, exports_jackfield_pbx_services_error_t *error) {
    static char answer[JF_ANSWER_SIZE];
    char *request = terminated_bytes(given->ptr, given->len);
    answer[0] = 0;
    jf_status status = jf_plugin_service.answer(request, answer, sizeof answer);
    free(request);
    plugin_list_u8_free(given);
    return give(status, answer, wire, error);
}

bool exports_jackfield_pbx_services_snapshot(plugin_list_u8_t *wire, exports_jackfield_pbx_services_error_t *error) {
    /* Once in the life of an instance: not worth a megabyte for all of it. */
    char *state = calloc(JF_STATE_SIZE, 1);
    if (!state)
        return refuse(jf_fail(JF_LIMIT, "no memory for the state"), error);
    jf_status status = jf_plugin_service.snapshot ? jf_plugin_service.snapshot(state, JF_STATE_SIZE) : JF_OK;
    bool given = give(status, state, wire, error);
    free(state);
    return given;
}
#endif
