/*
 * client/client.h - an SSH client's end: from the command line to an
 * authenticated libssh session. What each file offers the others.
 *
 *   args.c     the command line, as stock ssh reads it, and what is ours in it
 *   words.c    how stock ssh reads one (words.h)
 *   way.c      what is taken from that of the ssh above us
 *   config.c   what `ssh -G` says applies to the target
 *   program.c  running stock OpenSSH's programs for an answer (program.h)
 *   settings.c authplug's own configuration (settings.h)
 *   settings_file.c  its files, if nobody else decides what they say
 *   settle.c   what that adds to the command line
 *   ciphers.c  which ciphers come first
 *   connect.c  a connected socket, however the target is reached
 *   relay.c    a pump between a loopback IPv4 socket and another
 *   known.c    what the known_hosts files say of a host
 *   hostkey.c  whether the server's key is the right one
 *   tap.c      the exact bytes of authentication packets
 *   login.c    a login from beginning to end, and its deadline
 *   auth.c     authentication methods in their order
 *   methods.c  each method
 *   session.c  stock ssh runs the session through what was authenticated
 *   master.c   the process that serves the connection to it
 *   standing.c connections that stand already (standing.h)
 *   guard.c    no secret in core files and freed memory
 *   above.c    the ssh on whose behalf we run (above.h)
 *   mux*.c     the ControlMaster protocol that it runs it through (mux.h)
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <authplug/putty_host.h>
#include <authplug/secret.h>
#include <authplug/wire.h>

#include "client/program.h"
#include "io/capture.h"
#include "io/io.h"

#include <libssh/libssh.h>

/* Which of the commands this is, for what it says. */
extern const char *client_program;
#define PROGRAM client_program

/* The exit status where the watchdog ends a login, which it cannot return. */
extern int client_given_up;

/* ------------------------------------------------------------- args.c */

/* "-t", or "-p" and its value. */
typedef struct ssh_option {
    char name[3];
    const char *value; /* NULL for a flag */
    bool connection;   /* says how to reach the server: not for a session */
} ssh_option;

typedef struct ssh_args {
    bool connect;        /* of `authplug connect`: no command is run */
    bool foreground, if_needed; /* its options */
    const char *plugin;  /* --plugin, else AUTHPLUG_PLUGIN, else NULL */
    bool plugin_given;   /* by one of them, if only that there is none */
    char **plugin_words; /* its words, where no shell may have them */
    bool batch;          /* --batch */
    int timeout_ms;      /* --timeout */
    bool timeout_given;
    struct settings *settings; /* what of the above the files say, or NULL */
    int verbose;         /* number of -v */
    bool quiet;          /* -q */
    bool tunnel;         /* -w */
    bool stdio_forward;  /* -W */
    bool asks;           /* -G, -Q, -V: nothing to log in for */
    const char *control; /* -O: what to tell a connection, or NULL */
    bool help, version;
    const char *host;    /* as given: [user@]host, or ssh:// */
    const char *user;    /* who logs in whatever the others say, or NULL */
    ssh_option *options; /* stock ssh's, one by one, in order */
    size_t count;
    char **command; /* the remote command's words; NULL ends */
    size_t words;
    /* what args_take_way() saw: that the ssh above names the place, and a
     * ProxyJump or ProxyCommand; that our own words name one */
    bool path_taken, proxy_asked, proxy_own;
} ssh_args;

/* False after saying why. Pointers are into argv; .connect says whose it is. */
bool args_parse(ssh_args *args, int argc, char **argv);

/*
 * Takes over what the ssh for which we run was told of the way to the server,
 * as far as our own words do not say it: -F, -J, -b, HostName, HostKeyAlias;
 * and where it looks for the connection, whatever ours say. Pointers are into
 * words. False after saying why.
 */
bool args_take_way(ssh_args *args, int count, char **words);
/* Forgets -S and ControlPath of the command line. */
void args_drop_path(ssh_args *args);

/* What -S or ControlPath on the command line says, or NULL. */
const char *args_control_path(const ssh_args *args);
/* Whether they say that there is none. */
bool args_alone(const ssh_args *args);

