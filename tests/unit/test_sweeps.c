/*
 * The four sweeps, over every vector and on both engines: each way to cut the
 * peer's bytes, each end of them and each bit of them wrong, each allocation
 * failing, and all input against a guard page.
 */
#include "support.h"
#include "vectors.h"

/* How the peer's bytes reach the engine. */
typedef struct delivery {
    size_t every; /* in pieces of this size; 0 for whole turns */
    size_t cut;   /* and cut here, counted over the whole stream */
    size_t stop;  /* the peer closes after so many bytes */
    bool late;    /* ... but only when the next byte would come */
    size_t flip;  /* this bit of the stream is wrong */
    bool guard;   /* all input ends at a guard page */
    bool retry;   /* what found no memory is tried once more */
} delivery;

static const delivery whole = {.cut = SIZE_MAX, .stop = SIZE_MAX,
                               .flip = SIZE_MAX};

/* A conversation on the way. */
typedef struct talk {
    end it;
    const delivery *how;
    notes *log;
    size_t fed; /* of the peer's bytes */
} talk;

/* The longest run of events that one piece of input may give. */
#define EVENTS_MOST 8

/* ----------------------------------------------------------------- talks */

static authplug_status log_next(talk *now)
{
    authplug_putty_message message;
    authplug_status status = end_next(&now->it, &message);

    if (status == AUTHPLUG_NOMEM && now->how->retry)
        status = end_next(&now->it, &message);
    if (status == AUTHPLUG_OK && now->log)
        note_message(now->log, &message);
    if (status == AUTHPLUG_OK && message.type == AUTHPLUG_PUTTY_EOF)
        return AUTHPLUG_CLOSED; /* ends the loops here, nothing else */
    return status;
}

/* All events that are there; NEED_MORE when all went well. */
static authplug_status drain(talk *now)
{
    for (int i = 0; i < EVENTS_MOST; i++) {
        authplug_status status = log_next(now);

        if (status != AUTHPLUG_OK)
            return status;
    }
    fail_msg("there is no end of events");
    return AUTHPLUG_OK;
}

static authplug_status feed_piece(talk *now, const unsigned char *at,
                                  size_t len)
{
    const void *data = now->how->guard ? guarded(at, len) : at;
    authplug_status status = end_feed(&now->it, data, len);

    if (status == AUTHPLUG_NOMEM && now->how->retry)
        status = end_feed(&now->it, data, len);
    if (status == AUTHPLUG_NOMEM)
        return status;
    now->fed += len;
    return drain(now);
}

/* How many of the next len bytes come in one piece. */
static size_t piece_of(const talk *now, size_t len)
{
    size_t piece = now->how->every ? now->how->every : len;

    if (piece > len)
        piece = len;
    if (now->how->cut > now->fed && now->how->cut < now->fed + piece)
        piece = now->how->cut - now->fed;
    if (now->how->stop > now->fed && now->how->stop < now->fed + piece)
        piece = now->how->stop - now->fed;
    return piece;
}

/* NEED_MORE, and CLOSED where the peer is to stop. */
static authplug_status deliver(talk *now, bytes *turn)
{
    size_t flip = now->how->flip / 8, done = 0;
    unsigned char bit = (unsigned char)(1u << now->how->flip % 8);

    if (flip >= now->fed && flip < now->fed + turn->len)
        turn->data[flip - now->fed] ^= bit;
    while (done < turn->len) {
        size_t len = piece_of(now, turn->len - done);
        authplug_status status;

        if (now->fed == now->how->stop)
            return AUTHPLUG_CLOSED;
        status = feed_piece(now, turn->data + done, len);
        if (status != AUTHPLUG_NEED_MORE)
            return status;
        done += len;
        if (now->fed == now->how->stop && !now->how->late)
            return AUTHPLUG_CLOSED;
    }
    return AUTHPLUG_NEED_MORE;
}

static authplug_status say(talk *now, const bytes *said)
{
    authplug_span message = span_of_bytes(said);
    authplug_status status;
    authplug_span output;

    if (now->how->guard)
        message.data = guarded(said->data, said->len);
    status = end_say(&now->it, message);
    if (status == AUTHPLUG_NOMEM && now->how->retry)
        status = end_say(&now->it, message);
    output = end_output(&now->it);
    if (now->log) {
        note(now->log, "said ");
        note_hex(now->log, output);
        note(now->log, "\n");
    }
    end_consume(&now->it, output.len);
    return status == AUTHPLUG_OK ? AUTHPLUG_NEED_MORE : status;
}

/*
 * Holds a conversation until it ends (OK), the peer is to stop (CLOSED), or
 * something goes wrong. Lines of the peer without one of ours between them
 * are one turn.
 */
