/*
 * Both engines of Tectia's plugin protocol, talking to each other in memory,
 * in pieces of random sizes.
 */
#include "support.h"

typedef struct pair {
    speaker server;
    speaker plugin;
    uint32_t seed;
} pair;

static void pair_open(pair *both, authplug_tectia_kind kind, uint32_t seed)
{
    assert_true(speaker_open(&both->server, 'S', kind, NULL));
    assert_true(speaker_open(&both->plugin, 'P', kind, NULL));
    both->seed = seed;
}

static void pair_close(pair *both)
{
    speaker_close(&both->server);
    speaker_close(&both->plugin);
}

/*
 * Carries all that one end has to send to the other. The event comes no later
 * than the last byte; where it is CLOSE more bytes may follow.
 */
static void carry(pair *both, speaker *from, speaker *to,
                  authplug_tectia_event *event)
{
    authplug_status status = AUTHPLUG_NEED_MORE;
    authplug_tectia_event next;

    while (speaker_output(from).len > 0) {
        authplug_span output = speaker_output(from);
        size_t len = random_from(&both->seed, 1, output.len);

        assert_true(speaker_wants(from) & AUTHPLUG_WANTS_OUTPUT);
        assert_true(speaker_wants(to) & AUTHPLUG_WANTS_INPUT);
        assert_status(speaker_feed(to, output.data, len), OK);
        speaker_consume(from, len);
        if (status == AUTHPLUG_NEED_MORE) {
            status = speaker_next(to, event);
            continue;
        }
        assert_int_equal(event->type, AUTHPLUG_TECTIA_CLOSE);
        assert_status(speaker_next(to, &next), NEED_MORE);
    }
    assert_status(status, OK);
}

/* The other end of the same pair. */
static speaker *other_of(pair *both, const speaker *one)
{
    return one == &both->server ? &both->plugin : &both->server;
}

/* A turn of a transcript, from mouth to ear. */
static void pass_turn(pair *both, speaker *from, const bytes *said)
{
    static notes got, expected;
    authplug_tectia_event event;
    speaker *to = other_of(both, from);

    got.len = expected.len = 0;
    note_heard(&expected, to, span_of_bytes(said));
    assert_status(speaker_say(from, span_of_bytes(said)), OK);
    carry(both, from, to, &event);
    note_event(&got, &event);
    assert_string_equal(got.at, expected.at);
}

static void pass_eof(speaker *to)
{
    static notes got, expected;
    authplug_tectia_event event;

    got.len = expected.len = 0;
    note_heard_eof(&expected, to);
    speaker_eof(to);
    assert_status(speaker_next(to, &event), OK);
    note_event(&got, &event);
    assert_string_equal(got.at, expected.at);
}

static void pass_all(pair *both, const char *script)
{
    bytes said = {.len = 0};
    speaker *from = NULL;
    spoken one;

    while ((script = spoken_read(script, &one)) != NULL) {
        speaker *next = one.who == 'S' ? &both->server : &both->plugin;

        if (said.len && (next != from || one.eof)) {
            pass_turn(both, from, &said);
            said.len = 0;
        }
        from = next;
        if (one.eof) {
            pass_eof(other_of(both, from));
            continue;
        }
        assert_true(said.len + one.said.len <= sizeof said.data);
        memcpy(said.data + said.len, one.said.data, one.said.len);
        said.len += one.said.len;
    }
    if (said.len)
        pass_turn(both, from, &said);
}

TEST(every_dialogue_passes_from_one_end_to_the_other)
{
    pair both;

    for (size_t i = 0; i < dialogue_count; i++) {
        print_message("# %s\n", dialogues[i].name);
        for (uint32_t seed = 1; seed <= 40; seed++) {
            pair_open(&both, dialogues[i].kind, seed);
            pass_all(&both, dialogues[i].script);
            assert_status(speaker_fault(&both.server).status, OK);
            assert_status(speaker_fault(&both.plugin).status, OK);
            pair_close(&both);
        }
    }
}

/* ------------------------------------------------------ random dialogues */

#define MANY 100

