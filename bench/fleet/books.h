/* What each proxy holds: names and versions, every text kept once for all proxies. */
#ifndef BOOKS_H
#define BOOKS_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts, by number; 0 is none */

static struct { char **items; uint32_t *slots; size_t length, room, slot_count; } texts;

static uint64_t hash_of(const void *text, size_t length) {
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < length; i++) value = (value ^ ((const uint8_t *)text)[i]) * 1099511628211u;
    return value;
}

static uint32_t *text_slot(const void *text, size_t length) {
    size_t at = hash_of(text, length) & (texts.slot_count - 1);
    while (texts.slots[at]) {
        const char *there = texts.items[texts.slots[at]];
        if (strlen(there) == length && !memcmp(there, text, length)) break;
        at = (at + 1) & (texts.slot_count - 1);
    }
    return &texts.slots[at];
}

static uint32_t number_of(const void *text, size_t length) {
    if ((texts.length + 1) * 2 > texts.slot_count) {
        texts.slot_count = texts.slot_count ? texts.slot_count * 2 : 1 << 14;
        free(texts.slots);
        texts.slots = calloc(texts.slot_count, sizeof *texts.slots);
        for (uint32_t i = 1; i <= texts.length; i++) *text_slot(texts.items[i], strlen(texts.items[i])) = i;
    }
    uint32_t *slot = text_slot(text, length);
    if (!*slot) {
        if (texts.length + 2 > texts.room) texts.items = realloc(texts.items, (texts.room = texts.room * 2 + 64) * sizeof *texts.items);
        texts.items[++texts.length] = strndup(text, length);
        *slot = (uint32_t)texts.length;
    }
    return *slot;
}

/* ---- one type's resources of one proxy: in the order they came, so that equal proxies say the same */

typedef struct { uint32_t name, version; } entry; /* version 0: asked for and not there, or gone */
typedef struct { entry *entries; uint32_t *slots; size_t length, room, slot_count; } book;

static uint32_t *book_slot(book *in, uint32_t name) {
    size_t at = (name * 2654435761u) & (in->slot_count - 1);
    while (in->slots[at] && in->entries[in->slots[at] - 1].name != name) at = (at + 1) & (in->slot_count - 1);
    return &in->slots[at];
}

/* The entry of a name; made when there is none. */
static entry *entry_of(book *in, uint32_t name) {
    if ((in->length + 1) * 2 > in->slot_count) {
        in->slot_count = in->slot_count ? in->slot_count * 2 : 16;
        free(in->slots);
        in->slots = calloc(in->slot_count, sizeof *in->slots);
        for (size_t i = 0; i < in->length; i++) *book_slot(in, in->entries[i].name) = (uint32_t)i + 1;
    }
    uint32_t *slot = book_slot(in, name);
    if (!*slot) {
        if (in->length == in->room) in->entries = realloc(in->entries, (in->room = in->room * 2 + 8) * sizeof *in->entries);
        in->entries[in->length] = (entry){name, 0};
        *slot = (uint32_t)++in->length;
    }
    return &in->entries[*slot - 1];
}

#endif
