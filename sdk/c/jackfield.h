/* Write plugins for the Jackfield PBX in C.
 *
 * A plugin is some .c files beside a plugin.toml. An application is a function of a leg and its arguments; it may wait as long as it
 * likes, because waiting suspends the plugin and costs nothing:
 *
 *     #include "jackfield.h"
 *
 *     static jf_status hello(const jf_leg *leg, const char *arguments) {
 *         JF_TRY(jf_answer(leg));
 *         return jf_play(leg, "hello");
 *     }
 *
 *     const jf_application jf_applications[] = {{"Hello", hello}, {0}};
 *
 * `jackfield plugin build` compiles it. Texts are UTF-8 and end with a zero byte. Functions that give a text write it, with its zero, into
 * the caller's buffer, and fail with JF_LIMIT if it does not fit. What is said of a capability must be in plugin.toml. Everything the
 * host offers is in the generated plugin.h; this header is the part that most plugins need.
 */
#ifndef JACKFIELD_H
#define JACKFIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How something went. The codes are those of wit/v0.1/types.wit; one that is not known here is JF_FAILED. */
typedef enum jf_status {
    JF_OK = 0,
    JF_GONE, /* the party hung up: clean up and return */
    JF_TIMEOUT,
    JF_DENIED,
    JF_LIMIT,
    JF_INVALID,
    JF_UNSUPPORTED,
    JF_BUSY,
    JF_FAILED
} jf_status;

/* Returns from the function around it unless this went well. */
#define JF_TRY(call)                                                                                                                       \
    do {                                                                                                                                   \
        jf_status jf_try_status = (call);                                                                                                  \
        if (jf_try_status != JF_OK)                                                                                                        \
            return jf_try_status;                                                                                                          \
    } while (0)

/* What is known about the last failure, for people; an empty text if there was none. */
const char *jf_detail(void);
/* Makes a failure of the plugin's own; the detail is in the server's log. Returns `status`. */
jf_status jf_fail(jf_status status, const char *detail);

/* One party's attachment to a call. */
typedef struct jf_leg {
    int32_t handle;
} jf_leg;

/* A named option; a list of them ends with one without a name. NULL is no option. */
typedef struct jf_option {
    const char *name;
    const char *value;
} jf_option;

/* An application of provides.apps, and the plugin's table of them, which ends with {0}. */
typedef struct jf_application {
    const char *name;
    jf_status (*run)(const jf_leg *leg, const char *arguments);
} jf_application;
extern const jf_application jf_applications[];

/* A dialplan function of provides.functions, and the plugin's table of them, which ends with {0}. `leg` is NULL outside of a call;
 * `write` is NULL if the function cannot be assigned. */
typedef struct jf_function {
    const char *name;
    jf_status (*read)(size_t count, const char *const arguments[], const jf_leg *leg, char *value, size_t size);
    jf_status (*write)(size_t count, const char *const arguments[], const jf_leg *leg, const char *value);
} jf_function;
extern const jf_function jf_functions[];

/* The most bytes a dialplan function's value has here, with its zero. */
#define JF_VALUE_SIZE 65537

/* Somebody or something to choose from, and what is known of it. */
typedef struct jf_candidate {
    const char *name;
    const jf_option *facts;
} jf_candidate;

/* A strategy of provides.strategies, by which other plugins choose, and the plugin's table of them, which ends with {0}. `chosen` has room for all candidates:
 * it puts the names of those to take there, the best first, and how many they are into `taken`. */
typedef struct jf_strategy {
    const char *name;
    jf_status (*choose)(const jf_option *question, size_t count, const jf_candidate candidates[], const char *chosen[], size_t *taken);
} jf_strategy;
extern const jf_strategy jf_strategies[];

/* What is known by that name; NULL if nothing is. */
const char *jf_fact(const jf_option *facts, const char *name);

/* The service of provides.service: one instance for each tenant that lives as long as the plugin is installed, and answers one request
 * after the other. Variables keep their values from one to the next. */
typedef struct jf_service {
    /* Begins, from the state of the version that this one replaces; NULL if there was none. A failure refuses the new version. */
    jf_status (*start)(const char *state);
    /* Answers what an application of the plugin asks with jf_ask. */
    jf_status (*answer)(const char *request, char *answer, size_t size);
    /* Writes down its state for the version that replaces this one; NULL if it has none. */
    jf_status (*snapshot)(char *state, size_t size);
    /* Hears what jf_subscribe and jf_after asked for; NULL if it wants to know nothing. `data` ends with {0}. */
    jf_status (*handle)(const char *kind, const char *source, const jf_option *data);
} jf_service;
extern const jf_service jf_plugin_service;

/* The most bytes of an answer and of a state here, with their zeros. */
#define JF_ANSWER_SIZE 65537
#define JF_STATE_SIZE 1048577

/* A property such as caller.number, caller.name, dialed.number, endpoint, state, codec, or one that was set; empty if there is none. */
jf_status jf_attribute(const jf_leg *leg, const char *name, char *value, size_t size);
/* Changes a property, or makes a new one. */
jf_status jf_set_attribute(const jf_leg *leg, const char *name, const char *value);
/* Tells the caller that it rings. */
jf_status jf_ring(const jf_leg *leg);
/* Begins early media: prompts are heard before the call is answered. */
jf_status jf_progress(const jf_leg *leg);
/* Answers the call. */
jf_status jf_answer(const jf_leg *leg);
/* Hangs up with a Q.850 cause; 16 is normal clearing. */
void jf_hang_up(const jf_leg *leg, uint16_t cause);
/* Waits; digits that come meanwhile are kept. */
jf_status jf_wait(const jf_leg *leg, uint32_t ms);
/* Plays one prompt to its end: a sound's name, tone:425/500,0/500, silence:500, or blob:NAME. */
jf_status jf_play(const jf_leg *leg, const char *prompt);
/* Plays it until its end or until a digit of `interrupt` is dialled, which is put into `digit` (0 if none was). */
jf_status jf_play_until(const jf_leg *leg, const char *prompt, const char *interrupt, char *digit);
/* Reads up to `max` digits, waiting `timeout_ms` for the first; an empty text if none came. Options: prompt, terminators, inter-digit-ms. */
jf_status jf_read_digits(const jf_leg *leg, uint32_t max, uint32_t timeout_ms, const jf_option *options, char *digits, size_t size);
/* Sends digits to the party; w is half a second of pause. */
jf_status jf_send_digits(const jf_leg *leg, const char *digits);
/* Sends what the party says back to it, until it dials a digit of `stop` or hangs up. */
jf_status jf_echo(const jf_leg *leg, const char *stop);