static unsigned char bytes_pool[4096];
static authplug_tectia_pair params[MANY];
static authplug_ki_prompt prompts[MANY];
static authplug_span values[MANY];

/* All bytes that may be in a value. */
static void fill_pool(void)
{
    for (size_t i = 0; i < sizeof bytes_pool; i++) {
        unsigned char c = (unsigned char)(i * 167 >> 3);

        bytes_pool[i] = c == '\n' || c == '\r' || c == '\0' ? ':' : c;
    }
}

static authplug_span random_span(uint32_t *seed, size_t most)
{
    size_t len = random_from(seed, 0, most);

    return authplug_span_make(
        bytes_pool + random_from(seed, 0, sizeof bytes_pool - len), len);
}

static void assert_same(authplug_span got, authplug_span sent)
{
    assert_int_equal(got.len, sent.len);
    if (got.len)
        assert_memory_equal(got.data, sent.data, got.len);
}

static uint32_t random_count(pair *both)
{
    if (random_from(&both->seed, 0, 30) == 0)
        return MANY;
    return (uint32_t)random_from(&both->seed, 0, 4);
}

static void random_params(pair *both)
{
    static const char *const keys[] = {"user_name", "host_ip", "host_name",
                                       "remote_host_ip", "remote_host_name"};
    uint32_t count = (uint32_t)random_from(&both->seed, 0, COUNT_OF(keys));
    authplug_tectia_event event;

    for (uint32_t i = 0; i < count; i++) {
        params[i].key = authplug_span_of(keys[i]);
        params[i].value = random_span(&both->seed, 300);
    }
    assert_status(authplug_tectia_server_params(both->server.server, params,
                                                count),
                  OK);
    carry(both, &both->server, &both->plugin, &event);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_PARAMS);
    assert_int_equal(event.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_span(event.pairs[i].key, keys[i]);
        assert_same(event.pairs[i].value, params[i].value);
        assert_same(authplug_tectia_param(&event, keys[i]), params[i].value);
    }
}

static void random_round(pair *both)
{
    authplug_span instruction = random_span(&both->seed, 300);
    uint32_t count = random_count(both);
    authplug_tectia_event event;

    for (uint32_t i = 0; i < count; i++) {
        prompts[i].text = random_span(&both->seed, 64);
        prompts[i].echo = random_next(&both->seed) & 1;
        values[i] = random_span(&both->seed, 64);
    }
    assert_status(authplug_tectia_plugin_request(both->plugin.plugin,
                                                 instruction, prompts, count),
                  OK);
    carry(both, &both->plugin, &both->server, &event);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_REQUESTS);
    assert_same(event.instruction, instruction);
    assert_int_equal(event.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_same(event.prompts[i].text, prompts[i].text);
        assert_int_equal(event.prompts[i].echo, prompts[i].echo);
    }
    assert_status(authplug_tectia_server_replies(both->server.server, values,
                                                 count),
                  OK);
    carry(both, &both->server, &both->plugin, &event);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_REPLIES);
    assert_int_equal(event.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_same(event.replies[i], values[i]);
}

