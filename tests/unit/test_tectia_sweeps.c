/*
 * The four sweeps over the dialogues of lines, on both engines: each way to
 * cut the other end's bytes, each end of them and each bit of them wrong, each
 * allocation failing, and all input against a guard page.
 */
#include "support.h"

/* How the other end's bytes reach the engine. */
typedef struct delivery {
    size_t every; /* in pieces of this size; 0 for whole turns */
    size_t cut;   /* and cut here, counted over the whole stream */
    size_t stop;  /* that end closes after so many bytes */
    bool late;    /* ... but only when the next byte would come */
    size_t flip;  /* this bit of the stream is wrong */
    bool guard;   /* all input ends at a guard page */
    bool retry;   /* what found no memory is tried once more */
} delivery;

static const delivery whole = {.cut = SIZE_MAX, .stop = SIZE_MAX,
                               .flip = SIZE_MAX};

/* A conversation on the way. */
typedef struct talk {
    speaker it;
    const delivery *how;
    notes *log;
    size_t fed; /* of the other end's bytes */
} talk;

/* The longest run of events that one piece of input may give. */
#define EVENTS_MOST 8

/* ----------------------------------------------------------------- talks */

/* Whether no other event can follow. */
static bool is_last(const authplug_tectia_event *event)
{
    return event->type == AUTHPLUG_TECTIA_EOF ||
           event->type == AUTHPLUG_TECTIA_VERDICT;
}

