/*
 * mux_proto.h - the packets of OpenSSH's multiplexing protocol, version 4
 * (PROTOCOL.mux in OpenSSH's sources), from the master's side: requests are
 * read, replies are written. Bytes only; whoever owns the socket reads and
 * writes it.
 *
 * On the wire every packet has its length in front as a uint32. The reader
 * here takes a packet without it; the writers put it.
 */
#ifndef AUTHPLUG_CLIENT_MUX_PROTO_H
#define AUTHPLUG_CLIENT_MUX_PROTO_H

#include <authplug/wire.h>

/* The version both ends say in their HELLO. There is no negotiation. */
#define MUX_VERSION 4u

/* The longest packet that is accepted, and the shortest: a type. */
#define MUX_PACKET_MAX 262144u
#define MUX_PACKET_MIN 4u

/* The most environment variables in a request for a session. */
#define MUX_ENV_MAX 128u

/* The most descriptors that follow a packet. */
#define MUX_FDS_MAX 3u

/* Requests, and the HELLO that both ends send first. */
#define MUX_REQUEST_MAP(X)                                                     \
    X(HELLO, 0x00000001)                                                       \
    X(NEW_SESSION, 0x10000002)                                                 \
    X(ALIVE_CHECK, 0x10000004)                                                 \
    X(TERMINATE, 0x10000005)                                                   \
    X(OPEN_FWD, 0x10000006)                                                    \
    X(CLOSE_FWD, 0x10000007)                                                   \
    X(NEW_STDIO_FWD, 0x10000008)                                               \
    X(STOP_LISTENING, 0x10000009)                                              \
    X(PROXY, 0x1000000f)

enum mux_request_type {
#define X(name, number) MUX_##name = number,
    MUX_REQUEST_MAP(X)
#undef X
};

/* Replies; not an enum, because they do not fit into an int. */
#define MUX_S_OK 0x80000001u
#define MUX_S_PERMISSION_DENIED 0x80000002u
#define MUX_S_FAILURE 0x80000003u
#define MUX_S_EXIT_MESSAGE 0x80000004u
#define MUX_S_ALIVE 0x80000005u
#define MUX_S_SESSION_OPENED 0x80000006u
#define MUX_S_REMOTE_PORT 0x80000007u
#define MUX_S_TTY_ALLOC_FAIL 0x80000008u

/* NEW_SESSION. The spans are parts of the packet and hold no NUL. */
struct mux_new_session {
    bool want_tty;
    bool want_x11;
    bool want_agent;
    bool want_subsystem;
    uint32_t escape_char;
    authplug_span term;
    authplug_span command; /* empty for a shell; a subsystem's name */
    size_t env_count;
    authplug_span env[MUX_ENV_MAX]; /* NAME=VALUE, NAME not empty */
};

/* What a forward is: where it listens, and who connects. */
#define MUX_FORWARD_LOCAL 1u
#define MUX_FORWARD_REMOTE 2u
#define MUX_FORWARD_DYNAMIC 3u

/* A port that says that its host is the path of a UNIX socket. */
#define MUX_PORT_PATH 0xfffffffeu

/* The longest name of a host, and path, that is accepted. */
#define MUX_NAME_MAX 1024u

/* OPEN_FWD and CLOSE_FWD. The spans are parts of the packet, without NUL. */
struct mux_fwd {
    uint32_t type;
    authplug_span listen;  /* empty: the loopback addresses; "*": all */
    uint32_t listen_port;  /* 0: the server chooses, remote only */
    authplug_span connect; /* of no meaning for dynamic ones */
    uint32_t connect_port; /* 0, remote only: the client of it asks (SOCKS) */
};

/* NEW_STDIO_FWD. */
struct mux_stdio_fwd {
    authplug_span host;
    uint32_t port; /* or MUX_PORT_PATH */
};

struct mux_request {
    uint32_t type;    /* any number; see enum mux_request_type */
    uint32_t id;      /* to be repeated in the reply; 0 for HELLO */
    uint32_t version; /* HELLO */
    unsigned fds;     /* how many descriptors follow the packet */
    /*
     * NULL when the request makes sense, else why it is refused: a static text
     * for MUX_S_FAILURE.
     */
    const char *refusal;
    struct mux_fwd fwd;             /* OPEN_FWD, CLOSE_FWD */
    struct mux_stdio_fwd stdio;     /* NEW_STDIO_FWD */
    struct mux_new_session session; /* NEW_SESSION */
};

/*
 * Reads one packet, its length not included. What the spans of *request point
 * to is the packet's. Any status but OK means that the peer does not speak the
 * protocol, and that nothing can be replied: TRUNCATED, LENGTH, TRAILING,
 * VALUE (a NUL inside a string) and, for HELLO, VERSION. *request is written
 * to in any case.
 */
authplug_status mux_request_read(authplug_span packet,
                                 struct mux_request *request);

/* "NEW_SESSION", ...; "an unknown request". Static. */
const char *mux_request_name(uint32_t type);

/*
 * Replies, appended to out with their length in front. The status is the
 * writer's: NOMEM, or LIMIT where out's cap is passed.
 */
authplug_status mux_put_hello(authplug_secret *out);
/* The one request that we make ourselves: whether a master is there. */
authplug_status mux_put_alive_check(authplug_secret *out, uint32_t id);
authplug_status mux_put_ok(authplug_secret *out, uint32_t id);
authplug_status mux_put_remote_port(authplug_secret *out, uint32_t id,
                                    uint32_t port);
authplug_status mux_put_alive(authplug_secret *out, uint32_t id, uint32_t pid);
authplug_status mux_put_opened(authplug_secret *out, uint32_t id,
                               uint32_t session);
authplug_status mux_put_tty_failed(authplug_secret *out, uint32_t session);
authplug_status mux_put_exit(authplug_secret *out, uint32_t session,
                             uint32_t status);
/* type is MUX_S_FAILURE or MUX_S_PERMISSION_DENIED. */
authplug_status mux_put_refusal(authplug_secret *out, uint32_t type,
                                uint32_t id, const char *reason);

#endif