static authplug_status converse(talk *now, const char *script)
{
    authplug_status status = AUTHPLUG_NEED_MORE;
    bytes turn = {.len = 0};
    line next;

    while (status == AUTHPLUG_NEED_MORE &&
           (script = line_read(script, &next)) != NULL) {
        if (next.eof)
            break;
        if ((role)next.who == now->it.role) {
            status = deliver(now, &turn);
            turn.len = 0;
            if (status == AUTHPLUG_NEED_MORE)
                status = say(now, &next.said);
            continue;
        }
        memcpy(turn.data + turn.len, next.said.data, next.said.len);
        turn.len += next.said.len;
    }
    if (status == AUTHPLUG_NEED_MORE)
        status = deliver(now, &turn);
    return status == AUTHPLUG_NEED_MORE ? AUTHPLUG_OK : status;
}

/* A whole conversation; false when the engine could not be made. */
static bool talk_open(talk *now, role which, const delivery *how, notes *log)
{
    memset(now, 0, sizeof *now);
    now->how = how;
    now->log = log;
    if (log) {
        log->len = 0;
        log->at[0] = '\0';
    }
    return end_open(&now->it, which, NULL);
}

/* ------------------------------------------------------ what is expected */

static size_t stream_len(role which, const char *script)
{
    size_t len = 0;
    line next;

    while ((script = line_read(script, &next)) != NULL)
        if ((role)next.who != which)
            len += next.said.len;
    return len;
}

/* The events and the outputs that a vector stands for, by our own decoder. */
static void expect_log(role which, const char *script, notes *log)
{
    static decoded what;
    line next;

    log->len = 0;
    log->at[0] = '\0';
    while ((script = line_read(script, &next)) != NULL) {
        if (next.eof)
            break;
        if ((role)next.who == which) {
            note(log, "said ");
            note_hex(log, span_of_bytes(&next.said));
            note(log, "\n");
        } else {
            assert_true(decode(span_of_bytes(&next.said), &what));
            note_message(log, &what.message);
        }
    }
}

/* Whether the peer's stream is between two messages after so many bytes. */
static bool is_boundary(role which, const char *script, size_t stop)
{
    size_t len = 0;
    line next;

    while (len < stop && (script = line_read(script, &next)) != NULL)
        if ((role)next.who != which)
            len += next.said.len;
    return len == stop;
}

typedef void (*sweep)(role which, const vector *one);

static void over_all(sweep run)
{
    alloc_reset();
    for (size_t i = 0; i < vector_count; i++) {
        print_message("# %s\n", vectors[i].name);
        run(PLUGIN, &vectors[i]);
        if (!vectors[i].tolerated)
            run(CLIENT, &vectors[i]);
    }
}

/* -------------------------------------------------------------- 1. cuts */

static void same_log(role which, const char *script, const delivery *how,
                     const notes *expected)
{
    static notes got;
    talk now;

    assert_true(talk_open(&now, which, how, &got));
    assert_status(converse(&now, script), OK);
    assert_status(end_fault(&now.it).status, OK);
    assert_string_equal(got.at, expected->at);
    end_close(&now.it);
}

static void sweep_cuts(role which, const vector *one)
{
    static notes expected;
    size_t len = stream_len(which, one->script);
    delivery how = whole;

    expect_log(which, one->script, &expected);
    same_log(which, one->script, &how, &expected);
    for (how.cut = 1; how.cut < len; how.cut++)
        same_log(which, one->script, &how, &expected);
    how.cut = SIZE_MAX;
    for (how.every = 1; how.every <= 9; how.every++)
        same_log(which, one->script, &how, &expected);
}

TEST(however_the_bytes_are_cut_the_conversation_is_the_same)
{
    over_all(sweep_cuts);
}

/* Streams with a fault, each after what is said before. */
static const struct {
    role role;
    const char *before;
    const char *stream;
} faulty[] = {
    {CLIENT, C_INIT, "'Traceback (most recent call last):'"},
    {CLIENT, C_INIT, "{02 00000002 {'alice'}} {04}"},
    {CLIENT, C_INIT, "{02 00000003 {}}"},
    {CLIENT, C_INIT, "{02 00000002 {} 00}"},
    {CLIENT, C_INIT, "{02 00000002 00000009 'al'}"},
    {CLIENT, C_INIT, "{04}"},
    {CLIENT, C_INIT, "{63 'unknown'}"},
    {CLIENT, C_INIT, "00000000"},
    {CLIENT, C_INIT, "00ffffff 02"},
    {CLIENT, C_INIT, "ffffffff 02"},
    {CLIENT, UNTIL_ASKED, "{15 00000002 {'a'} {'b'}}"},
    {CLIENT, UNTIL_ASKED, "{15 00000001 {'a'}} {06}"},
    {CLIENT, UNTIL_ASKED, "{16 {} {} {} 00000001 {'PIN'}}"},
    {PLUGIN, "", "'GET / HTTP/1.0' 0d0a"},
    {PLUGIN, "", "{01 00000002 {'a'} 00000016 {}} {03 {'m'}}"},
    {PLUGIN, "", "{01 00000002 {'a'} 00000016 {'bob'} 00}"},
    {PLUGIN, "", "{03 {'keyboard-interactive'}}"},
    {PLUGIN, UNTIL_ANSWERED, "{06} {03 {'m'}} {03 {'m'}}"},
    {PLUGIN, UNTIL_ANSWERED, "{06} {06}"},
    {PLUGIN, UNTIL_USER_ASKED, "{17 00000002 {'a'} {'b'}}"},
};

