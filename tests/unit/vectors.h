/*
 * vectors.h - conversations that both ends must hold, as transcripts.
 */
#ifndef AUTHPLUG_TESTS_VECTORS_H
#define AUTHPLUG_TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

/* One line each: what conversations are made of. */
#define C_INIT "C {01 00000002 {'server.example'} 00000016 {}}\n"
#define P_INIT "P {02 00000002 {}}\n"
#define P_INIT_FAILURE "P {08 {'no token is plugged in'}}\n"
#define C_PROTOCOL "C {03 {'keyboard-interactive'}}\n"
#define C_PROTOCOL_KEY "C {03 {'publickey'}}\n"
#define P_ACCEPT "P {04}\n"
#define P_REJECT "P {05 {}}\n"
#define P_REJECT_TEXT "P {05 {'cannot open the answers file'}}\n"
#define C_SUCCESS "C {06}\n"
#define C_FAILURE "C {07}\n"
#define C_ASK "C {14 {} {} {} 00000001 {'Password: '} 00}\n"
#define C_ASK_NOTHING "C {14 {} {} {} 00000000}\n"
#define C_ASK_TWO                                                              \
    "C {14 {'Login'} {'Two things'} {} 00000002"                               \
    " {'Password: '} 00 {'Code: '} 01}\n"
#define P_ANSWER "P {15 00000001 {'stoat'}}\n"
#define P_ANSWER_NOTHING "P {15 00000000}\n"
#define P_ANSWER_TWO "P {15 00000002 {'stoat'} {'123456'}}\n"
#define P_USER_ASK "P {16 {'Token'} {} {} 00000001 {'PIN: '} 00}\n"
#define P_USER_ASK_NOTHING "P {16 {} {'Touch the token'} {} 00000000}\n"
#define C_USER_ANSWER "C {17 00000001 {'9876'}}\n"
#define C_USER_ANSWER_NOTHING "C {17 00000000}\n"

/* Up to a point, where tests go on by themselves. */
#define UNTIL_READY C_INIT P_INIT
#define UNTIL_ACCEPTED UNTIL_READY C_PROTOCOL P_ACCEPT
#define UNTIL_ASKED UNTIL_ACCEPTED C_ASK
#define UNTIL_USER_ASKED UNTIL_ASKED P_USER_ASK
#define UNTIL_USER_ANSWERED UNTIL_USER_ASKED C_USER_ANSWER
#define UNTIL_ANSWERED UNTIL_ASKED P_ANSWER

typedef struct vector {
    const char *name;
    const char *script;
    bool tolerated; /* from other clients: the client's end refuses to say it */
} vector;

/* Every one is a whole conversation, in good order from the first byte on. */
extern const vector vectors[];
extern const size_t vector_count;

#endif