static void random_verdict(pair *both, authplug_tectia_kind kind)
{
    authplug_span none = {NULL, 0}, msg = none, log = none;
    authplug_tectia_code code = AUTHPLUG_TECTIA_CODE_NONE;
    bool success = random_next(&both->seed) & 1;
    authplug_tectia_event event;

    if (!success && kind == AUTHPLUG_TECTIA_AUTHORIZE)
        code = (authplug_tectia_code)random_from(&both->seed, 0, 2);
    if (!success && kind != AUTHPLUG_TECTIA_KBDINT)
        msg = random_span(&both->seed, 200);
    if (!success && kind == AUTHPLUG_TECTIA_PASSWD)
        log = random_span(&both->seed, 200);
    if (success)
        assert_status(authplug_tectia_plugin_success(both->plugin.plugin), OK);
    else
        assert_status(authplug_tectia_plugin_failure(both->plugin.plugin, code,
                                                     msg, log),
                      OK);
    carry(both, &both->plugin, &both->server, &event);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_CLOSE);
    pass_eof(&both->plugin);
    speaker_eof(&both->server);
    assert_status(speaker_next(&both->server, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
    assert_int_equal(event.success, success);
    assert_int_equal(event.code, code);
    assert_same(event.error_msg, msg);
    assert_same(event.error_log, log);
}

TEST(random_dialogues_of_all_kinds_arrive_as_they_were_said)
{
    static const authplug_tectia_kind kinds[] = {
        AUTHPLUG_TECTIA_KBDINT, AUTHPLUG_TECTIA_PASSWD,
        AUTHPLUG_TECTIA_AUTHORIZE};
    pair both;

    fill_pool();
    for (uint32_t seed = 1; seed <= 300; seed++) {
        authplug_tectia_kind kind = kinds[seed % 3];

        pair_open(&both, kind, seed * 7919);
        random_params(&both);
        if (kind == AUTHPLUG_TECTIA_KBDINT)
            for (size_t k = random_from(&both.seed, 0, 6); k > 0; k--)
                random_round(&both);
        random_verdict(&both, kind);
        pair_close(&both);
    }
}

TEST(the_longest_lists_arrive)
{
    static unsigned char many[65536];
    authplug_tectia_event event;
    pair both;

    memset(many, 'x', sizeof many);
    for (int i = 0; i < 3; i++) {
        prompts[i].text = authplug_span_make(many, 65536 - 4);
        prompts[i].echo = false;
        values[i] = authplug_span_make(many, 65536 - 6);
    }
    pair_open(&both, AUTHPLUG_TECTIA_KBDINT, 42);
    pass_all(&both, S_PARAMS);
    assert_status(authplug_tectia_plugin_request(both.plugin.plugin,
                                                 authplug_span_of(""), prompts,
                                                 3),
                  OK);
    carry(&both, &both.plugin, &both.server, &event);
    assert_int_equal(event.count, 3);
    for (int i = 0; i < 3; i++)
        assert_same(event.prompts[i].text, prompts[i].text);
    assert_status(authplug_tectia_server_replies(both.server.server, values,
                                                 3),
                  OK);
    carry(&both, &both.server, &both.plugin, &event);
    assert_int_equal(event.count, 3);
    for (int i = 0; i < 3; i++)
        assert_same(event.replies[i], values[i]);
    pair_close(&both);
}

/* ----------------------------------------------------------- allocations */

#define ROUND                                                                  \
    "P instruction:Please answer \"yes\" or \"no\".\n"                         \
    "P req_echo:Do you like chocolate? \n"                                     \
    "P req:PIN: \n"                                                            \
    "P end_of_requests\n"                                                      \
    "S reply:yes\n"                                                            \
    "S reply:1234\n"                                                           \
    "S end_of_replies\n"                                                       \
    "P end_of_requests\n"                                                      \
    "S end_of_replies\n" P_PIN S_PIN

TEST(once_warm_no_list_allocates)
{
    pair both;

    pair_open(&both, AUTHPLUG_TECTIA_KBDINT, 20251120);
    pass_all(&both, S_PARAMS);
    for (int i = 0; i < 5; i++)
        pass_all(&both, ROUND);
    alloc_reset();
    for (int i = 0; i < 100; i++)
        pass_all(&both, ROUND);
    assert_int_equal(alloc_count(), 0);
    pass_all(&both, "P success\n" BOTH_EOF);
    pair_close(&both);
}

TEST(nothing_stays_behind_when_both_are_freed_midway)
{
    size_t live = alloc_live();
    pair both;

    pair_open(&both, AUTHPLUG_TECTIA_KBDINT, 7);
    pass_all(&both, S_PARAMS P_PIN);
    pair_close(&both);
    assert_int_equal(alloc_live(), live);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialogue_passes_from_one_end_to_the_other),
        cmocka_unit_test(
            random_dialogues_of_all_kinds_arrive_as_they_were_said),
        cmocka_unit_test(the_longest_lists_arrive),
        cmocka_unit_test(once_warm_no_list_allocates),
        cmocka_unit_test(nothing_stays_behind_when_both_are_freed_midway),
    };

    return cmocka_run_group_tests_name("both ends of lines", tests, NULL, NULL);
}
