/* Whether others could change a program: in a directory that plays the root,
 * so that it does not matter where the tests run, and as whom. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/posix/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], why[1024];

/* ------------------------------------------------------------- the world */

static const char *
full(const char *path)
{
    static char whole[512];

    (void)snprintf(whole, sizeof whole, "%s%s", root, path);
    return whole;
}

static void
directory(const char *path)
{
    assert_int_equal(mkdir(full(path), 0755), 0);
    assert_int_equal(chmod(full(path), 0755), 0);
}

static void
file(const char *path, const char *content)
{
    FILE *f = fopen(full(path), "w");

    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(full(path), 0755), 0);
}

static void
mode(const char *path, mode_t bits)
{
    assert_int_equal(chmod(full(path), bits), 0);
}

static void
points(const char *path, const char *target)
{
    assert_int_equal(symlink(target, full(path)), 0);
}

static int
set_up(void **state)
{
    (void)state;
    umask(0);
    (void)snprintf(root, sizeof root, "/tmp/authplug-trusted.XXXXXX");
    if (mkdtemp(root) == NULL || chmod(root, 0755) != 0)
        return -1;
    directory("/usr");
    directory("/usr/bin");
    directory("/opt");
    file("/usr/bin/plugin", "\177ELF");
    file("/usr/bin/perl", "\177ELF");
    file("/usr/bin/env", "\177ELF");
    file("/opt/script", "#!/usr/bin/perl -w\n");
    return 0;
}

static void
empty(int fd)
{
    DIR *here = fdopendir(fd);
    struct dirent *entry;

    assert_non_null(here);
    while ((entry = readdir(here)) != NULL) {
        int below;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below >= 0) {
            empty(below);
            assert_int_equal(unlinkat(fd, entry->d_name, AT_REMOVEDIR), 0);
        } else {
            assert_int_equal(unlinkat(fd, entry->d_name, 0), 0);
        }
    }
    closedir(here);
}

static int
tear_down(void **state)
{
    (void)state;
    empty(open(root, O_RDONLY | O_DIRECTORY));
    return rmdir(root);
}

/* --------------------------------------------------------- the questions */

static posix_trust
as_seen(void)
{
    posix_trust as = {root, "/usr/local/bin:/usr/bin", geteuid()};

    why[0] = 0;
    return as;
}

static authplug_status
ask(const char *path)
{
    posix_trust as = as_seen();

    return posix_trusted(&as, path, why, sizeof why);
}

/* A command of up to four words. */
static authplug_status
ask_program(const char *a, const char *b, const char *c, const char *d)
{
    const char *words[] = {a, b, c, d, NULL};
    posix_trust as = as_seen();

    return posix_trusted_program(&as, words, why, sizeof why);
}

static void
says(const char *text)
{
    if (strstr(why, text) == NULL)
        print_error("said: %s\n", why);
    assert_non_null(strstr(why, text));
}

static void
a_file_that_only_its_owner_can_change_is_trusted(void **state)
{
    (void)state;
    assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_OK);
    assert_int_equal(ask("/usr/bin"), AUTHPLUG_OK);
    assert_int_equal(ask("/"), AUTHPLUG_OK);
    assert_int_equal(ask("//usr/./bin/../bin//plugin"), AUTHPLUG_OK);
    assert_int_equal(ask("/../../usr/bin/plugin"), AUTHPLUG_OK);
    assert_int_equal(ask_program("/usr/bin/plugin", NULL, NULL, NULL),
                     AUTHPLUG_OK);
    assert_string_equal(why, "");
}

static void
each_way_to_be_writable_has_its_own_words(void **state)
{
    (void)state;
    mode("/usr/bin/plugin", 0775);
    assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
    says("/usr/bin/plugin can be written by its group: chmod g-w "
         "/usr/bin/plugin");
    mode("/usr/bin/plugin", 0757);
    assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
    says("/usr/bin/plugin can be written by everybody: chmod go-w "
         "/usr/bin/plugin");
}

static void
directories_above_count_up_to_the_root(void **state)
{
    (void)state;
    mode("/usr/bin", 0775);
    assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
    says("chmod g-w /usr/bin");
    mode("/usr/bin", 0755);
    mode("/usr", 0757);
    assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
    says("chmod go-w /usr");
    mode("/usr", 0755);
    mode("", 0777);
    assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
    says("/ can be written by everybody: chmod go-w /");
}