static authplug_status log_next(talk *now)
{
    authplug_tectia_event event;
    authplug_status status = speaker_next(&now->it, &event);

    if (status == AUTHPLUG_NOMEM && now->how->retry)
        status = speaker_next(&now->it, &event);
    if (status == AUTHPLUG_OK && now->log)
        note_event(now->log, &event);
    if (status == AUTHPLUG_OK && is_last(&event))
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
    authplug_status status = speaker_feed(&now->it, data, len);

    if (status == AUTHPLUG_NOMEM && now->how->retry)
        status = speaker_feed(&now->it, data, len);
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

/* NEED_MORE, and CLOSED where the other end is to stop. */
static authplug_status deliver(talk *now, bytes *said)
{
    size_t flip = now->how->flip / 8, done = 0;
    unsigned char bit = (unsigned char)(1u << now->how->flip % 8);

    if (flip >= now->fed && flip < now->fed + said->len)
        said->data[flip - now->fed] ^= bit;
    while (done < said->len) {
        size_t len = piece_of(now, said->len - done);
        authplug_status status;

        if (now->fed == now->how->stop)
            return AUTHPLUG_CLOSED;
        status = feed_piece(now, said->data + done, len);
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
    authplug_span lines = span_of_bytes(said);
    authplug_status status;
    authplug_span output;

    if (now->how->guard)
        lines.data = guarded(said->data, said->len);
    status = speaker_say(&now->it, lines);
    if (status == AUTHPLUG_NOMEM && now->how->retry)
        status = speaker_say(&now->it, lines);
    output = speaker_output(&now->it);
    if (now->log) {
        note(now->log, "said");
        note_bytes(now->log, output);
        note(now->log, "\n");
    }
    speaker_consume(&now->it, output.len);
    return status == AUTHPLUG_OK ? AUTHPLUG_NEED_MORE : status;
}

static void append(bytes *to, const bytes *from)
{
    assert_true(to->len + from->len <= sizeof to->data);
    memcpy(to->data + to->len, from->data, from->len);
    to->len += from->len;
}

/* The next turn: the lines of one end up to the other's; its end is one. */
static const char *turn_read(const char *script, bytes *said, char *who,
                             bool *eof)
{
    const char *next;
    spoken one;

    *who = 0;
    *eof = false;
    said->len = 0;
    while ((next = spoken_read(script, &one)) != NULL &&
           (!*who || (one.who == *who && !one.eof))) {
        *who = one.who;
        append(said, &one.said);
        script = next;
        if ((*eof = one.eof) == true)
            break;
    }
    return *who ? script : NULL;
}

/*
 * Holds a conversation until it ends (OK), the other end is to stop (CLOSED),
 * or something goes wrong.
 */
static authplug_status converse(talk *now, const char *script)
{
    authplug_status status = AUTHPLUG_NEED_MORE;
    bytes said;
    char who;
    bool eof;

    while (status == AUTHPLUG_NEED_MORE &&
           (script = turn_read(script, &said, &who, &eof)) != NULL) {
        if (eof && who != now->it.who) {
            speaker_eof(&now->it);
            status = drain(now);
            return status == AUTHPLUG_CLOSED ? AUTHPLUG_OK : status;
        }
        if (eof)
            continue;
        status = who == now->it.who ? say(now, &said) : deliver(now, &said);
    }
    return status == AUTHPLUG_NEED_MORE ? AUTHPLUG_OK : status;
}

/* A new engine; false when it could not be made. */
static bool talk_open(talk *now, char who, authplug_tectia_kind kind,
                      const delivery *how, notes *log)
{
    memset(now, 0, sizeof *now);
    now->how = how;
    now->log = log;
    if (log) {
        log->len = 0;
        log->at[0] = '\0';
    }
    return speaker_open(&now->it, who, kind, NULL);
}

/* ------------------------------------------------------ what is expected */

static size_t stream_len(char which, const char *script)
{
    size_t len = 0;
    spoken one;

    while ((script = spoken_read(script, &one)) != NULL)
        if (one.who != which)
            len += one.said.len;
    return len;
}

/* The events and the outputs that a dialogue stands for, by our own reader. */
static void expect_log(char which, const dialogue *held, notes *log)
{
    const char *script = held->script;
    bytes said;
    speaker it;
    char who;
    bool eof;

    log->len = 0;
    log->at[0] = '\0';
    assert_true(speaker_open(&it, which, held->kind, NULL));
    while ((script = turn_read(script, &said, &who, &eof)) != NULL) {
        if (eof && who != which)
            note_heard_eof(log, &it);
        else if (who != which)
            note_heard(log, &it, span_of_bytes(&said));
        else if (!eof) {
            note(log, "said");
            note_bytes(log, span_of_bytes(&said));
            note(log, "\n");
        }
    }
    speaker_close(&it);
}

typedef enum place { BETWEEN_LISTS, BETWEEN_LINES, IN_A_LINE } place;

/* Where the other end's stream is after so many bytes, and what it has said. */
static place place_of(char which, const char *script, size_t stop,
                      bool *verdict)
{
    static const char *const ends[] = {"end_of_params\n", "end_of_requests\n",
                                       "end_of_replies\n"};
    place at = BETWEEN_LISTS;
    size_t len = 0;
    spoken one;

    *verdict = false;
    while (len < stop && (script = spoken_read(script, &one)) != NULL) {
        authplug_span said = span_of_bytes(&one.said);

        if (one.who == which || one.eof)
            continue;
        len += said.len;
        at = len > stop ? IN_A_LINE : BETWEEN_LINES;
        if (at == IN_A_LINE)
            break;
        for (size_t i = 0; i < COUNT_OF(ends); i++)
            if (authplug_span_is(said, ends[i]))
                at = BETWEEN_LISTS;
        *verdict |= authplug_span_is(said, "failure\n") ||
                    authplug_span_is(said, "success\n");
    }
    return at;
}

typedef void (*sweep)(char which, const dialogue *held);

static void over_all(sweep run)
{
    alloc_reset();
    for (size_t i = 0; i < dialogue_count; i++) {
        print_message("# %s\n", dialogues[i].name);
        run('S', &dialogues[i]);
        run('P', &dialogues[i]);
    }
}

/* -------------------------------------------------------------- 1. cuts */

static void same_log(char which, const dialogue *held, const delivery *how,
                     const notes *expected)
{
    static notes got;
    talk now;

    assert_true(talk_open(&now, which, held->kind, how, &got));
    assert_status(converse(&now, held->script), OK);
    assert_status(speaker_fault(&now.it).status, OK);
    assert_string_equal(got.at, expected->at);
    speaker_close(&now.it);
}

static void sweep_cuts(char which, const dialogue *held)
{
    static notes expected;
    size_t len = stream_len(which, held->script);
    delivery how = whole;

    expect_log(which, held, &expected);
    same_log(which, held, &how, &expected);
    for (how.cut = 1; how.cut < len; how.cut++)
        same_log(which, held, &how, &expected);
    how.cut = SIZE_MAX;
    for (how.every = 1; how.every <= 9; how.every++)
        same_log(which, held, &how, &expected);
}

TEST(however_the_lines_are_cut_the_conversation_is_the_same)
{
    over_all(sweep_cuts);
}

#define ASKED S_PARAMS P_PIN "# now the other end\n"
#define HEARD S_PARAMS "# now the other end\n"

/* Streams with a fault, each after what is said before. */
static const struct {
    char which;
    authplug_tectia_kind kind;
    const char *before;
    const char *stream;
} faulty[] = {
    {'S', AUTHPLUG_TECTIA_KBDINT, "", "success\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, HEARD, "success\nfailure\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, HEARD, "success\n\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, HEARD, "req:PIN\r\nend_of_requests\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, HEARD, "hello\nsuccess\r\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, HEARD, "end_of_requests\nsuccess\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, HEARD, "req:x\nend_of_requests\n\n"},
    {'S', AUTHPLUG_TECTIA_KBDINT, ASKED, "req:x\nend_of_requests\n"},
    {'S', AUTHPLUG_TECTIA_PASSWD, HEARD, "error_msg:a\rb\nfailure\n"},
    {'S', AUTHPLUG_TECTIA_PASSWD, HEARD, "success\nerror_msg:x\n"},
    {'S', AUTHPLUG_TECTIA_AUTHORIZE, HEARD, "yes\nsuccess\nsuccess\n"},
    {'P', AUTHPLUG_TECTIA_KBDINT, "", "a:b\nend_of_params\r\n"},
    {'P', AUTHPLUG_TECTIA_KBDINT, "", "a:b\r\nend_of_params\n"},
    {'P', AUTHPLUG_TECTIA_PASSWD, "", "a:b\nend_of_params\nx:y\n"},
    {'P', AUTHPLUG_TECTIA_AUTHORIZE, HEARD, "\n"},
    {'P', AUTHPLUG_TECTIA_KBDINT, ASKED, "end_of_replies\n"},
    {'P', AUTHPLUG_TECTIA_KBDINT, ASKED, "reply:1\nreply:2\nend_of_replies\n"},
    {'P', AUTHPLUG_TECTIA_KBDINT, ASKED,
     "reply:1\nend_of_replies\nreply:2\nend_of_replies\n"},
};

/* Feeds the stream in pieces and logs what comes of it. */
static void log_fault(size_t i, size_t cut, size_t every, notes *log)
{
    bytes stream = {.len = strlen(faulty[i].stream)};
    delivery how = whole;
    authplug_status status;
    authplug_fault fault;
    talk now;

    memcpy(stream.data, faulty[i].stream, stream.len);
    how.cut = cut;
    how.every = every;
    assert_true(talk_open(&now, faulty[i].which, faulty[i].kind, &how, log));
    hold_on(&now.it, faulty[i].before);
    status = deliver(&now, &stream);
    fault = speaker_fault(&now.it);
    note(log, "%s, fault %s in '%s' at %u: %s\n", authplug_status_name(status),
         authplug_status_name(fault.status), fault.message,
         (unsigned)fault.offset, fault.text);
    speaker_close(&now.it);
}

TEST(however_the_lines_are_cut_the_fault_is_the_same)
{
    static notes one, other;

    for (size_t i = 0; i < COUNT_OF(faulty); i++) {
        size_t len = strlen(faulty[i].stream);

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

/* What becomes of an end of the other end's that comes too early. */
static void check_early_end(speaker *it, place at, bool verdict, bool asks)
{
    authplug_tectia_event event = {.success = true};
    authplug_status status;

    speaker_eof(it);
    status = speaker_next(it, &event);
    if (it->plugin && at == BETWEEN_LISTS) {
        assert_status(status, OK);
        assert_int_equal(event.type, AUTHPLUG_TECTIA_EOF);
        return;
    }
    if (verdict && status == AUTHPLUG_OK) {
        assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
        assert_false(event.success);
        return;
    }
    if (verdict || (it->server && at == BETWEEN_LINES && !asks))
        assert_true(status == AUTHPLUG_TRUNCATED || status == AUTHPLUG_CLOSED);
    else if (at == BETWEEN_LISTS)
        assert_status(status, CLOSED);
    else
        assert_status(status, TRUNCATED);
    assert_int_equal(speaker_fault(it).status, status);
    assert_int_equal(speaker_next(it, &event), status);
}

static void check_stop(char which, const dialogue *held, const delivery *how)
{
    bool verdict;
    place at = place_of(which, held->script, how->stop, &verdict);
    authplug_tectia_event event;
    talk now;

    assert_true(talk_open(&now, which, held->kind, how, NULL));
    assert_status(converse(&now, held->script), CLOSED);
    assert_status(speaker_fault(&now.it).status, OK);
    assert_status(speaker_next(&now.it, &event), NEED_MORE);
    check_early_end(&now.it, at, verdict,
                    held->kind == AUTHPLUG_TECTIA_KBDINT);
    speaker_close(&now.it);
}

static void sweep_stops(char which, const dialogue *held)
{
    size_t len = stream_len(which, held->script);
    delivery how = whole;

    for (how.stop = 0; how.stop < len; how.stop++) {
        how.late = false;
        check_stop(which, held, &how);
        how.late = true;
        check_stop(which, held, &how);
    }
}

TEST(wherever_the_lines_end_nothing_is_made_of_a_part)
{
    over_all(sweep_stops);
}

/* A fault that may be shown: names and texts of the library's own. */
static void check_fault(const speaker *it)
{
    static const char *const lists[] = {"", "params", "requests", "replies",
                                        "verdict"};
    authplug_fault fault = speaker_fault(it);
    bool known = false;

    assert_in_range(fault.status, 0, AUTHPLUG_STATUS_COUNT - 1);
    if (fault.status == AUTHPLUG_OK)
        return;
    assert_true(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        known |= strcmp(fault.message, lists[i]) == 0;
    assert_true(known);
    assert_true(fault.offset <= AUTHPLUG_TECTIA_LINES + 1);
}

static void check_flip(char which, const dialogue *held, const delivery *how,
                       bool denied)
{
    authplug_tectia_event event;
    authplug_status status;
    talk now;

    assert_true(talk_open(&now, which, held->kind, how, NULL));
    status = converse(&now, held->script);
    assert_in_range(status, 0, AUTHPLUG_STATUS_COUNT - 1);
    speaker_eof(&now.it);
    for (int i = 0; i < EVENTS_MOST; i++) {
        memset(&event, 0, sizeof event);
        status = speaker_next(&now.it, &event);
        if (status != AUTHPLUG_OK || is_last(&event))
            break;
    }
    if (status == AUTHPLUG_OK)
        assert_true(is_last(&event) && (!denied || !event.success));
    else if (status != AUTHPLUG_NEED_MORE) /* the verdict was given before */
        assert_int_equal(speaker_fault(&now.it).status, status);
    check_fault(&now.it);
    speaker_close(&now.it);
}

static void sweep_flips(char which, const dialogue *held)
{
    bool denied = strstr(held->script, "P success\n") == NULL;
    size_t bits = 8 * stream_len(which, held->script);
    size_t stride = sweep_stride();
    delivery how = whole;

    for (how.flip = 0; how.flip < bits; how.flip += stride)
        check_flip(which, held, &how, denied);
    how.every = 1;
    for (how.flip = 0; how.flip < bits; how.flip += 8 * stride + 1)
        check_flip(which, held, &how, denied);
}

TEST(whichever_bit_is_wrong_the_end_is_defined)
{
    over_all(sweep_flips);
}

/* -------------------------------------------------- 3. failing allocation */

/* The nth allocation fails, and the call is repeated. */
static bool fail_once(char which, const dialogue *held, size_t n,
                      const notes *expected)
{
    static notes got;
    delivery how = whole;
    size_t live = alloc_live();
    bool failed;
    talk now;

    how.retry = true;
    alloc_fail_at(n);
    if (talk_open(&now, which, held->kind, &how, &got)) {
        assert_status(converse(&now, held->script), OK);
        assert_string_equal(got.at, expected->at);
        speaker_close(&now.it);
    }
    failed = alloc_count() >= n;
    alloc_reset();
    assert_int_equal(alloc_live(), live);
    return failed;
}

/* The nth allocation fails, and all after it. */
static void fail_for_good(char which, const dialogue *held, size_t n)
{
    size_t live = alloc_live();
    talk now;

    alloc_fail_from(n);
    if (talk_open(&now, which, held->kind, &whole, NULL)) {
        assert_status(converse(&now, held->script), NOMEM);
        assert_status(speaker_fault(&now.it).status, OK);
        speaker_close(&now.it);
    }
    alloc_reset();
    assert_int_equal(alloc_live(), live);
}

static void sweep_allocations(char which, const dialogue *held)
{
    static notes expected;

    expect_log(which, held, &expected);
    for (size_t n = 1; fail_once(which, held, n, &expected); n++)
        fail_for_good(which, held, n);
}

TEST(whichever_allocation_fails_the_call_can_be_repeated)
{
    over_all(sweep_allocations);
}

/* ------------------------------------------------------- 4. guard page */

static void sweep_guard(char which, const dialogue *held)
{
    static notes expected;
    delivery how = whole;

    how.guard = true;
    expect_log(which, held, &expected);
    same_log(which, held, &how, &expected);
    for (how.every = 1; how.every <= 9; how.every++)
        same_log(which, held, &how, &expected);
}

TEST(no_byte_beyond_the_lines_is_read)
{
    over_all(sweep_guard);
}

/* A key's or a value's span may end where memory ends. */
TEST(no_byte_beyond_what_is_said_is_read)
{
    static const char text[] = "user_name";
    authplug_span edge = authplug_span_make(guarded(text, 9), 9);
    authplug_tectia_pair pair = {edge, edge};
    authplug_ki_prompt prompt = {edge, true};
    speaker it;

    assert_true(speaker_open(&it, 'S', AUTHPLUG_TECTIA_KBDINT, NULL));
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), OK);
    assert_span(speaker_output(&it), "user_name:user_name\nend_of_params\n");
    speaker_close(&it);
    assert_true(speaker_open(&it, 'P', AUTHPLUG_TECTIA_KBDINT, NULL));
    hold_on(&it, HEARD);
    assert_status(authplug_tectia_plugin_request(it.plugin, edge, &prompt, 1),
                  OK);
    speaker_close(&it);
    assert_true(speaker_open(&it, 'P', AUTHPLUG_TECTIA_PASSWD, NULL));
    hold_on(&it, HEARD);
    assert_status(authplug_tectia_plugin_failure(
                      it.plugin, AUTHPLUG_TECTIA_CODE_NONE, edge, edge),
                  OK);
    speaker_close(&it);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            however_the_lines_are_cut_the_conversation_is_the_same),
        cmocka_unit_test(however_the_lines_are_cut_the_fault_is_the_same),
        cmocka_unit_test(wherever_the_lines_end_nothing_is_made_of_a_part),
        cmocka_unit_test(whichever_bit_is_wrong_the_end_is_defined),
        cmocka_unit_test(whichever_allocation_fails_the_call_can_be_repeated),
        cmocka_unit_test(no_byte_beyond_the_lines_is_read),
        cmocka_unit_test(no_byte_beyond_what_is_said_is_read),
    };

    return cmocka_run_group_tests_name("the four sweeps over lines", tests,
                                       NULL, NULL);
}
