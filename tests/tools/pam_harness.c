/*
 * pam_harness - a program that uses PAM, as unpleasant as programs get.
 *
 *     pam_harness -c DIRECTORY [OPTION...] SERVICE USER STEP...
 *
 * takes the stack from DIRECTORY/SERVICE and does the steps: auth, account,
 * password, credentials. Prints what the user sees ("text|", "error|", "echo|"
 * and "secret|" with the prompt), and of each step the name, what it gave, and
 * how long it took, from the last answer on if there was one. In the end it
 * says whether anything of the process has changed, and without threads how many
 * bytes the second half of the logins have left behind.
 *
 *   -a ANSWER     to the next prompt (\n in it is a line end); when none is
 *                 left the user has gone
 *   -d MS         the user thinks so long
 *   -r NAME       PAM_RHOST
 *   -e NAME=VALUE into PAM's environment
 *   -f FLAG       silent, no-null or expired
 *   -g            when no answer is left, those there are are given nevertheless
 *   -i NAME       while it asks, the program makes this PAM_USER and PAM_RHOST
 *   -m            memory runs out: at the first allocation within the steps,
 *                 then at the second, and so on, with a handle for each; says
 *                 how often all steps succeeded nevertheless (malloc_shim.so
 *                 is preloaded)
 *   -n N          the steps N times over, with a handle for each
 *   -w N          in N threads
 *   -u UID        as a program that is setuid root, started by this user
 *   -s WAY        ignore, nowait: SIGCHLD; thief: a handler and a thread that
 *                 reap every child; grabber: clones, too; closed: no standard
 *                 descriptors; leaky: descriptors that children inherit; rude:
 *                 SIGPIPE ignored, signals blocked, umask 0
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <security/pam_appl.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define ANSWERS 256

/* What the command line says. */
static struct {
    const char *answers[ANSWERS], *rhost, *environment, *impostor;
    int count, repeat, threads, flags;
    long think_ms;
    bool starve, gives_and_fails;
    const char *directory, *service, *user;
    char **steps;
} want = {.repeat = 1};

/* One login. */
typedef struct login {
    pam_handle_t *pamh;
    int next;
    double since;
} login;

static FILE *out;

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void
pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* ---------------------------------------------------------------- the user */

static char *
answer(login *l)
{
    const char *from;
    char *made, *to;

    if (l->next >= want.count)
        return NULL;
    from = want.answers[l->next++];
    made = to = malloc(strlen(from) + 1);
    for (; made != NULL && *from != 0; from++) {
        if (from[0] == '\\' && from[1] == 'n') {
            *to++ = '\n';
            from++;
        } else {
            *to++ = *from;
        }
    }
    if (made != NULL)
        *to = 0;
    return made;
}

static int
converse(int count, const struct pam_message **messages,
         struct pam_response **responses, void *data)
{
    static const char *const styles[] = {
        [PAM_PROMPT_ECHO_OFF] = "secret",
        [PAM_PROMPT_ECHO_ON] = "echo",
        [PAM_ERROR_MSG] = "error",
        [PAM_TEXT_INFO] = "text",
    };
    struct pam_response *made = calloc((size_t)count, sizeof *made);
    login *l = data;

    if (made == NULL)
        return PAM_BUF_ERR;
    fprintf(out, "conversation of %d\n", count);
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;

        fprintf(out, "%s|%s|\n", styles[style], messages[i]->msg);
        if (style == PAM_ERROR_MSG || style == PAM_TEXT_INFO)
            continue;
        if (want.think_ms > 0)
            pause_ms(want.think_ms);
        if (want.impostor != NULL) {
            pam_set_item(l->pamh, PAM_USER, want.impostor);
            pam_set_item(l->pamh, PAM_RHOST, want.impostor);
        }
        made[i].resp = answer(l);
        if (made[i].resp == NULL && want.gives_and_fails) {
            *responses = made;
            return PAM_CONV_ERR;
        }
        if (made[i].resp == NULL) {
            for (int k = 0; k < i; k++)
                free(made[k].resp);
            free(made);
            return PAM_CONV_ERR;
        }
        l->since = now();
    }
    *responses = made;
    return PAM_SUCCESS;
}

/* --------------------------------------------------------------- the program */

static int
step(login *l, const char *name)
{
    if (strcmp(name, "auth") == 0)
        return pam_authenticate(l->pamh, want.flags & ~PAM_CHANGE_EXPIRED_AUTHTOK);
    if (strcmp(name, "account") == 0)
        return pam_acct_mgmt(l->pamh, want.flags & PAM_SILENT);
    if (strcmp(name, "password") == 0)
        return pam_chauthtok(l->pamh, want.flags & ~PAM_DISALLOW_NULL_AUTHTOK);
    if (strcmp(name, "credentials") == 0)
        return pam_setcred(l->pamh, PAM_ESTABLISH_CRED);
    fprintf(stderr, "pam_harness: no step %s\n", name);
    exit(2);
}

