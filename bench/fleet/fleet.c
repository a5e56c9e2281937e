/* A fleet of simulated delta-ADS proxies: N mTLS connections on one epoll loop, each a real HTTP/2 gRPC stream.
 *
 * Why C: the fleet shares two cores with the server it measures; in Python it would be the slower of the two.
 *
 *   fleet PORT COUNT CERT KEY CA NODE_PREFIX [RCVBUF]
 *
 * Each proxy behaves as Envoy does: wildcard CDS and LDS, wildcard SRDS, EDS by the names CDS gave; every
 * response is acknowledged with its nonce. Commands on stdin, one JSON object on stdout for each:
 *
 *   connect      connect all proxies that are not connected; answers when each has had all it asked for once
 *   reconnect    close all connections and connect again with initial_resource_versions; answers as above
 *   stats        responses, resources and bytes received since the last `stats`
 *   quit
 *
 * "All it asked for": a first response for each wildcard type, and one for EDS once names were known; on a
 * reconnect with nothing changed the server may stay silent, so the answer then comes after 300 ms of silence.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CDS, EDS, LDS, SRDS, TYPES };
static const char *const TYPE_URL[TYPES] = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
};
enum { FRAME_DATA, FRAME_HEADERS, FRAME_RST = 3, FRAME_SETTINGS, FRAME_PING = 6, FRAME_GOAWAY, FRAME_WINDOW = 8 };
enum { WINDOW = 16 << 20, CONCURRENT_HANDSHAKES = 64, FRAME_MAX = 16384 };

typedef struct { uint8_t *data; size_t length, room; } buffer;

typedef struct {
    int fd, id;
    SSL *ssl;
    int started, subscribed_endpoints, watching_write;
    unsigned seen; /* bit per type: a response has come */
    size_t consumed;
    buffer in, out, message;
} proxy;

/* The resources of one type as the proxies hold them: all see the same, so they are kept once. */
typedef struct { char *name, *version; } held;
typedef struct { held *items; size_t length, room; size_t *slots, slot_count; } table;

static table holding[TYPES];
static proxy *fleet;
static int count, port, poller, rcvbuf = 1 << 20, next_to_connect, connecting, resuming;
static const char *node_prefix;
static SSL_CTX *tls;
static buffer resumption[TYPES]; /* initial_resource_versions of each type, the same for all */
static uint64_t responses, resources, bytes, deaths;
static double last_activity;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

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
    if (!from->length && from->room > 8192) { free(from->data); *from = (buffer){0}; }
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

/* The next length-delimited field of a message, or 0 at its end; other fields are skipped. */
static unsigned next_field(const uint8_t **at, const uint8_t *end, const uint8_t **data, size_t *length) {
    while (*at < end) {
        uint64_t tag = get_varint(at);
        if ((tag & 7) == 0) { get_varint(at); continue; }
        if ((tag & 7) == 5) { *at += 4; continue; }
        if ((tag & 7) == 1) { *at += 8; continue; }
        *length = get_varint(at);
        *data = *at;
        *at += *length;
        return (unsigned)(tag >> 3);
    }
    return 0;
}

/* ---- what is held */

static uint64_t hash(const char *text, size_t length) {
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < length; i++) value = (value ^ (uint8_t)text[i]) * 1099511628211u;
    return value;
}

static size_t *slot_of(table *in, const char *name, size_t length) {
    size_t at = hash(name, length) & (in->slot_count - 1);
    while (in->slots[at]) {
        const char *there = in->items[in->slots[at] - 1].name;
        if (strlen(there) == length && !memcmp(there, name, length)) break;
        at = (at + 1) & (in->slot_count - 1);
    }
    return &in->slots[at];
}

