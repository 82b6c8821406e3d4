/* pam_authplug in stacks of modules, held against what PAM returns; run by
 * tests/e2e/pam_wrapper.sh, which has made the services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpamtest.h>

#include <string.h>
#include <unistd.h>

/* What the user types, in order, and what is shown. */
static const char *secrets[16];
static char errors[4][512], texts[4][512];
static char *shown_errors[] = {errors[0], errors[1], errors[2], errors[3]};
static char *shown_texts[] = {texts[0], texts[1], texts[2], texts[3]};

static int
forget(void **state)
{
    (void)state;
    /* libpamtest copies words without their end */
    memset(errors, 0, sizeof errors);
    memset(texts, 0, sizeof texts);
    return 0;
}

/* Runs one operation; the secrets are a NULL-terminated list. */
static void
gives(const char *service, enum pamtest_ops operation, int flags, int expected,
      const char *const *typed)
{
    struct pamtest_conv_data conversation = {secrets, NULL, shown_errors,
                                             shown_texts};
    struct pam_testcase test[] = {pam_test_flags(operation, expected, flags)};
    enum pamtest_err result;
    size_t count = 0;

    for (; typed[count] != NULL; count++)
        secrets[count] = typed[count];
    secrets[count] = NULL;
    result = run_pamtest(service, "alice", &conversation, test, NULL);
    if (result != PAMTEST_ERR_OK)
        print_error("%s: %s, gave %d\n", service, pamtest_strerror(result),
                    test[0].op_rv);
    assert_int_equal(result, PAMTEST_ERR_OK);
}

#define TYPED(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING ((const char *const[]){NULL})

static void
the_right_answer_is_success(void **state)
{
    (void)state;
    gives("ask", PAMTEST_AUTHENTICATE, 0, PAM_SUCCESS, TYPED("sesame"));
    assert_string_equal(texts[0], "Please tell me.");
}

static void
every_failure_is_one_code(void **state)
{
    (void)state;
    gives("ask", PAMTEST_AUTHENTICATE, 0, PAM_AUTH_ERR, TYPED("wrong"));
    gives("ask", PAMTEST_AUTHENTICATE, 0, PAM_AUTH_ERR, TYPED("a\nb"));
    gives("crash", PAMTEST_AUTHENTICATE, 0, PAM_AUTH_ERR, NOTHING);
    gives("allow", PAMTEST_ACCOUNT, 0, PAM_SUCCESS, NOTHING);
    gives("no", PAMTEST_ACCOUNT, 0, PAM_PERM_DENIED, NOTHING);
    assert_string_equal(errors[0], "Come back tomorrow.");
    gives("crash", PAMTEST_ACCOUNT, 0, PAM_PERM_DENIED, NOTHING);
    gives("missing", PAMTEST_AUTHENTICATE, 0, PAM_SERVICE_ERR, NOTHING);
    gives("nonsense", PAMTEST_ACCOUNT, 0, PAM_SERVICE_ERR, NOTHING);
}

static void
what_is_too_old_must_be_changed(void **state)
{
    (void)state;
    gives("old", PAMTEST_ACCOUNT, 0, PAM_NEW_AUTHTOK_REQD, NOTHING);
}

static void
a_sufficient_plugin_that_fails_leaves_it_to_the_next(void **state)
{
    (void)state;
    gives("sufficient", PAMTEST_AUTHENTICATE, 0, PAM_SUCCESS, TYPED("sesame"));
    /* pam_deny's own code, or ours, but no success */
    gives("sufficient", PAMTEST_AUTHENTICATE, 0, PAM_AUTH_ERR, TYPED("wrong"));
}

static void
remember_alone_lets_nobody_in(void **state)
{
    (void)state;
    gives("remember", PAMTEST_AUTHENTICATE, 0, PAM_PERM_DENIED, NOTHING);
}

static void
credentials_are_no_obstacle(void **state)
{
    struct pamtest_conv_data conversation = {secrets, NULL, shown_errors,
                                             shown_texts};
    struct pam_testcase all[] = {
        pam_test(PAMTEST_AUTHENTICATE, PAM_SUCCESS),
        pam_test(PAMTEST_SETCRED, PAM_SUCCESS),
    };

    (void)state;
    secrets[0] = "sesame";
    secrets[1] = NULL;
    assert_int_equal(run_pamtest("ask", "alice", &conversation, all, NULL),
                     PAMTEST_ERR_OK);
}

static void
a_change_is_asked_for_and_made(void **state)
{
    (void)state;
    /* root need not know the old one */
    if (getuid() == 0) {
        gives("change", PAMTEST_CHAUTHTOK, 0, PAM_SUCCESS,
              TYPED("fresh", "fresh"));
        gives("change", PAMTEST_CHAUTHTOK, 0, PAM_AUTHTOK_ERR,
              TYPED("weak", "weak", "weak", "weak", "weak", "weak"));
    } else {
        gives("change", PAMTEST_CHAUTHTOK, 0, PAM_SUCCESS,
              TYPED("old", "fresh", "fresh"));
        gives("change", PAMTEST_CHAUTHTOK, 0, PAM_AUTHTOK_ERR,
              TYPED("a", "weak", "weak", "b", "weak", "weak", "c", "weak",
                    "weak"));
    }
    assert_string_equal(errors[0], "BAD PASSWORD");
}

static void
sessions_are_not_our_business(void **state)
{
    (void)state;
    gives("session", PAMTEST_OPEN_SESSION, 0, PAM_MODULE_UNKNOWN, NOTHING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_right_answer_is_success, forget),
        cmocka_unit_test_setup(every_failure_is_one_code, forget),
        cmocka_unit_test_setup(what_is_too_old_must_be_changed, forget),
        cmocka_unit_test_setup(
            a_sufficient_plugin_that_fails_leaves_it_to_the_next, forget),
        cmocka_unit_test_setup(remember_alone_lets_nobody_in, forget),
        cmocka_unit_test_setup(credentials_are_no_obstacle, forget),
        cmocka_unit_test_setup(a_change_is_asked_for_and_made, forget),
        cmocka_unit_test_setup(sessions_are_not_our_business, forget),
    };

    return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