/* malloc_shim.c's, where it is preloaded. */
extern void malloc_shim_arm(long n) __attribute__((weak));
extern bool malloc_shim_disarm(void) __attribute__((weak));

/* With memory that runs out at the nth allocation, unless n is 0. *ran_out
 * tells whether there were as many. */
static int
one_login(long starve_at, bool *ran_out)
{
    login l = {0};
    struct pam_conv conv = {converse, &l};
    int code = pam_start_confdir(want.service, want.user, &conv,
                                 want.directory, &l.pamh);

    *ran_out = false;
    if (code != PAM_SUCCESS)
        return code;
    if (want.rhost != NULL)
        pam_set_item(l.pamh, PAM_RHOST, want.rhost);
    if (want.environment != NULL)
        pam_putenv(l.pamh, want.environment);
    if (starve_at > 0)
        malloc_shim_arm(starve_at);
    for (char **name = want.steps; *name != NULL; name++) {
        l.since = now();
        code = step(&l, *name);
        fprintf(out, "%s: %s after %.1f ms\n", *name,
                pam_strerror(l.pamh, code), now() - l.since);
        fflush(out);
        if (code != PAM_SUCCESS && code != PAM_NEW_AUTHTOK_REQD)
            break;
    }
    if (starve_at > 0)
        *ran_out = malloc_shim_disarm();
    pam_end(l.pamh, code);
    return code;
}

static void *
all_logins(void *data)
{
    int code = PAM_SUCCESS;
    size_t half = 0;
    bool ran_out;

    for (int i = 0; i < want.repeat; i++) {
        if (i == want.repeat / 2)
            half = mallinfo2().uordblks;
        code = one_login(0, &ran_out);
    }
    if (want.threads == 0)
        fprintf(out, "left: %ld bytes\n",
                (long)(mallinfo2().uordblks - half));
    *(int *)data = code;
    return NULL;
}

static int
all_starved_logins(void)
{
    int let_in = 0, code;
    bool ran_out = true;
    long n = 0;

    while (ran_out) {
        code = one_login(++n, &ran_out);
        let_in += ran_out && code == PAM_SUCCESS;
    }
    fprintf(out, "memory ran out %ld times, and let %d in\n", n - 1, let_in);
    return code;
}

/* --------------------------------------------------- what must not change */

typedef struct snapshot {
    struct sigaction actions[65];
    sigset_t mask;
    mode_t mask_of_files;
    char directory[4096], descriptors[4096];
    char **environment;
    size_t variables;
} snapshot;

