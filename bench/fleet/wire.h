/* Bytes: a growing buffer, protobuf fields, HTTP/2 frames, gRPC messages. */
#ifndef WIRE_H
#define WIRE_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_DATA, FRAME_HEADERS, FRAME_RST = 3, FRAME_SETTINGS, FRAME_PING = 6, FRAME_GOAWAY, FRAME_WINDOW = 8 };
enum { FRAME_MAX = 16384, KEPT_ROOM = 8192 };

typedef struct { uint8_t *data; size_t length, room; } buffer;

static void append(buffer *to, const void *data, size_t length) {
    if (to->length + length > to->room) {
        to->room = (to->length + length) * 3 / 2 + 64;
        to->data = realloc(to->data, to->room);
    }
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

static void drop_front(buffer *from, size_t length) {
    memmove(from->data, from->data + length, from->length - length);
    from->length -= length;
    if (!from->length && from->room > KEPT_ROOM) { free(from->data); *from = (buffer){0}; }
}

/* ---- protobuf */

static void put_varint(buffer *to, uint64_t value) {
    uint8_t byte;
    do { byte = (uint8_t)((value & 127) | (value > 127 ? 128 : 0)); append(to, &byte, 1); value >>= 7; } while (value);
}

static void put_field(buffer *to, unsigned field, const void *data, size_t length) {
    put_varint(to, field << 3 | 2);
    put_varint(to, length);
    append(to, data, length);
}

static void put_text(buffer *to, unsigned field, const char *text) { put_field(to, field, text, strlen(text)); }

static uint64_t get_varint(const uint8_t **at) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128)) return value;
    }
}

typedef struct { unsigned number; const uint8_t *data; size_t length; uint64_t value; } field;

/* The next field of a message: a varint has a `value`, a length-delimited one `data`. 0 at the end. */
static int next_field(const uint8_t **at, const uint8_t *end, field *found) {
    while (*at < end) {
        uint64_t tag = get_varint(at);
        *found = (field){.number = (unsigned)(tag >> 3)};
        switch (tag & 7) {
        case 0: found->value = get_varint(at); return 1;
        case 1: *at += 8; continue;
        case 5: *at += 4; continue;
        default:
            found->length = get_varint(at);
            found->data = *at;
            *at += found->length;
            return 1;
        }
    }
    return 0;
}

/* ---- HTTP/2 and gRPC */

static void put_frame(buffer *to, size_t length, int type, int flags, uint32_t stream) {
    uint8_t head[9] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length, (uint8_t)type, (uint8_t)flags,
                       0, 0, 0, (uint8_t)stream};
    append(to, head, sizeof head);
}

static void put_window(buffer *to, uint32_t stream, uint32_t grant) {
    uint8_t body[4] = {(uint8_t)(grant >> 24), (uint8_t)(grant >> 16), (uint8_t)(grant >> 8), (uint8_t)grant};
    put_frame(to, 4, FRAME_WINDOW, 0, stream);
    append(to, body, 4);
}

/* A message on stream 1. */
static void put_message(buffer *to, const buffer *message) {
    buffer framed = {0};
    uint8_t head[5] = {0, (uint8_t)(message->length >> 24), (uint8_t)(message->length >> 16),
                       (uint8_t)(message->length >> 8), (uint8_t)message->length};
    append(&framed, head, 5);
    append(&framed, message->data, message->length);
    for (size_t at = 0; at < framed.length; at += FRAME_MAX) {
        size_t slice = framed.length - at < FRAME_MAX ? framed.length - at : FRAME_MAX;
        put_frame(to, slice, FRAME_DATA, 0, 1);
        append(to, framed.data + at, slice);
    }
    free(framed.data);
}

static void put_header(buffer *to, const char *name, const char *value) {
    uint8_t lengths[2] = {(uint8_t)strlen(name), (uint8_t)strlen(value)};
    append(to, "", 1); /* literal without indexing */
    append(to, &lengths[0], 1);
    append(to, name, lengths[0]);
    append(to, &lengths[1], 1);
    append(to, value, lengths[1]);
}

#endif
