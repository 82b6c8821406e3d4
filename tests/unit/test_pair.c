/*
 * Both engines, talking to each other in memory, in pieces of random sizes.
 */
#include "support.h"
#include "vectors.h"

typedef struct pair {
    end client;
    end plugin;
    uint32_t seed;
} pair;

static void pair_open(pair *both, uint32_t seed)
{
    assert_true(end_open(&both->client, CLIENT, NULL));
    assert_true(end_open(&both->plugin, PLUGIN, NULL));
    both->seed = seed;
}

static void pair_close(pair *both)
{
    end_close(&both->client);
    end_close(&both->plugin);
}

/* Carries all that one end has to send to the other; gives the one event. */
static void carry(pair *both, end *from, end *to,
                  authplug_putty_message *message)
{
    authplug_status status = AUTHPLUG_NEED_MORE;

    while (end_output(from).len > 0) {
        authplug_span output = end_output(from);
        size_t len = random_from(&both->seed, 1, output.len);

        assert_status(status, NEED_MORE);
        assert_true(end_wants(from) & AUTHPLUG_WANTS_OUTPUT);
        assert_true(end_wants(to) & AUTHPLUG_WANTS_INPUT);
        assert_status(end_feed(to, output.data, len), OK);
        end_consume(from, len);
        status = end_next(to, message);
    }
    assert_status(status, OK);
}

/* The other end of the same pair. */
static end *other_of(pair *both, const end *one)
{
    return one == &both->client ? &both->plugin : &both->client;
}

/* One line of a transcript, from mouth to ear. */
static void pass_on(pair *both, const line *now)
{
    static notes got, expected;
    static decoded what;
    authplug_putty_message message;
    end *from = now->who == CLIENT ? &both->client : &both->plugin;
    end *to = other_of(both, from);

    got.len = expected.len = 0;
    if (now->eof) {
        end_eof(to);
        assert_status(end_next(to, &message), OK);
        assert_int_equal(message.type, AUTHPLUG_PUTTY_EOF);
        return;
    }
    assert_true(decode(span_of_bytes(&now->said), &what));
    note_message(&expected, &what.message);
    assert_status(end_say(from, span_of_bytes(&now->said)), OK);
    carry(both, from, to, &message);
    note_message(&got, &message);
    assert_string_equal(got.at, expected.at);
}

static void pass_all(pair *both, const char *script)
{
    line now;

    while ((script = line_read(script, &now)) != NULL)
        pass_on(both, &now);
}

TEST(every_vector_passes_from_one_end_to_the_other)
{
    pair both;

    for (size_t i = 0; i < vector_count; i++) {
        if (vectors[i].tolerated)
            continue;
        print_message("# %s\n", vectors[i].name);
        for (uint32_t seed = 1; seed <= 20; seed++) {
            pair_open(&both, seed);
            pass_all(&both, vectors[i].script);
            assert_status(end_fault(&both.client).status, OK);
            assert_status(end_fault(&both.plugin).status, OK);
            pair_close(&both);
        }
    }
}

/* ------------------------------------------------------ random dialogues */

static unsigned char bytes_pool[4096];
static authplug_ki_prompt prompts[100];

static authplug_span random_span(uint32_t *seed, size_t most)
{
    size_t len = random_from(seed, 0, most);

    return authplug_span_make(
        bytes_pool + random_from(seed, 0, sizeof bytes_pool - len), len);
}

static void random_request(uint32_t *seed, authplug_ki_request *request)
{
    memset(request, 0, sizeof *request);
    request->name = random_span(seed, 20);
    request->instruction = random_span(seed, 300);
    request->language = random_span(seed, 3);
    request->count = (uint32_t)random_from(seed, 0, 4);
    if (random_from(seed, 0, 30) == 0)
        request->count = 100;
    for (uint32_t i = 0; i < request->count; i++) {
        prompts[i].text = random_span(seed, 40);
        prompts[i].echo = random_next(seed) & 1;
    }
    request->prompts = prompts;
}

static void assert_same(authplug_span got, authplug_span sent)
{
    assert_int_equal(got.len, sent.len);
    if (got.len)
        assert_memory_equal(got.data, sent.data, got.len);
}

static void assert_request(const authplug_putty_message *message,
                           authplug_putty_type type,
                           const authplug_ki_request *sent)
{
    assert_int_equal(message->type, type);
    assert_same(message->request.name, sent->name);
    assert_same(message->request.instruction, sent->instruction);
    assert_same(message->request.language, sent->language);
    assert_int_equal(message->request.count, sent->count);
    for (uint32_t i = 0; i < sent->count; i++) {
        assert_same(message->request.prompts[i].text, sent->prompts[i].text);
        assert_int_equal(message->request.prompts[i].echo,
                         sent->prompts[i].echo);
    }
}