void args_free(ssh_args *args);

/* What args_build() takes along besides the options for a session: all
 * options, the command, what --batch means to stock ssh. */
enum { ARGS_ALL_OPTIONS = 1, ARGS_COMMAND = 2, ARGS_BATCH = 4 };

/*
 * Builds an argv: `first` (NULL-terminated), stock ssh's options, "--", the
 * host, the command. NULL when out of memory; free() it, not its words.
 */
const char **args_build(const ssh_args *args, const char *const *first,
                        unsigned which);

/* ------------------------------------------------------------- config.c */

#define FILES_MAX 32
#define IDENTITIES_MAX 32

/* Strings are owned; NULL where ssh has none. */
typedef struct ssh_config {
    char *hostname, *user, *hostkeyalias, *proxycommand, *proxyjump;
    char *knownhostscommand, *loglevel;
    char *original; /* the host as given on the command line */
    char *addressfamily, *bindaddress, *preferred, *identityagent;
    char *stricthostkeychecking, *revokedhostkeys, *fingerprinthash;
    char *certificatefile; /* of several any */
    char *ciphers, *macs, *kexalgorithms, *hostkeyalgorithms;
    char *pubkeyalgorithms;
    char *controlpath, *controlmaster, *controlpersist, *forwardagent;
    char *sessiontype;
    char *agent; /* the socket of the agent that is forwarded, or NULL */
    char *user_known_hosts[FILES_MAX], *global_known_hosts[FILES_MAX];
    char *identities[IDENTITIES_MAX];
    uint32_t port;
    int connecttimeout; /* seconds; 0 is none */
    int aliveinterval;  /* the same */
    int alivecount;
    int prompts;        /* NumberOfPasswordPrompts */
    bool batchmode, pubkey, password, kbdint, identitiesonly, hashknownhosts;
    bool compression, no_host_authentication_for_localhost;
    bool tcpkeepalive, proxyusefdpass;
    bool quiet; /* -q, or a LogLevel below INFO */
    bool forwards; /* some are configured */
    bool exit_on_forward_failure;
    bool fork_after_authentication;
} ssh_config;

/* Asks `ssh -G`. False after saying why. */
bool config_resolve(ssh_config *config, const ssh_args *args,
                    int64_t deadline);
void config_free(ssh_config *config);

/* The pattern with %-tokens, and where it is a path "~/" and "${NAME}" too,
 * expanded; owned by the caller. NULL after saying why. */
char *config_expand(const ssh_config *config, const char *pattern, bool path);

/* The name and port under which the host key is kept: hostkeyalias without a
 * port, else the host, with the port where it is not 22. Owned by caller. */
char *config_key_name(const ssh_config *config);

/* ------------------------------------------------------------- settle.c */

/* Fills in what the command line leaves open. False after saying why: the files
 * are wrong, or allow no such plugin. */
bool args_settle(ssh_args *args, const ssh_config *config);

/* ------------------------------------------------------------ connect.c */

/*
 * A connected IPv4 socket for libssh: direct, or the loopback end of a relay
 * or a proxy, which outlives this process and its terminal if the connection
 * stays. -1 after saying why.
 */
int connect_target(const ssh_config *config, const ssh_args *args, bool stays,
                   int64_t deadline);

/* Whether the connection goes straight to a loopback address. */
bool connect_is_local(void);

/* Ends a proxy command that does not end by itself. */
void connect_abandon(void);
/* What it takes for that in a process that is forked later, or -1. */
int connect_proxy_fd(void);

/* relay.c: two ends of a connected loopback IPv4 socket. False: errno. */
bool relay_pair(int ends[2]);
/* A process that copies both ways until both ends closed. -1: errno. */
int relay_start(int inner, int outer);
/* A standard error for a process that outlives this one: what is written there
 * goes to ours, and to nowhere once this process has gone. -1: errno. */
int relay_errors(void);

/* -------------------------------------------------------------- known.c */

