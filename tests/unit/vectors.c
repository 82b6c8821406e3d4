/*
 * vectors.c - conversations that both ends must hold. See vectors.h.
 *
 * Those called "recorded" are what plink really sent to a plugin, byte for
 * byte; the others say each thing the protocol allows at least once. What is
 * tolerated is heard from other clients, and never said by this one.
 */
#include "vectors.h"

#define SPOKEN(name, script) {name, script, false}
#define TOLERATED(name, script) {name, script, true}

const vector vectors[] = {
    SPOKEN("recorded: two prompts, then none, then success",
     "C 0000001a 01 00000002 00000009 3132372e302e302e31 0000378e 00000000\n"
     "P 00000009 02 00000002 00000000\n"
     "C 00000019 03 00000014 6b6579626f6172642d696e746572616374697665\n"
     "P 00000001 04\n"
     "C 00000079 14 00000015 496e697469616c20646f75626c652070726f6d7074"
     " 0000002b 46697273742070726f6d70742073686f756c64206563686f2c20736563"
     "6f6e642073686f756c64206e6f74 00000000 00000002 0000000f"
     " 4563686f65792070726f6d70743a20 01 0000000f"
     " 53696c656e742070726f6d70743a20 00\n"
     "P 00000018 15 00000002 00000005 73746f6174 00000006 77656173656c\n"
     "C 00000044 14 00000010 5a65726f2d70726f6d70742073746570 00000023"
     " 53686f756c646e27742073656520616e792070726f6d7074732074686973207469"
     "6d65 00000000 00000000\n"
     "P 00000005 15 00000000\n"
     "C 00000001 06\n"
     "C eof\n"),

    SPOKEN("recorded: a password through PAM, with its empty closing round",
     "C 0000001a 01 00000002 00000009 3132372e302e302e31 00000016 00000000\n"
     "P 0000000e 02 00000002 00000005 616c696365\n"
     "C 00000019 03 00000014 6b6579626f6172642d696e746572616374697665\n"
     "P 00000001 04\n"
     "C 00000020 14 00000000 00000000 00000000 00000001 0000000a"
     " 50617373776f72643a20 00\n" P_ANSWER
     "C 00000011 14 00000000 00000000 00000000 00000000\n"
     "P 00000005 15 00000000\n"
     "C 00000001 06\n"
     "C eof\n"),

    SPOKEN("recorded: a method that the plugin leaves alone",
     "C 0000001a 01 00000002 00000009 3132372e302e302e31 00000016 00000000\n"
     "P 00000009 02 00000002 00000000\n"
     "C 00000019 03 00000014 6b6579626f6172642d696e746572616374697665\n"
     "P 00000005 05 00000000\n"
     "C eof\n"),

    SPOKEN("recorded: a wrong answer",
     "C 0000001a 01 00000002 00000009 3132372e302e302e31 00000016 00000000\n"
     "P 00000009 02 00000002 00000000\n"
     "C 00000019 03 00000014 6b6579626f6172642d696e746572616374697665\n"
     "P 00000001 04\n" C_ASK P_ANSWER "C 00000001 07\n"
     "C eof\n"),

    SPOKEN("the plugin names another user",
     "C {01 00000002 {'server.example'} 00000016 {'bob'}}\n"
     "P {02 00000002 {'alice'}}\n" C_PROTOCOL P_ACCEPT C_ASK P_ANSWER C_SUCCESS
     "C eof\n"),

    SPOKEN("the plugin names a user in UTF-8",
     "C {01 00000002 {'xn--bcher-kva.example'} 0000ffff {}}\n"
     "P {02 00000002 {c3a4 'nne'}}\n"
     "C eof\n"),

    SPOKEN("the plugin cannot start", C_INIT P_INIT_FAILURE "C eof\n"),
    SPOKEN("the plugin cannot start and does not say why",
     C_INIT "P {08 {}}\nC eof\n"),
    SPOKEN("the plugin cannot start and closes first",
     C_INIT P_INIT_FAILURE "P eof\n"),

    SPOKEN("the plugin says why it rejects",
     UNTIL_READY C_PROTOCOL P_REJECT_TEXT "C eof\n"),
    SPOKEN("one method is rejected, the next is taken",
     UNTIL_READY C_PROTOCOL_KEY P_REJECT C_PROTOCOL P_ACCEPT C_ASK P_ANSWER
         C_SUCCESS "C eof\n"),
    SPOKEN("a method is rejected again and again",
     UNTIL_READY C_PROTOCOL P_REJECT C_PROTOCOL P_REJECT_TEXT C_PROTOCOL
         P_REJECT "C eof\n"),

    SPOKEN("several segments, the first a partial success",
     UNTIL_ANSWERED C_SUCCESS C_PROTOCOL P_ACCEPT C_ASK_TWO P_ANSWER_TWO
         C_FAILURE C_PROTOCOL P_ACCEPT C_ASK P_ANSWER C_SUCCESS "C eof\n"),
    SPOKEN("several rounds in one segment",
     UNTIL_ANSWERED C_ASK_TWO P_ANSWER_TWO C_ASK P_ANSWER C_ASK_NOTHING
         P_ANSWER_NOTHING C_SUCCESS "C eof\n"),

    SPOKEN("the plugin asks the user", UNTIL_USER_ANSWERED P_ANSWER C_SUCCESS
     "C eof\n"),
    SPOKEN("the plugin asks the user three times, once only telling",
     UNTIL_USER_ANSWERED P_USER_ASK_NOTHING C_USER_ANSWER_NOTHING P_USER_ASK
         C_USER_ANSWER P_ANSWER C_ASK P_USER_ASK C_USER_ANSWER P_ANSWER
             C_SUCCESS "C eof\n"),
    SPOKEN("no prompts, but the plugin asks the user",
     UNTIL_ACCEPTED C_ASK_NOTHING P_USER_ASK C_USER_ANSWER P_ANSWER_NOTHING
         C_SUCCESS "C eof\n"),

    SPOKEN("success without a request", UNTIL_ACCEPTED C_SUCCESS "C eof\n"),
    SPOKEN("failure without a request", UNTIL_ACCEPTED C_FAILURE "C eof\n"),
    TOLERATED("another protocol straight after acceptance",
     UNTIL_ACCEPTED C_PROTOCOL P_ACCEPT C_ASK P_ANSWER C_SUCCESS "C eof\n"),
    TOLERATED("another protocol straight after an answer",
     UNTIL_ANSWERED C_PROTOCOL P_REJECT "C eof\n"),

    SPOKEN("answers that are empty, or any bytes at all",
     UNTIL_ACCEPTED C_ASK_TWO "P {15 00000002 {} {00 ff 0a 1b}}\n" C_FAILURE
     "C eof\n"),
    SPOKEN("prompts in a language, and with any bytes",
     UNTIL_ACCEPTED "C {14 {c3a9 00} {ff} {'de'} 00000001 {} 01}\n" P_ANSWER
         C_SUCCESS "C eof\n"),

    SPOKEN("the client closes at once", "C eof\n"),
    SPOKEN("the client closes after INIT_RESPONSE", UNTIL_READY "C eof\n"),
    SPOKEN("the client closes after ACCEPT", UNTIL_ACCEPTED "C eof\n"),
    SPOKEN("the client closes after an answer", UNTIL_ANSWERED "C eof\n"),
    SPOKEN("the plugin closes after INIT_RESPONSE", UNTIL_READY "P eof\n"),
    SPOKEN("the plugin closes after ACCEPT", UNTIL_ACCEPTED "P eof\n"),
    SPOKEN("the plugin closes after REJECT",
     UNTIL_READY C_PROTOCOL P_REJECT "P eof\n"),
    SPOKEN("the plugin closes after an answer", UNTIL_ANSWERED "P eof\n"),
    SPOKEN("the plugin closes after the outcome", UNTIL_ANSWERED C_SUCCESS
     "P eof\n"),
};

const size_t vector_count = sizeof vectors / sizeof vectors[0];