/* Feeds the stream in two pieces and logs what comes of it. */
static void log_fault(size_t i, size_t cut, size_t every, notes *log)
{
    bytes stream = bytes_of(faulty[i].stream);
    delivery how = whole;
    authplug_status status;
    authplug_fault fault;
    talk now;

    how.cut = cut;
    how.every = every;
    assert_true(talk_open(&now, faulty[i].role, &how, log));
    play_on(&now.it, faulty[i].before);
    status = deliver(&now, &stream);
    fault = end_fault(&now.it);
    note(log, "%s, fault %s in '%s' at %u: %s\n", authplug_status_name(status),
         authplug_status_name(fault.status), fault.message,
         (unsigned)fault.offset, fault.text);
    end_close(&now.it);
}

TEST(however_the_bytes_are_cut_the_fault_is_the_same)
{
    static notes one, other;

    for (size_t i = 0; i < COUNT_OF(faulty); i++) {
        size_t len = bytes_of(faulty[i].stream).len;

        log_fault(i, SIZE_MAX, 0, &one);
        assert_null(strstr(one.at, "NEED_MORE"));
        for (size_t cut = 1; cut < len; cut++) {
            log_fault(i, cut, 0, &other);
            assert_string_equal(one.at, other.at);
        }
        log_fault(i, SIZE_MAX, 1, &other);
        assert_string_equal(one.at, other.at);
    }
}

/* --------------------------------------------- 2. truncations, bit flips */

/* The peer closes after so many bytes, at once or where more is awaited. */
static void check_stop(role which, const vector *one, delivery *how)
{
    bool boundary = is_boundary(which, one->script, how->stop);
    authplug_putty_message message;
    authplug_status expected = AUTHPLUG_OK;
    talk now;

    if (!boundary)
        expected = AUTHPLUG_TRUNCATED;
    else if (which == CLIENT && (how->late || how->stop == 0))
        expected = AUTHPLUG_CLOSED;
    assert_true(talk_open(&now, which, how, NULL));
    assert_status(converse(&now, one->script), CLOSED);
    assert_status(end_fault(&now.it).status, OK);
    assert_status(end_next(&now.it, &message), NEED_MORE);
    end_eof(&now.it);
    for (int i = 0; i < 3; i++) {
        message.type = AUTHPLUG_PUTTY_INIT;
        assert_int_equal(end_next(&now.it, &message), expected);
        if (expected == AUTHPLUG_OK)
            assert_int_equal(message.type, AUTHPLUG_PUTTY_EOF);
    }
    assert_int_equal(end_fault(&now.it).status, expected);
    end_close(&now.it);
}

static void sweep_stops(role which, const vector *one)
{
    size_t len = stream_len(which, one->script);
    delivery how = whole;

    for (how.stop = 0; how.stop < len; how.stop++) {
        how.late = false;
        check_stop(which, one, &how);
        how.late = true;
        check_stop(which, one, &how);
    }
}

TEST(wherever_the_bytes_end_no_message_is_made_of_a_part)
{
    over_all(sweep_stops);
}