typedef struct known_key {
    char *file;  /* where */
    char *type;  /* "ssh-ed25519" */
    char *blob;  /* base64 */
    unsigned line;
    bool revoked, authority; /* markers */
} known_key;

typedef struct known_keys {
    known_key *keys;
    size_t count;
} known_keys;

/* Everything that the known_hosts files say of name. False after saying. */
bool known_load(known_keys *known, const ssh_config *config, const char *name,
                int64_t deadline);
void known_free(known_keys *known);

/* The host key algorithms to offer: those of keys known for the host first.
 * Owned by the caller; NULL when out of memory. */
char *known_order(const known_keys *known, const char *algorithms);

/* ------------------------------------------------------------ hostkey.c */

typedef enum hostkey_verdict {
    HOSTKEY_ACCEPTED,
    HOSTKEY_NO_PASSWORDS, /* differs, checking is off: as OpenSSH, no secrets */
    HOSTKEY_STOCK,        /* known by certificate authority: not for libssh */
    HOSTKEY_REFUSED
} hostkey_verdict;

/* Checks the session's host key; says why it refuses. */
hostkey_verdict hostkey_check(ssh_session session, const ssh_config *config,
                              const known_keys *known, const char *name,
                              bool batch, int64_t deadline);

/* ---------------------------------------------------------------- tap.c */

/*
 * libssh keeps neither the language tag nor what follows a NUL, and not the
 * request at all when it cannot handle it. Its packet capture holds every
 * decrypted payload, of which this reads the authentication ones.
 */
struct tap;

/* NULL: out of memory or not to be had. The session's socket is AF_INET. */
struct tap *tap_open(ssh_session session);
/* The same, with replies to global requests. */
struct tap *tap_open_replies(ssh_session session);
/* The next packet that passed. */
bool tap_next(struct tap *tap, capture_packet *packet);
/* Wipes what was captured and stops capturing. */
void tap_close(struct tap **tap);

/* -------------------------------------------------------------- login.c */

/* What a request asked for. Message 60 is another one to each method: PK_OK,
 * PASSWD_CHANGEREQ, INFO_REQUEST (RFC 4252 sections 7 and 8, RFC 4256). */
typedef enum auth_asked {
    ASKED_NOTHING, /* nothing, or it was answered */
    ASKED_KBDINT,
    ASKED_PASSWORD,
    ASKED_OTHER
} auth_asked;

struct login {
    const ssh_args *args;
    ssh_config config;
    char *key_name;
    ssh_session session;
    struct tap *tap;
    authplug_putty_host *plugin; /* NULL: none, or it refused */
    const char *user;            /* who logs in */
    bool batch;
    bool stays; /* the connection outlives this process */
    bool no_passwords; /* the host key differs */
    int64_t deadline;
    authplug_limits limits;
    /* what the server said last, from the struct tap */
    authplug_secret *request;  /* body of an INFO_REQUEST or CHANGEREQ */
    authplug_secret *response; /* body of our INFO_RESPONSE */
    authplug_secret *methods;  /* name-list of the last FAILURE */
    auth_asked asked;  /* by what we sent last */
    bool have_request; /* an INFO_REQUEST came */
    bool have_change;  /* a CHANGEREQ did */
    bool partial;
    bool answers_refused; /* those of the plugin */
    bool stock_key;       /* there is one that only stock ssh can use */
    unsigned banners;     /* shown so far */
    bool said; /* the reason of a failure was told */
};

typedef enum login_end {
    LOGIN_DONE,
    LOGIN_FAILED, /* the reason was told */
    LOGIN_STOCK   /* stock ssh can do what we cannot */
} login_end;

/* Learns what applies to the target, and fills in what the command line left
 * open. False after saying why. */
bool login_prepare(struct login *login, ssh_args *args);
/* Connects and authenticates. */
login_end login_run(struct login *login);
void login_free(struct login *login);

/* Tells, once, why it fails. Always false. */
IO_PRINTF(2, 3)
bool login_fail(struct login *login, const char *format, ...);

/* The same for what the plugin's host reported. */
bool login_plugin_failed(struct login *login, authplug_status status);