static void
a_sticky_directory_is_no_exception(void **state)
{
    (void)state;
    mode("/opt", 01777);
    assert_int_equal(ask("/opt/script"), AUTHPLUG_REFUSED);
    says("/opt can be written by others, as is its nature: use what lies "
         "elsewhere");
    mode("/opt", 01775);
    assert_int_equal(ask("/opt/script"), AUTHPLUG_REFUSED);
    says("use what lies elsewhere");
}

static void
a_stranger_may_not_own_anything_on_the_way(void **state)
{
    posix_trust as = as_seen();
    char expected[128];

    (void)state;
    if (geteuid() == 0) {
        assert_int_equal(chown(full("/usr/bin/plugin"), 4242, 0), 0);
        assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
        says("/usr/bin/plugin belongs to user 4242, not to root: chown root "
             "/usr/bin/plugin");
        assert_int_equal(chown(full("/usr/bin/plugin"), 0, 0), 0);
        assert_int_equal(chown(full("/usr"), 4242, 0), 0);
        assert_int_equal(ask("/usr/bin/plugin"), AUTHPLUG_REFUSED);
        says("chown root /usr");
        return;
    }
    as.owner++; /* then it is we who are strangers */
    (void)snprintf(expected, sizeof expected, "/ belongs to user %lu",
                   (unsigned long)geteuid());
    assert_int_equal(
        posix_trusted(&as, "/usr/bin/plugin", why, sizeof why),
        AUTHPLUG_REFUSED);
    says(expected);
}

static void
a_relative_path_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("plugin"), AUTHPLUG_REFUSED);
    says("plugin is not an absolute path");
    assert_int_equal(ask(""), AUTHPLUG_REFUSED);
}

static void
what_is_not_there_is_said_to_be_missing(void **state)
{
    (void)state;
    assert_int_equal(ask("/usr/bin/missing"), AUTHPLUG_NOT_FOUND);
    says("/usr/bin/missing: No such file");
    assert_int_equal(ask("/usr/missing/plugin"), AUTHPLUG_NOT_FOUND);
    says("/usr/missing: No such file");
    assert_int_equal(ask("/usr/bin/plugin/x"), AUTHPLUG_NOT_FOUND);
    says("/usr/bin/plugin is not a directory");
}

static void
links_are_followed_and_what_they_lead_through_counts(void **state)
{
    (void)state;
    points("/bin", "usr/bin");
    points("/usr/bin/absolute", "/opt/script");
    points("/usr/bin/upwards", "../../opt/script");
    assert_int_equal(ask("/bin/plugin"), AUTHPLUG_OK);
    assert_int_equal(ask("/bin/absolute"), AUTHPLUG_OK);
    assert_int_equal(ask("/bin/upwards"), AUTHPLUG_OK);
    mode("/opt", 0777);
    assert_int_equal(ask("/bin/plugin"), AUTHPLUG_OK);
    assert_int_equal(ask("/bin/absolute"), AUTHPLUG_REFUSED);
    says("chmod go-w /opt");
    assert_int_equal(ask("/bin/upwards"), AUTHPLUG_REFUSED);
    says("chmod go-w /opt");
}

static void
links_in_a_circle_come_to_an_end(void **state)
{
    (void)state;
    points("/usr/bin/a", "b");
    points("/usr/bin/b", "a");
    assert_int_equal(ask("/usr/bin/a"), AUTHPLUG_REFUSED);
    says("/usr/bin/a has too many links");
}

static void
endless_paths_are_refused(void **state)
{
    char path[6000];

    (void)state;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[1000] = 0;
    assert_int_equal(ask(path), AUTHPLUG_NOT_FOUND);
    says("too long");
    path[1000] = '/';
    path[sizeof path - 1] = 0;
    assert_int_equal(ask(path), AUTHPLUG_REFUSED);
    says("too long");
}