static void hold(table *in, const uint8_t *name, size_t name_length, const uint8_t *version, size_t version_length) {
    if ((in->length + 1) * 2 > in->slot_count) {
        in->slot_count = in->slot_count ? in->slot_count * 2 : 4096;
        free(in->slots);
        in->slots = calloc(in->slot_count, sizeof *in->slots);
        for (size_t i = 0; i < in->length; i++) *slot_of(in, in->items[i].name, strlen(in->items[i].name)) = i + 1;
    }
    size_t *slot = slot_of(in, (const char *)name, name_length);
    if (!*slot) {
        if (in->length == in->room) in->items = realloc(in->items, (in->room = in->room * 2 + 64) * sizeof *in->items);
        in->items[in->length] = (held){strndup((const char *)name, name_length), NULL};
        *slot = ++in->length;
    }
    held *item = &in->items[*slot - 1];
    if (item->version && strlen(item->version) == version_length && !memcmp(item->version, version, version_length)) return;
    free(item->version);
    item->version = strndup((const char *)version, version_length);
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

static void put_versions(buffer *to, const table *of) {
    for (size_t i = 0; i < of->length; i++) {
        buffer entry = {0};
        put_text(&entry, 1, of->items[i].name);
        put_text(&entry, 2, of->items[i].version);
        put_field(to, 5, entry.data, entry.length);
        free(entry.data);
    }
}

static void subscribe(proxy *one, int type) {
    buffer request = {0};
    if (type == CDS) { /* the first request of the stream carries the node */
        buffer node = {0};
        char id[256];
        snprintf(id, sizeof id, "%s%d", node_prefix, one->id);
        put_text(&node, 1, id);
        put_text(&node, 2, "fleet");
        put_field(&request, 1, node.data, node.length);
        free(node.data);
    }
    put_text(&request, 2, TYPE_URL[type]);
    if (type == EDS)
        for (size_t i = 0; i < holding[CDS].length; i++) put_text(&request, 3, holding[CDS].items[i].name);
    if (resuming) append(&request, resumption[type].data, resumption[type].length);
    put_message(&one->out, &request);
    free(request.data);
}

static void start(proxy *one) {
    append(&one->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    put_frame(&one->out, 6, FRAME_SETTINGS, 0, 0);
    append(&one->out, "\0\4\1\0\0\0", 6); /* INITIAL_WINDOW_SIZE 16 MiB */
    put_window(&one->out, 0, WINDOW);
    buffer headers = {0};
    put_header(&headers, ":method", "POST");
    put_header(&headers, ":scheme", "https");
    put_header(&headers, ":path", "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources");
    put_header(&headers, ":authority", "sekisho");
    put_header(&headers, "content-type", "application/grpc");
    put_header(&headers, "te", "trailers");
    put_frame(&one->out, headers.length, FRAME_HEADERS, 4, 1);
    append(&one->out, headers.data, headers.length);
    free(headers.data);
    subscribe(one, CDS);
    if (resuming) { subscribe(one, EDS); one->subscribed_endpoints = 1; }
    subscribe(one, LDS);
    subscribe(one, SRDS);
}

static void on_response(proxy *one, const uint8_t *at, size_t length) {
    const uint8_t *end = at + length, *data, *nonce = NULL, *url = NULL, *cursor = at;
    size_t size, nonce_length = 0, url_length = 0;
    for (unsigned field; (field = next_field(&cursor, end, &data, &size));) {
        if (field == 5) { nonce = data; nonce_length = size; }
        if (field == 4) { url = data; url_length = size; }
    }
    int type = 0;
    while (type < TYPES && (strlen(TYPE_URL[type]) != url_length || memcmp(TYPE_URL[type], url, url_length))) type++;
    responses++;
    bytes += length;
    cursor = at;
    for (unsigned field; (field = next_field(&cursor, end, &data, &size));) {
        if (field != 2 || type == TYPES) continue;
        resources++;
        if (one->id) continue; /* all see the same: the first keeps the books */
        const uint8_t *inner = data, *inner_end = data + size, *value, *name = NULL, *version = NULL;
        size_t value_length, name_length = 0, version_length = 0;
        for (unsigned part; (part = next_field(&inner, inner_end, &value, &value_length));) {
            if (part == 3) { name = value; name_length = value_length; }
            if (part == 1) { version = value; version_length = value_length; }
        }
        if (name) hold(&holding[type], name, name_length, version ? version : name, version_length);
    }
    buffer ack = {0};
    put_field(&ack, 2, url, url_length);
    put_field(&ack, 6, nonce, nonce_length);
    put_message(&one->out, &ack);
    free(ack.data);
    if (type == TYPES) return;
    one->seen |= 1u << type;
    if (type == CDS && !one->subscribed_endpoints && holding[CDS].length) {
        one->subscribed_endpoints = 1;
        subscribe(one, EDS);
    }
}

static void on_data(proxy *one, const uint8_t *data, size_t length) {
    one->consumed += length;
    append(&one->message, data, length);
    size_t at = 0;
    while (one->message.length - at >= 5) {
        const uint8_t *head = one->message.data + at;
        size_t size = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
        if (one->message.length - at < 5 + size) break;
        on_response(one, head + 5, size);
        at += 5 + size;
    }
    if (at) drop_front(&one->message, at);
    if (one->consumed > WINDOW / 8) {
        put_window(&one->out, 0, (uint32_t)one->consumed);
        put_window(&one->out, 1, (uint32_t)one->consumed);
        one->consumed = 0;
    }
}

static void disconnect(proxy *one) {
    if (one->fd < 0) return;
    epoll_ctl(poller, EPOLL_CTL_DEL, one->fd, NULL);
    SSL_free(one->ssl);
    close(one->fd);
    free(one->in.data); free(one->out.data); free(one->message.data);
    int id = one->id;
    *one = (proxy){.fd = -1, .id = id};
}

static void fail(proxy *one, const char *why) {
    fprintf(stderr, "proxy %d: %s\n", one->id, why);
    deaths++;
    disconnect(one);
}

static int on_frames(proxy *one) {
    size_t at = 0;
    while (one->in.length - at >= 9) {
        const uint8_t *head = one->in.data + at, *body = head + 9;
        size_t length = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        int type = head[3], flags = head[4];
        if (one->in.length - at < 9 + length) break;
        if (type == FRAME_DATA) on_data(one, body, length);
        else if (type == FRAME_SETTINGS && !(flags & 1)) put_frame(&one->out, 0, FRAME_SETTINGS, 1, 0);
        else if (type == FRAME_PING && !(flags & 1)) { put_frame(&one->out, 8, FRAME_PING, 1, 0); append(&one->out, body, 8); }
        else if (type == FRAME_GOAWAY) { fail(one, "GOAWAY"); return 0; }
        else if (type == FRAME_RST || (type == FRAME_HEADERS && flags & 1)) { fail(one, "stream ended"); return 0; }
        at += 9 + length;
    }
    if (at) drop_front(&one->in, at);
    return 1;
}

/* ---- sockets */

static int would_block(proxy *one, int result) {
    int error = SSL_get_error(one->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void watch(proxy *one) {
    int wanted = one->out.length > 0 || !one->started;
    if (wanted == one->watching_write) return;
    one->watching_write = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = one};
    epoll_ctl(poller, EPOLL_CTL_MOD, one->fd, &event);
}

static void flush_out(proxy *one) {
    size_t at = 0;
    while (at < one->out.length) {
        int wrote = SSL_write(one->ssl, one->out.data + at, (int)(one->out.length - at));
        if (wrote <= 0) {
            if (would_block(one, wrote)) break;
            fail(one, "write failed");
            return;
        }
        at += (size_t)wrote;
    }
    if (at) drop_front(&one->out, at);
    watch(one);
}

static void read_in(proxy *one) {
    static uint8_t chunk[1 << 18];
    for (;;) {
        int got = SSL_read(one->ssl, chunk, sizeof chunk);
        if (got <= 0) {
            if (would_block(one, got)) break;
            fail(one, "closed by the server");
            return;
        }
        append(&one->in, chunk, (size_t)got);
        if (!on_frames(one)) return;
    }
    flush_out(one);
}

static void open_connection(proxy *one) {
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(one->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    connect(one->fd, (struct sockaddr *)&address, sizeof address);
    one->ssl = SSL_new(tls);
    SSL_set_fd(one->ssl, one->fd);
    SSL_set_connect_state(one->ssl);
    one->watching_write = 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = one};
    epoll_ctl(poller, EPOLL_CTL_ADD, one->fd, &event);
}

static int is_synced(const proxy *one) { return (one->seen & 7u) == 7u || (one->started && resuming); }

static void on_event(proxy *one, uint32_t events) {
    int before = is_synced(one);
    if (!one->started && events & EPOLLOUT) { one->started = 1; start(one); }
    if (events & EPOLLOUT) flush_out(one);
    if (one->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_in(one);
    if (!before && (one->fd < 0 || is_synced(one))) connecting--;
    last_activity = now();
}

/* ---- commands */

static void answer(const char *event, double seconds) {
    size_t known = 0;
    for (int type = 0; type < TYPES; type++) known += holding[type].length;
    printf("{\"event\": \"%s\", \"seconds\": %.4f, \"responses\": %llu, \"resources\": %llu, \"bytes\": %llu, "
           "\"deaths\": %llu, \"known\": %zu}\n", event, seconds, (unsigned long long)responses,
           (unsigned long long)resources, (unsigned long long)bytes, (unsigned long long)deaths, known);
    fflush(stdout);
}

static int command(const char *line, double *started, const char **running) {
    if (!strncmp(line, "quit", 4)) return 0;
    if (!strncmp(line, "stats", 5)) { answer("stats", 0); responses = resources = bytes = 0; return 1; }
    *started = last_activity = now();
    *running = "connected";
    if (!strncmp(line, "reconnect", 9)) {
        *running = "reconnected";
        resuming = 1;
        for (int type = 0; type < TYPES; type++) {
            resumption[type].length = 0;
            put_versions(&resumption[type], &holding[type]);
        }
        responses = resources = bytes = 0;
        for (int i = 0; i < count; i++) disconnect(&fleet[i]);
    }
    next_to_connect = connecting = 0;
    return 1;
}

static int all_synced(void) {
    if (next_to_connect < count || connecting > 0) return 0;
    return !resuming || now() - last_activity > 0.3;
}

int main(int argc, char **argv) {
    if (argc < 7) { fprintf(stderr, "usage: fleet PORT COUNT CERT KEY CA NODE_PREFIX [RCVBUF]\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    count = atoi(argv[2]);
    node_prefix = argv[6];
    if (argc > 7) rcvbuf = atoi(argv[7]);
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(tls, argv[3]) != 1 || SSL_CTX_use_PrivateKey_file(tls, argv[4], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(tls, argv[5], NULL) != 1) { fprintf(stderr, "certificates not readable\n"); return 2; }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_alpn_protos(tls, (const unsigned char *)"\2h2", 3);
    fleet = calloc((size_t)count, sizeof *fleet);
    for (int i = 0; i < count; i++) fleet[i] = (proxy){.fd = -1, .id = i};
    next_to_connect = count;
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    const char *running = NULL;
    double started = 0;
    for (;;) {
        /* The first proxy goes ahead alone: the others subscribe to the endpoints it has learned of. */
        int at_once = next_to_connect == 0 || (!resuming && !is_synced(&fleet[0])) ? 1 : CONCURRENT_HANDSHAKES;
        while (next_to_connect < count && connecting < at_once) {
            proxy *one = &fleet[next_to_connect++];
            if (one->fd < 0) { connecting++; open_connection(one); }
        }
        int ready = epoll_wait(poller, events, 512, running ? 50 : -1);
        for (int i = 0; i < ready; i++) {
            proxy *one = events[i].data.ptr;
            if (one) { if (one->fd >= 0) on_event(one, events[i].events); continue; }
            char line[256] = {0};
            ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
            if (got == 0 || (got > 0 && !command(line, &started, &running))) return 0;
        }
        if (running && all_synced()) { answer(running, (resuming ? last_activity : now()) - started); running = NULL; }
    }
}