/* What libssh last complained of, marked as not our words. */
void login_tell_library(const struct login *login);

/* A line with -v. */
IO_PRINTF(2, 3)
void login_debug(const struct login *login, const char *format, ...);

/* Whether the connection is; says so if not. */
bool login_alive(struct login *login);

/*
 * After a libssh call that said AGAIN: waits for the server. False when there
 * is no sense in waiting: deadline, signal, dead connection.
 */
bool login_wait(struct login *login);

/* Reads what passed since the last time. */
void login_read_tap(struct login *login);

/* ------------------------------------------------------------- ciphers.c */

/* The ciphers in the order in which they are offered: where nobody chose one
 * and the processor does AES-GCM by itself, that comes first. */
const char *ciphers_order(const char *configured);

/* --------------------------------------------------------------- guard.c */

/* Until the end, neither a core file nor freed memory keeps a password. */
void guard_begin(void);
void guard_end(void);

/* -------------------------------------------------------------- master.c */

struct standing;

/*
 * Where stock ssh will find the connection: made before the login, so that
 * nothing is spent if it cannot be made. A place that others find too is taken
 * with master_publish(); NULL is for the one session that follows. False after
 * saying why.
 */
bool master_prepare(const struct standing *place);
/* Takes it away again. */
void master_abandon(void);
/* False after saying why: somebody else has a connection there by now. */
bool master_publish(const struct standing *place);
/* The socket's path, or NULL. */
const char *master_path(void);

/* How a connection is served. */
typedef enum master_kind {
    MASTER_ONCE,    /* to the one client that this process becomes */
    MASTER_OWNED,   /* to others, too, as long as this process is there */
    MASTER_SHARED,  /* and then as ControlPersist says */
    MASTER_HELD,    /* as long as this process, and as MASTER_STANDING */
    MASTER_STANDING /* until it is idle for ControlPersist, or is ended */
} master_kind;

/*
 * Serves the login's connection in another process, with nothing of what this
 * one has open. Its pid, which exits with 0, or 1 when the connection was lost;
 * -1 after saying why.
 */
pid_t master_start(struct login *login, master_kind kind);

/* Stays until that process has ended; signals that are to end us end it. Gives
 * an exit status, after saying that the connection was lost if it was. */
int master_wait(pid_t child);

/* ------------------------------------------------------------- session.c */

/* From the end of the login until the session has its own process, signals
 * wait: what was made would be left behind. */
void session_hold_signals(bool hold);

/* Before stock ssh takes a login over: keeps what of it the command line does
 * not say. False after saying why. */
bool session_hand_over(struct login *login);

/* Replaces this process by stock ssh, which does all by itself. Comes back,
 * with an exit status, only when that fails. */
int session_stock(const ssh_args *args);

/* The same for a connection that stays, at this path: stock ssh goes to the
 * background with it. Its exit status. */
int session_stock_connect(const ssh_args *args, const char *path);

/* Replaces this process by stock ssh, which runs the session through the
 * connection at this path. Comes back, with an exit status, only when that
 * fails. */
int session_through(const ssh_args *args, const char *path);

/* The same for what -O tells that connection. */
int session_control(const ssh_args *args, const char *path);

/* Has stock ssh ask the connection at this path for the forwards that the
 * command line and the configuration name. Its exit status. */
int session_forward(const ssh_args *args, const char *path);

/* --------------------------------------------------------------- auth.c */

/* Authenticates. */
login_end auth_run(struct login *login);

/* ------------------------------------------------------------ methods.c */

/* What a method came to. */
typedef enum auth_end {
    AUTH_SUCCESS,
    AUTH_PARTIAL, /* passed, and the server wants more */
    AUTH_DENIED,
    AUTH_SKIPPED, /* nothing to try */
    AUTH_BROKEN,  /* the login is over; the reason was told */
    AUTH_STOCK    /* it is over here, and stock ssh's from now on */
} auth_end;

auth_end method_none(struct login *login);
auth_end method_publickey(struct login *login);
auth_end method_password(struct login *login);
auth_end method_kbdint(struct login *login);

#endif