static void
a_program_is_a_file(void **state)
{
    (void)state;
    assert_int_equal(ask_program("/usr/bin", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("/usr/bin is not a file");
    assert_int_equal(mkfifo(full("/usr/bin/fifo"), 0755), 0);
    assert_int_equal(ask_program("/usr/bin/fifo", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("/usr/bin/fifo is not a file");
    mode("/usr/bin/fifo", 0666);
    assert_int_equal(ask_program("/usr/bin/fifo", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("use what lies elsewhere");
}

static void
the_interpreter_of_a_script_counts(void **state)
{
    (void)state;
    assert_int_equal(ask_program("/opt/script", NULL, NULL, NULL), AUTHPLUG_OK);
    mode("/usr/bin/perl", 0775);
    assert_int_equal(ask_program("/opt/script", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("chmod g-w /usr/bin/perl");
    file("/opt/relative", "#!perl\n");
    assert_int_equal(ask_program("/opt/relative", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("perl is not an absolute path");
}

static void
a_script_behind_an_interpreter_counts(void **state)
{
    (void)state;
    assert_int_equal(ask_program("/usr/bin/perl", "-w", "/opt/script", NULL),
                     AUTHPLUG_OK);
    mode("/opt/script", 0757);
    assert_int_equal(ask_program("/usr/bin/perl", "-w", "/opt/script", NULL),
                     AUTHPLUG_REFUSED);
    says("chmod go-w /opt/script");
    points("/usr/bin/mine", "perl");
    assert_int_equal(ask_program("/usr/bin/mine", "/opt/script", NULL, NULL),
                     AUTHPLUG_REFUSED);
    file("/usr/bin/python3.11", "\177ELF");
    assert_int_equal(
        ask_program("/usr/bin/python3.11", "/opt/script", NULL, NULL),
        AUTHPLUG_REFUSED);
    /* to other programs it is data, and theirs to judge */
    assert_int_equal(ask_program("/usr/bin/plugin", "/opt/script", NULL, NULL),
                     AUTHPLUG_OK);
}

static void
a_word_behind_an_interpreter_counts_from_the_root(void **state)
{
    char long_word[1000];

    (void)state;
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = 0;
    assert_int_equal(ask_program("/usr/bin/perl", "-e", long_word, "print 1/2"),
                     AUTHPLUG_OK);
    assert_int_equal(
        ask_program("/usr/bin/perl", "opt/script", "missing/x", "/dev/null"),
        AUTHPLUG_OK);
    mode("/opt/script", 0757);
    assert_int_equal(ask_program("/usr/bin/perl", "opt/script", NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("chmod go-w /opt/script");
    assert_int_equal(
        ask_program("/usr/bin/perl", "x", "./usr/../opt/script", NULL),
        AUTHPLUG_REFUSED);
}

static void
what_a_wrapper_runs_counts(void **state)
{
    static const char *const names[] = {
        "timeout", "nice",    "nohup",   "setsid", "stdbuf", "flock",
        "sudo",    "runuser", "setpriv", "chroot", "fish",   "csh",
        "tcsh",    "nodejs",  "make",
    };
    char path[64], line[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "/usr/bin/%s", names[i]);
        file(path, "\177ELF");
        (void)snprintf(line, sizeof line, "#!%s -x opt/script\n", path);
        file("/opt/wrapped", line);
        assert_int_equal(ask_program(path, "5", "/opt/script", NULL),
                         AUTHPLUG_OK);
        mode("/opt/script", 0757);
        assert_int_equal(ask_program(path, "5", "/opt/script", NULL),
                         AUTHPLUG_REFUSED);
        says("chmod go-w /opt/script");
        assert_int_equal(ask_program("/opt/wrapped", NULL, NULL, NULL),
                         AUTHPLUG_REFUSED);
        says("chmod go-w /opt/script");
        mode("/opt/script", 0755);
    }
    /* and so does what that is interpreted by */
    mode("/usr/bin/perl", 0775);
    assert_int_equal(
        ask_program("/usr/bin/timeout", "5", "/opt/script", NULL),
        AUTHPLUG_REFUSED);
    says("chmod g-w /usr/bin/perl");
}

static void
a_first_line_of_windows_is_named(void **state)
{
    (void)state;
    file("/opt/windows", "#!/usr/bin/perl -w\r\nprint\r\n");
    assert_int_equal(ask_program("/opt/windows", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("the first line of /opt/windows ends in a carriage return");
}

static void
what_env_finds_counts(void **state)
{
    (void)state;
    file("/opt/by_name", "#!/usr/bin/env perl\n");
    file("/opt/split", "#!/usr/bin/env -S perl -w\n");
    file("/opt/option", "#!/usr/bin/env -i perl\n");
    file("/opt/unknown", "#!/usr/bin/env ruby\n");
    assert_int_equal(ask_program("/opt/by_name", NULL, NULL, NULL),
                     AUTHPLUG_OK);
    assert_int_equal(ask_program("/opt/split", NULL, NULL, NULL), AUTHPLUG_OK);
    assert_int_equal(ask_program("/opt/option", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("name it by its path");
    assert_int_equal(ask_program("/opt/unknown", NULL, NULL, NULL),
                     AUTHPLUG_NOT_FOUND);
    says("env would not find ruby");
    mode("/usr/bin/perl", 0775);
    assert_int_equal(ask_program("/opt/by_name", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("chmod g-w /usr/bin/perl");
    assert_int_equal(
        ask_program("/usr/bin/env", "perl", "/opt/script", NULL),
        AUTHPLUG_REFUSED);
    mode("/usr/bin/perl", 0755);
    directory("/usr/local");
    directory("/usr/local/bin");
    mode("/usr/local/bin", 0775);
    assert_int_equal(ask_program("/opt/by_name", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("chmod g-w /usr/local/bin");
}

static void
scripts_that_run_each_other_come_to_an_end(void **state)
{
    (void)state;
    file("/opt/a", "#!/opt/b\n");
    file("/opt/b", "#!/opt/a\n");
    assert_int_equal(ask_program("/opt/a", NULL, NULL, NULL),
                     AUTHPLUG_REFUSED);
    says("more than five deep");
    file("/opt/none", "#!\n");
    assert_int_equal(ask_program("/opt/none", NULL, NULL, NULL), AUTHPLUG_OK);
    file("/opt/empty", "");
    assert_int_equal(ask_program("/opt/empty", NULL, NULL, NULL), AUTHPLUG_OK);
}

static void
no_descriptor_is_left_open(void **state)
{
    int before = open("/dev/null", O_RDONLY), after;

    close(before);
    each_way_to_be_writable_has_its_own_words(state);
    mode("/usr/bin/plugin", 0755);
    links_are_followed_and_what_they_lead_through_counts(state);
    mode("/opt", 0755);
    links_in_a_circle_come_to_an_end(state);
    scripts_that_run_each_other_come_to_an_end(state);
    after = open("/dev/null", O_RDONLY);
    close(after);
    assert_int_equal(before, after);
}

static void
the_real_root_is_walked(void **state)
{
    const char *words[] = {"/bin/sh", NULL};
    struct stat is;

    (void)state;
    assert_int_equal(io_trusted("/bin/sh", why, sizeof why), AUTHPLUG_OK);
    assert_int_equal(io_trusted_program(words, why, sizeof why),
                     AUTHPLUG_OK);
    assert_int_equal(stat("/tmp", &is), 0);
    if ((is.st_mode & S_IWOTH) != 0) {
        assert_int_equal(io_trusted(full("/usr/bin/plugin"), why, sizeof why),
                         AUTHPLUG_REFUSED);
        says("/tmp can be written by ");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_only_its_owner_can_change_is_trusted),
        TEST(each_way_to_be_writable_has_its_own_words),
        TEST(directories_above_count_up_to_the_root),
        TEST(a_sticky_directory_is_no_exception),
        TEST(a_stranger_may_not_own_anything_on_the_way),
        TEST(a_relative_path_is_refused),
        TEST(what_is_not_there_is_said_to_be_missing),
        TEST(links_are_followed_and_what_they_lead_through_counts),
        TEST(links_in_a_circle_come_to_an_end),
        TEST(endless_paths_are_refused),
        TEST(a_program_is_a_file),
        TEST(the_interpreter_of_a_script_counts),
        TEST(a_script_behind_an_interpreter_counts),
        TEST(a_word_behind_an_interpreter_counts_from_the_root),
        TEST(what_a_wrapper_runs_counts),
        TEST(a_first_line_of_windows_is_named),
        TEST(what_env_finds_counts),
        TEST(scripts_that_run_each_other_come_to_an_end),
        TEST(no_descriptor_is_left_open),
        TEST(the_real_root_is_walked),
    };

    return cmocka_run_group_tests_name("what others could change", tests, NULL,
                                       NULL);
}