/* Random answers, given by one end and heard by the other. */
static void random_answers(pair *both, end *from, uint32_t count)
{
    uint32_t replay = both->seed;
    authplug_putty_message message;
    authplug_status status;

    authplug_ki_reply_clear(from->reply);
    for (uint32_t i = 0; i < count; i++)
        assert_status(authplug_ki_reply_add(from->reply,
                                            random_span(&both->seed, 64)),
                      OK);
    status = from->client ? authplug_putty_client_user_response(from->client,
                                                                from->reply)
                          : authplug_putty_plugin_server_response(from->plugin,
                                                                  from->reply);
    assert_status(status, OK);
    carry(both, from, other_of(both, from), &message);
    assert_int_equal(message.type, from->client
                                       ? AUTHPLUG_PUTTY_KI_USER_RESPONSE
                                       : AUTHPLUG_PUTTY_KI_SERVER_RESPONSE);
    assert_int_equal(message.response.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_same(message.response.answers[i], random_span(&replay, 64));
    assert_same(message.response.raw, authplug_ki_reply_body(from->reply));
}

static void random_user_request(pair *both)
{
    authplug_putty_message message;
    authplug_ki_request request;

    random_request(&both->seed, &request);
    assert_status(
        authplug_putty_plugin_user_request(both->plugin.plugin, &request), OK);
    carry(both, &both->plugin, &both->client, &message);
    assert_request(&message, AUTHPLUG_PUTTY_KI_USER_REQUEST, &request);
    random_answers(both, &both->client, request.count);
}

static void random_round(pair *both)
{
    authplug_secret *body = authplug_secret_new(1 << 18);
    authplug_putty_message message;
    authplug_ki_request request;
    uint32_t count;

    random_request(&both->seed, &request);
    count = request.count;
    assert_status(authplug_ki_request_write(&request, body), OK);
    assert_status(
        authplug_putty_client_server_request(
            both->client.client, authplug_secret_span(body), NULL),
        OK);
    carry(both, &both->client, &both->plugin, &message);
    assert_request(&message, AUTHPLUG_PUTTY_KI_SERVER_REQUEST, &request);
    assert_same(message.request.raw, authplug_secret_span(body));
    for (size_t i = random_from(&both->seed, 0, 3); i > 0; i--)
        random_user_request(both);
    random_answers(both, &both->plugin, count);
    authplug_secret_free(&body);
}

TEST(random_dialogues_of_several_segments_arrive_as_they_were_said)
{
    pair both;

    for (size_t i = 0; i < sizeof bytes_pool; i++)
        bytes_pool[i] = (unsigned char)(i * 167 >> 3);
    for (uint32_t seed = 1; seed <= 60; seed++) {
        pair_open(&both, seed * 7919);
        pass_all(&both, C_INIT P_INIT);
        for (size_t i = random_from(&both.seed, 1, 4); i > 0; i--) {
            pass_all(&both, C_PROTOCOL P_ACCEPT);
            for (size_t k = random_from(&both.seed, 0, 6); k > 0; k--)
                random_round(&both);
            pass_all(&both, i % 2 ? C_SUCCESS : C_FAILURE);
        }
        pass_all(&both, "C eof\n");
        pair_close(&both);
    }
}

TEST(the_longest_messages_arrive)
{
    static unsigned char many[65536];
    authplug_putty_message message;
    pair both;

    memset(many, 'x', sizeof many);
    pair_open(&both, 42);
    pass_all(&both, C_INIT P_INIT C_PROTOCOL P_ACCEPT
             "C {14 {} {} {} 00000003 {} 00 {} 00 {} 00}\n");
    authplug_ki_reply_clear(both.plugin.reply);
    for (int i = 0; i < 3; i++)
        assert_status(authplug_ki_reply_add(both.plugin.reply,
                                            authplug_span_make(
                                                many, sizeof many)),
                      OK);
    assert_status(authplug_putty_plugin_server_response(both.plugin.plugin,
                                                        both.plugin.reply),
                  OK);
    carry(&both, &both.plugin, &both.client, &message);
    assert_int_equal(message.response.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(message.response.answers[i].len, sizeof many);
        assert_memory_equal(message.response.answers[i].data, many,
                            sizeof many);
    }
    pair_close(&both);
}

/* ----------------------------------------------------------- allocations */

#define SEGMENT                                                                \
    C_PROTOCOL P_ACCEPT C_ASK_TWO P_USER_ASK C_USER_ANSWER P_ANSWER_TWO        \
        C_ASK_NOTHING P_ANSWER_NOTHING C_SUCCESS

TEST(once_warm_no_message_allocates)
{
    pair both;

    pair_open(&both, 20251120);
    pass_all(&both, C_INIT P_INIT);
    for (int i = 0; i < 5; i++)
        pass_all(&both, SEGMENT);
    alloc_reset();
    for (int i = 0; i < 100; i++)
        pass_all(&both, SEGMENT);
    assert_int_equal(alloc_count(), 0);
    pair_close(&both);
}

TEST(nothing_stays_behind_when_both_are_freed_midway)
{
    size_t live = alloc_live();
    pair both;

    pair_open(&both, 7);
    pass_all(&both, UNTIL_USER_ASKED);
    pair_close(&both);
    assert_int_equal(alloc_live(), live);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_passes_from_one_end_to_the_other),
        cmocka_unit_test(
            random_dialogues_of_several_segments_arrive_as_they_were_said),
        cmocka_unit_test(the_longest_messages_arrive),
        cmocka_unit_test(once_warm_no_message_allocates),
        cmocka_unit_test(nothing_stays_behind_when_both_are_freed_midway),
    };

    return cmocka_run_group_tests_name("both ends together", tests, NULL,
                                       NULL);
}