/* A fault that may be shown: names and texts of the library's own. */
static void check_fault(const end *it)
{
    authplug_fault fault = end_fault(it);

    assert_in_range(fault.status, 0, AUTHPLUG_STATUS_COUNT - 1);
    if (fault.status == AUTHPLUG_OK)
        return;
    assert_true(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
    assert_true(fault.message[0] == '\0' ||
                strncmp(fault.message, "PLUGIN_", 7) == 0);
    assert_true(fault.offset <= sizeof ((bytes *)0)->data);
}

static void check_flip(role which, const vector *one, const delivery *how)
{
    authplug_putty_message message;
    authplug_status status;
    talk now;

    assert_true(talk_open(&now, which, how, NULL));
    status = converse(&now, one->script);
    assert_in_range(status, 0, AUTHPLUG_STATUS_COUNT - 1);
    end_eof(&now.it);
    for (int i = 0; i < EVENTS_MOST; i++) {
        status = end_next(&now.it, &message);
        if (status != AUTHPLUG_OK || message.type == AUTHPLUG_PUTTY_EOF)
            break;
    }
    assert_true(status != AUTHPLUG_NEED_MORE);
    if (status == AUTHPLUG_OK)
        assert_int_equal(message.type, AUTHPLUG_PUTTY_EOF);
    else
        assert_int_equal(end_fault(&now.it).status, status);
    check_fault(&now.it);
    end_close(&now.it);
}

static void sweep_flips(role which, const vector *one)
{
    size_t bits = 8 * stream_len(which, one->script);
    size_t stride = sweep_stride();
    delivery how = whole;

    for (how.flip = 0; how.flip < bits; how.flip += stride)
        check_flip(which, one, &how);
    how.every = 1;
    for (how.flip = 0; how.flip < bits; how.flip += 8 * stride + 1)
        check_flip(which, one, &how);
}

TEST(whichever_bit_is_wrong_the_end_is_defined)
{
    over_all(sweep_flips);
}

/* -------------------------------------------------- 3. failing allocation */

/* The nth allocation fails, and the call is repeated. */
static bool fail_once(role which, const vector *one, size_t n,
                      const notes *expected)
{
    static notes got;
    delivery how = whole;
    size_t live = alloc_live();
    bool failed;
    talk now;

    how.retry = true;
    alloc_fail_at(n);
    if (talk_open(&now, which, &how, &got)) {
        assert_status(converse(&now, one->script), OK);
        assert_string_equal(got.at, expected->at);
        end_close(&now.it);
    }
    failed = alloc_count() >= n;
    alloc_reset();
    assert_int_equal(alloc_live(), live);
    return failed;
}

/* The nth allocation fails, and all after it. */
static void fail_for_good(role which, const vector *one, size_t n)
{
    size_t live = alloc_live();
    talk now;

    alloc_fail_from(n);
    if (talk_open(&now, which, &whole, NULL)) {
        assert_status(converse(&now, one->script), NOMEM);
        assert_status(end_fault(&now.it).status, OK);
        end_close(&now.it);
    }
    alloc_reset();
    assert_int_equal(alloc_live(), live);
}

static void sweep_allocations(role which, const vector *one)
{
    static notes expected;

    expect_log(which, one->script, &expected);
    for (size_t n = 1; fail_once(which, one, n, &expected); n++)
        fail_for_good(which, one, n);
}

TEST(whichever_allocation_fails_the_call_can_be_repeated)
{
    over_all(sweep_allocations);
}

/* ------------------------------------------------------- 4. guard page */

static void sweep_guard(role which, const vector *one)
{
    static notes expected;
    delivery how = whole;

    how.guard = true;
    expect_log(which, one->script, &expected);
    same_log(which, one->script, &how, &expected);
    for (how.every = 1; how.every <= 9; how.every++)
        same_log(which, one->script, &how, &expected);
}

TEST(no_byte_beyond_the_input_is_read)
{
    over_all(sweep_guard);
}

/* Each message of each vector as a body, whole and cut short. */
static void sweep_bodies(role which, const vector *one)
{
    static const authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
    static authplug_ki_prompt prompts[MESSAGE_PROMPTS];
    static authplug_span answers[MESSAGE_PROMPTS];
    const char *script = one->script;
    authplug_ki_response response;
    authplug_ki_request request;
    authplug_fault fault;
    line next;

    (void)which;
    while ((script = line_read(script, &next)) != NULL) {
        for (size_t len = 0; len + 5 <= next.said.len; len++) {
            authplug_span body = authplug_span_make(
                guarded(next.said.data + 5, len), len);

            authplug_ki_request_parse(body, &limits, prompts, &request,
                                      &fault);
            authplug_ki_response_parse(body, &limits, answers, &response,
                                       &fault);
        }
    }
}

TEST(no_byte_beyond_a_body_is_read)
{
    over_all(sweep_bodies);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            however_the_bytes_are_cut_the_conversation_is_the_same),
        cmocka_unit_test(however_the_bytes_are_cut_the_fault_is_the_same),
        cmocka_unit_test(wherever_the_bytes_end_no_message_is_made_of_a_part),
        cmocka_unit_test(whichever_bit_is_wrong_the_end_is_defined),
        cmocka_unit_test(whichever_allocation_fails_the_call_can_be_repeated),
        cmocka_unit_test(no_byte_beyond_the_input_is_read),
        cmocka_unit_test(no_byte_beyond_a_body_is_read),
    };

    return cmocka_run_group_tests_name("the four sweeps", tests, NULL, NULL);
}