/* Capability kv: small values, private to the plugin in its tenant. What was acknowledged survives a crash. `found` tells whether there is one. */
jf_status jf_kv_get(const char *key, char *value, size_t size, bool *found);
jf_status jf_kv_set(const char *key, const char *value);
jf_status jf_kv_delete(const char *key);

/* Capability bus: asks the plugin's own service and waits for its answer, `timeout_ms` at most. */
jf_status jf_ask(const char *request, uint32_t timeout_ms, char *answer, size_t size);

/* Capability http: asks another server, one of the hosts that plugin.toml names. Headers and options (timeout-ms, redirects) end with one
 * without a name; NULL is none, also for the body. */
typedef struct jf_request {
    const char *method;
    const char *url;
    const jf_option *headers;
    const char *body;
    const jf_option *options;
} jf_request;
/* Waits for all of the response; `status` is its code, 404 too. JF_DENIED: it may not be asked. */
jf_status jf_http_send(const jf_request *request, uint16_t *status, char *body, size_t size);

/* Capability metrics: numbers of the plugin's own, for administrators: a counter is added to, a gauge is set. Names are of a-z, 0-9 and _. */
jf_status jf_metrics_add(const char *name, uint64_t by);
jf_status jf_metrics_set(const char *name, int64_t value);
/* Capability event: the plugin's service is handed events whose kind begins with `prefix`, as in `call.`; `publish` tells those that have subscribed to it an
 * event of the kind PLUGIN/topic. `device` is unregistered, idle, ringing or busy; empty if there is no such endpoint. */
jf_status jf_subscribe(const char *prefix);
jf_status jf_unsubscribe(const char *prefix);
jf_status jf_publish(const char *topic, const jf_option *data);
jf_status jf_device(const char *endpoint, char *state, size_t size);

/* Capability schedule: the event `timer` of the plugin's service, its source the timer's name. */
jf_status jf_after(const char *name, uint32_t delay_ms, const jf_option *data);
/* Comes again and again at times of day in the tenant's time zone; `pattern` is five fields as in cron(5): 0 8 * * mon-fri. */
jf_status jf_at(const char *name, const char *pattern, const jf_option *data);
jf_status jf_cancel(const char *name);

/* Capability choice: the names of those candidates that the tenant's strategy of that name takes, the best first, are put into `chosen`, which has room for all of
 * them, and how many they are into `taken`. JF_INVALID if no plugin has the strategy: have something to do then. */
jf_status jf_choose(const char *strategy, const jf_option *question, size_t count, const jf_candidate candidates[], const char *chosen[],
                    size_t *taken);

/* Capability lines, for a channel driver: the plugin's service, which hears of its lines by `line.` events, their source the line's id. The functions take that
 * id, and are JF_GONE when the line is over. `jf_line_offer` tells that a party of the driver's network calls `to`; its options are caller.number,
 * caller.name and because, and `id` becomes the line's. Descriptions are SDP; `cause` is Q.850's. */
jf_status jf_line_offer(const char *to, const char *description, const jf_option *options, char *id, size_t size);
jf_status jf_line_ring(const char *id);
jf_status jf_line_progress(const char *id, const char *description);
jf_status jf_line_answer(const char *id, const char *description);
jf_status jf_line_hang_up(const char *id, uint16_t cause);

/* Capability dial: dials `target` and joins the leg with it until one of them hangs up. The status is ANSWER, BUSY, NOANSWER, CANCEL,
 * CONGESTION or CHANUNAVAIL. Options: ringback, limit-ms. */
jf_status jf_dial(const jf_leg *leg, const char *target, uint32_t timeout_ms, const jf_option *options, char *status, size_t size);

/* Capability recording: records until a terminator, silence, a hang-up or `max_ms`; durable when it returns. Options: terminators,
 * silence-ms, beep. `length_ms` may be NULL. */
jf_status jf_record(const jf_leg *leg, const char *name, uint32_t max_ms, const jf_option *options, uint32_t *length_ms);

/* Capability blob: recordings, private to the plugin in its tenant. `was` tells whether there was one; it may be NULL. */
jf_status jf_blob_rename(const char *name, const char *to, bool *was);
jf_status jf_blob_remove(const char *name, bool *was);

/* Capability dialplan. A variable that does not exist is empty. */
jf_status jf_variable(const jf_leg *leg, const char *name, char *value, size_t size);
jf_status jf_set_variable(const jf_leg *leg, const char *name, const char *value);
jf_status jf_run(const jf_leg *leg, const char *application, const char *arguments);

/* Writes to the plugin's log: error, warn, info or debug. */
void jf_log(const char *level, const char *message);
/* Milliseconds since 1970, UTC; coarse. */
uint64_t jf_now_ms(void);
/* The tenant's setting for this plugin, else the manifest's default; empty if there is none. */
jf_status jf_config(const char *key, char *value, size_t size);

#endif
