/*
 * authplug/wire.h - the data types of RFC 4251 section 5, as far as SSH's
 * authentication uses them: byte, boolean, uint32, string.
 *
 * Both directions are sticky: after the first failure every later call does
 * nothing and gives zero or empty, so a whole message is read or written
 * straight through and the status is tested once at the end.
 */
#ifndef AUTHPLUG_WIRE_H
#define AUTHPLUG_WIRE_H

#include <authplug/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads borrowed bytes; lives on the caller's stack. */
typedef struct authplug_reader {
    authplug_span input;
    size_t pos;             /* where the next value starts, or where it broke */
    uint32_t max_string;    /* longest string it accepts; longer is LENGTH */
    authplug_status status; /* OK, TRUNCATED, LENGTH or TRAILING */
} authplug_reader;

authplug_reader authplug_reader_over(authplug_span input, uint32_t max_string);

uint8_t authplug_get_byte(authplug_reader *reader);
/* Any byte but 0 is true (RFC 4251 section 5). */
bool authplug_get_boolean(authplug_reader *reader);
uint32_t authplug_get_uint32(authplug_reader *reader);
/* The bytes after the length, as a part of the input. */
authplug_span authplug_get_string(authplug_reader *reader);
/* TRAILING when input is left; gives the reader's final status. */
authplug_status authplug_get_end(authplug_reader *reader);

/* Appends to a secret; lives on the caller's stack. */
typedef struct authplug_writer {
    authplug_secret *out;   /* borrowed */
    authplug_status status; /* OK, NOMEM or LIMIT */
} authplug_writer;

authplug_writer authplug_writer_to(authplug_secret *out);

void authplug_put_byte(authplug_writer *writer, uint8_t value);
void authplug_put_boolean(authplug_writer *writer, bool value);
void authplug_put_uint32(authplug_writer *writer, uint32_t value);
void authplug_put_string(authplug_writer *writer, authplug_span value);
/* Bytes as they are, without a length. */
void authplug_put_bytes(authplug_writer *writer, authplug_span value);

/*
 * A string whose length is known only once its content is written: _open
 * leaves room for the length and gives the mark that _close takes.
 */
size_t authplug_put_open(authplug_writer *writer);
void authplug_put_close(authplug_writer *writer, size_t mark);

#ifdef __cplusplus
}
#endif
#endif