static void
list_descriptors(char *to, size_t size)
{
    DIR *open_ones = opendir("/proc/self/fd");
    struct dirent *entry;
    bool there[1024] = {false};

    while ((entry = readdir(open_ones)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (entry->d_name[0] != '.' && fd != dirfd(open_ones) && fd < 1024)
            there[fd] = true;
    }
    closedir(open_ones);
    *to = 0;
    for (int fd = 0; fd < 1024; fd++)
        if (there[fd])
            (void)snprintf(to + strlen(to), size - strlen(to), " %d", fd);
}

static void
take(snapshot *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 1; i < 65; i++)
        (void)sigaction(i, NULL, &s->actions[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    s->mask_of_files = umask(0);
    umask(s->mask_of_files);
    if (getcwd(s->directory, sizeof s->directory) == NULL)
        s->directory[0] = 0;
    list_descriptors(s->descriptors, sizeof s->descriptors);
    s->environment = environ;
    while (environ != NULL && environ[s->variables] != NULL)
        s->variables++;
}

static void
compare(const snapshot *a, const snapshot *b)
{
    bool same = true;

    for (int i = 1; i < 65; i++)
        if (a->actions[i].sa_handler != b->actions[i].sa_handler ||
            a->actions[i].sa_flags != b->actions[i].sa_flags) {
            fprintf(out, "changed: signal %d\n", i);
            same = false;
        }
    for (int i = 1; i < 65; i++)
        if (sigismember(&a->mask, i) != sigismember(&b->mask, i)) {
            fprintf(out, "changed: the signal mask\n");
            same = false;
        }
    if (a->mask_of_files != b->mask_of_files ||
        strcmp(a->directory, b->directory) != 0) {
        fprintf(out, "changed: umask or directory\n");
        same = false;
    }
    if (strcmp(a->descriptors, b->descriptors) != 0) {
        fprintf(out, "changed: descriptors%s, now%s\n", a->descriptors,
                b->descriptors);
        same = false;
    }
    if (a->environment != b->environment || a->variables != b->variables) {
        fprintf(out, "changed: the environment\n");
        same = false;
    }
    if (same)
        fprintf(out, "the process is unchanged\n");
}

/* ----------------------------------------------------------- unpleasantness */

static void
reap(int number)
{
    int error = errno;

    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = error;
}

static void *
reap_always(void *options)
{
    for (;;) {
        if (waitpid(-1, NULL, *(const int *)options) < 0)
            pause_ms(1);
    }
    return NULL;
}

static void
steal(int options)
{
    static int kept;
    struct sigaction action = {.sa_handler = reap, .sa_flags = SA_RESTART};
    pthread_t thief;

    kept = options;
    sigaction(SIGCHLD, &action, NULL);
    pthread_create(&thief, NULL, reap_always, &kept);
    pthread_detach(thief);
}

static void
be(const char *way)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigset_t some;

    if (strcmp(way, "ignore") == 0) {
        sigaction(SIGCHLD, &action, NULL);
    } else if (strcmp(way, "nowait") == 0) {
        action.sa_handler = SIG_DFL;
        action.sa_flags = SA_NOCLDWAIT;
        sigaction(SIGCHLD, &action, NULL);
    } else if (strcmp(way, "thief") == 0) {
        steal(0);
    } else if (strcmp(way, "grabber") == 0) {
        steal(__WALL);
    } else if (strcmp(way, "closed") == 0) {
        int fd = fcntl(fileno(out), F_DUPFD, 10);

        out = fdopen(fd, "w");
        close(0);
        close(1);
        close(2);
    } else if (strcmp(way, "leaky") == 0) {
        for (int i = 0; i < 50; i++)
            (void)!open("/dev/null", O_RDWR);
    } else if (strcmp(way, "rude") == 0) {
        sigaction(SIGPIPE, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigfillset(&some);
        pthread_sigmask(SIG_BLOCK, &some, NULL);
        umask(0);
    } else {
        fprintf(stderr, "pam_harness: no way %s\n", way);
        exit(2);
    }
}

static void
take_flag(const char *name)
{
    if (strcmp(name, "silent") == 0)
        want.flags |= PAM_SILENT;
    else if (strcmp(name, "no-null") == 0)
        want.flags |= PAM_DISALLOW_NULL_AUTHTOK;
    else if (strcmp(name, "expired") == 0)
        want.flags |= PAM_CHANGE_EXPIRED_AUTHTOK;
    else
        exit(2);
}

static void
take_options(int argc, char **argv)
{
    const char *ways[8];
    int option, count = 0;
    uid_t uid = 0;

    while ((option = getopt(argc, argv, "+a:c:d:e:f:gi:mn:r:s:u:w:")) != -1) {
        switch (option) {
        case 'a':
            want.answers[want.count++] = optarg;
            break;
        case 'c':
            want.directory = optarg;
            break;
        case 'd':
            want.think_ms = strtol(optarg, NULL, 10);
            break;
        case 'e':
            want.environment = optarg;
            break;
        case 'f':
            take_flag(optarg);
            break;
        case 'g':
            want.gives_and_fails = true;
            break;
        case 'i':
            want.impostor = optarg;
            break;
        case 'm':
            want.starve = malloc_shim_arm != NULL;
            break;
        case 'n':
            want.repeat = (int)strtol(optarg, NULL, 10);
            break;
        case 'r':
            want.rhost = optarg;
            break;
        case 's':
            ways[count++] = optarg;
            break;
        case 'u':
            uid = (uid_t)strtoul(optarg, NULL, 10);
            break;
        case 'w':
            want.threads = (int)strtol(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind < 3 || want.directory == NULL)
        exit(2);
    want.service = argv[optind];
    want.user = argv[optind + 1];
    want.steps = argv + optind + 2;
    for (int i = 0; i < count; i++)
        be(ways[i]);
    if (uid != 0 && setresuid(uid, 0, 0) != 0) {
        perror("pam_harness: setresuid");
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    pthread_t threads[64];
    int codes[64] = {0};
    snapshot before, after;

    out = stdout;
    take_options(argc, argv);
    if (want.threads > 64)
        return 2;
    take(&before);
    if (want.starve)
        codes[0] = all_starved_logins();
    else if (want.threads == 0)
        all_logins(&codes[0]);
    for (int i = 0; i < want.threads; i++)
        pthread_create(&threads[i], NULL, all_logins, &codes[i]);
    for (int i = 0; i < want.threads; i++) {
        pthread_join(threads[i], NULL);
        codes[0] = codes[0] != 0 ? codes[0] : codes[i];
    }
    take(&after);
    compare(&before, &after);
    fflush(out);
    return codes[0] == PAM_SUCCESS ? 0 : 1;
}
