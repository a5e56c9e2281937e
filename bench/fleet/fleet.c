/* A fleet of simulated delta-ADS proxies: mTLS connections on one epoll loop, each a real HTTP/2 gRPC stream.
 *
 * Why C: the fleet shares two cores with the server it measures; in Python it would be the slower of the two.
 *
 *   fleet gateways|sidecars PORT MEMBERS KEY CA [RCVBUF]
 *
 * MEMBERS is a file with a line per proxy: its node id and the file of its certificate; the key is one for all.
 * Each proxy behaves as Envoy does: wildcard CDS and LDS, EDS by the names CDS gave; gateways wildcard SRDS,
 * sidecars RDS by the names in their listeners, and the secret `trust`. Every response is acknowledged with its
 * nonce. Commands on stdin, one JSON object on stdout for each:
 *
 *   connect      connect all proxies that are not connected; answers when each has had all it asked for once
 *   reconnect    close all connections and connect again with initial_resource_versions; answers as above. Like
 *                Envoy (UpstreamTlsContext.max_session_keys) each offers the TLS session it was given last
 *   forget       the TLS sessions, of which a control plane that was restarted knows nothing
 *   stats        responses, resources and bytes received since the last `stats`
 *   quit
 *
 * "All it asked for": a first response for each type it asked for; on a reconnect with nothing changed the server
 * may stay silent, so the answer then comes after 300 ms of silence.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "books.h"
#include "wire.h"

enum { CDS, EDS, LDS, SRDS, RDS, SDS, TYPES };
static const char *const TYPE_URL[TYPES] = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
};
/* The type whose names come with another one's resources. */
static const int FOLLOWER[TYPES] = {[CDS] = EDS, [LDS] = RDS};
static const char SECRET[] = "trust", ROUTED[] = "network.http_connection_manager.v3";
enum { CLUSTER_TYPE_FIELD = 2, BY_EDS = 3 };
enum { WINDOW = 16 << 20, CONCURRENT_HANDSHAKES = 64 };

typedef struct {
    const char *node, *certificate;
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* the newest that the server gave */
    int started, secured, watching_write, wants_answer; /* the last: nothing can be written before a read */
    unsigned asked, seen; /* bit per type: subscribed to, a response has come */
    size_t consumed;
    buffer in, out, message;
    book books[TYPES];
} proxy;

static proxy *fleet;
static int count, port, poller, rcvbuf = 1 << 20, next_to_connect, connecting, insecure, resuming, sidecars, alike;
static SSL_CTX *tls;
static uint64_t responses, resources, bytes, deaths, resumed;
static double last_activity;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- requests */

/* initial_resource_versions; many proxies hold the same, and their octets are made once. */
static void put_versions(buffer *to, int type, const book *of) {
    static struct { entry *entries; size_t length; buffer octets; } last[TYPES];
    size_t size = of->length * sizeof *of->entries;
    if (last[type].length != of->length || memcmp(last[type].entries, of->entries, size)) {
        last[type].entries = memcpy(realloc(last[type].entries, size), of->entries, size);
        last[type].length = of->length;
        last[type].octets.length = 0;
        buffer pair = {0};
        for (size_t i = 0; i < of->length; i++) {
            if (!of->entries[i].version) continue;
            pair.length = 0;
            put_text(&pair, 1, texts.items[of->entries[i].name]);
            put_text(&pair, 2, texts.items[of->entries[i].version]);
            put_field(&last[type].octets, 5, pair.data, pair.length);
        }
        free(pair.data);
    }
    append(to, last[type].octets.data, last[type].octets.length);
}

/* The first request of a type: for everything where it has no names; on a reconnect, for what is in its book. */
static void subscribe(proxy *one, int type, const buffer *names) {
    buffer request = {0};
    if (!one->asked) { /* the first request of the stream carries the node */
        buffer node = {0};
        put_text(&node, 1, one->node);
        put_text(&node, 2, "fleet");
        put_field(&request, 1, node.data, node.length);
        free(node.data);
    }
    put_text(&request, 2, TYPE_URL[type]);
    if (names) append(&request, names->data, names->length);
    if (resuming && one->books[type].length && !(one->asked >> type & 1)) put_versions(&request, type, &one->books[type]);
    put_message(&one->out, &request);
    free(request.data);
    one->asked |= 1u << type;
}

static void subscribe_to_held(proxy *one, int type) {
    buffer names = {0};
    for (size_t i = 0; i < one->books[type].length; i++) put_text(&names, 3, texts.items[one->books[type].entries[i].name]);
    if (names.length) subscribe(one, type, &names);
    free(names.data);
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
    subscribe(one, CDS, NULL);
    if (resuming) subscribe_to_held(one, EDS);
    subscribe(one, LDS, NULL);
    if (!sidecars) { subscribe(one, SRDS, NULL); return; }
    if (resuming) subscribe_to_held(one, RDS);
    entry_of(&one->books[SDS], number_of(SECRET, sizeof SECRET - 1));
    subscribe_to_held(one, SDS);
}

/* ---- responses */

/* Whether a resource (in an Any) makes a proxy ask for one of the same name of another type. */
static int leads_on(int type, const uint8_t *any, size_t length) {
    const uint8_t *at = any, *end = any + length;
    field part, inner;
    while (next_field(&at, end, &part)) {
        if (part.number != 2) continue;
        if (type == LDS) return sidecars && memmem(part.data, part.length, ROUTED, sizeof ROUTED - 1) != NULL;
        for (const uint8_t *in = part.data; next_field(&in, part.data + part.length, &inner);)
            if (inner.number == CLUSTER_TYPE_FIELD && !inner.data) return inner.value == BY_EDS;
    }
    return 0;
}

/* What a response says. The same octets go to nearly all proxies, and are read once. */
typedef struct { uint32_t name, version; int leads_on; } change; /* version 0: removed */
static struct { buffer octets, ack; int type; change *changes; size_t length, room, resources; } heard;

static change *next_change(void) {
    if (heard.length == heard.room) heard.changes = realloc(heard.changes, (heard.room = heard.room * 2 + 64) * sizeof *heard.changes);
    return &heard.changes[heard.length++];
}

static void hear_resource(const field *resource) {
    field part, name = {0}, version = {0}, body = {0};
    for (const uint8_t *at = resource->data; next_field(&at, resource->data + resource->length, &part);) {
        if (part.number == 3) name = part;
        if (part.number == 1) version = part;
        if (part.number == 2) body = part;
    }
    heard.resources++;
    int on = FOLLOWER[heard.type] && leads_on(heard.type, body.data, body.length);
    *next_change() = (change){number_of(name.data, name.length), number_of(version.data, version.length), on};
}

static void hear(const uint8_t *start, size_t length) {
    const uint8_t *end = start + length, *at = start;
    field part, nonce = {0}, url = {0};
    heard.octets.length = heard.ack.length = heard.length = heard.resources = 0;
    append(&heard.octets, start, length);
    while (next_field(&at, end, &part)) {
        if (part.number == 5) nonce = part;
        if (part.number == 4) url = part;
    }
    heard.type = 0;
    while (heard.type < TYPES && (strlen(TYPE_URL[heard.type]) != url.length || memcmp(TYPE_URL[heard.type], url.data, url.length))) heard.type++;
    put_field(&heard.ack, 2, url.data, url.length);
    put_field(&heard.ack, 6, nonce.data, nonce.length);
    if (heard.type == TYPES) return;
    for (at = start; next_field(&at, end, &part);) {
        if (part.number == 2) hear_resource(&part);
        if (part.number == 6) *next_change() = (change){number_of(part.data, part.length), 0, 0};
    }
}

static void on_response(proxy *one, const uint8_t *start, size_t length) {
    if (heard.octets.length != length || memcmp(heard.octets.data, start, length)) hear(start, length);
    responses++;
    bytes += length;
    resources += heard.resources;
    put_message(&one->out, &heard.ack);
    if (heard.type == TYPES) return;
    one->seen |= 1u << heard.type;
    buffer wanted = {0};
    book *own = &one->books[heard.type], *following = &one->books[FOLLOWER[heard.type]];
    for (const change *each = heard.changes; each < heard.changes + heard.length; each++) {
        entry_of(own, each->name)->version = each->version;
        if (!each->leads_on) continue;
        size_t before = following->length;
        entry_of(following, each->name);
        if (following->length > before) put_text(&wanted, 3, texts.items[each->name]);
    }
    if (wanted.length) subscribe(one, FOLLOWER[heard.type], &wanted);
    free(wanted.data);
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
    if (!one->secured) insecure--;
    epoll_ctl(poller, EPOLL_CTL_DEL, one->fd, NULL);
    SSL_set_shutdown(one->ssl, SSL_SENT_SHUTDOWN); /* else OpenSSL takes the session for spoilt */
    SSL_free(one->ssl);
    close(one->fd);
    free(one->in.data); free(one->out.data); free(one->message.data);
    one->in = one->out = one->message = (buffer){0};
    one->fd = -1;
    one->ssl = NULL;
    one->started = one->secured = one->watching_write = one->wants_answer = 0;
    one->asked = one->seen = 0;
    one->consumed = 0;
}

static void fail(proxy *one, const char *why) {
    fprintf(stderr, "%s: %s\n", one->node, why);
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
    int wanted = (one->out.length > 0 && !one->wants_answer) || !one->started;
    if (wanted == one->watching_write) return;
    one->watching_write = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = one};
    epoll_ctl(poller, EPOLL_CTL_MOD, one->fd, &event);
}

static void flush_out(proxy *one) {
    size_t at = 0;
    one->wants_answer = 0;
    while (at < one->out.length) {
        int wrote = SSL_write(one->ssl, one->out.data + at, (int)(one->out.length - at));
        if (wrote <= 0) {
            one->wants_answer = SSL_get_error(one->ssl, wrote) == SSL_ERROR_WANT_READ;
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
    do {
        int got = SSL_read(one->ssl, chunk, sizeof chunk);
        if (got <= 0) {
            if (would_block(one, got)) break;
            fail(one, "closed by the server");
            return;
        }
        append(&one->in, chunk, (size_t)got);
        if (!on_frames(one)) return;
    } while (SSL_has_pending(one->ssl)); /* of what is still in the socket the poller tells */
    flush_out(one);
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    proxy *one = SSL_get_app_data(ssl);
    SSL_SESSION_free(one->session);
    one->session = session;
    return 1; /* it is ours now */
}

static void open_connection(proxy *one) {
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(one->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    connect(one->fd, (struct sockaddr *)&address, sizeof address);
    one->ssl = SSL_new(tls);
    if (!alike && SSL_use_certificate_chain_file(one->ssl, one->certificate) != 1) { fprintf(stderr, "%s not readable\n", one->certificate); exit(2); }
    SSL_set_fd(one->ssl, one->fd);
    SSL_set_app_data(one->ssl, one);
    if (one->session) SSL_set_session(one->ssl, one->session);
    SSL_set_connect_state(one->ssl);
    insecure++;
    one->watching_write = 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = one};
    epoll_ctl(poller, EPOLL_CTL_ADD, one->fd, &event);
}

static int is_synced(const proxy *one) { return (one->started && one->seen == one->asked) || (one->started && resuming); }

static void on_event(proxy *one, uint32_t events) {
    int before = is_synced(one);
    if (!one->started && events & EPOLLOUT) { one->started = 1; start(one); }
    if (events & EPOLLOUT) flush_out(one);
    if (one->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_in(one);
    if (one->fd >= 0 && !one->secured && SSL_is_init_finished(one->ssl)) {
        one->secured = 1;
        insecure--;
        resumed += (uint64_t)SSL_session_reused(one->ssl);
    }
    if (!before && (one->fd < 0 || is_synced(one))) connecting--;
    if (before && one->fd >= 0 && !is_synced(one)) connecting++; /* it learned of more to ask for */
    last_activity = now();
}

/* ---- commands */

static void answer(const char *event, double seconds) {
    size_t known = 0;
    for (int i = 0; i < count; i++)
        for (int type = 0; type < TYPES; type++) known += fleet[i].books[type].length;
    printf("{\"event\": \"%s\", \"seconds\": %.4f, \"responses\": %llu, \"resources\": %llu, \"bytes\": %llu, "
           "\"deaths\": %llu, \"known\": %zu, \"resumed\": %llu}\n", event, seconds, (unsigned long long)responses,
           (unsigned long long)resources, (unsigned long long)bytes, (unsigned long long)deaths, known,
           (unsigned long long)resumed);
    fflush(stdout);
}

static int command(const char *line, double *started, const char **running) {
    if (!strncmp(line, "quit", 4)) return 0;
    if (!strncmp(line, "stats", 5)) { answer("stats", 0); responses = resources = bytes = 0; return 1; }
    if (!strncmp(line, "forget", 6)) {
        for (int i = 0; i < count; i++) { SSL_SESSION_free(fleet[i].session); fleet[i].session = NULL; }
        answer("forgotten", 0);
        return 1;
    }
    *started = last_activity = now();
    *running = "connected";
    if (!strncmp(line, "reconnect", 9)) {
        *running = "reconnected";
        resuming = 1;
        responses = resources = bytes = resumed = 0;
        for (int i = 0; i < count; i++) disconnect(&fleet[i]);
    }
    next_to_connect = connecting = 0;
    return 1;
}

static int all_synced(void) {
    if (next_to_connect < count || connecting > 0 || insecure > 0) return 0;
    return !resuming || now() - last_activity > 0.3;
}

static void read_members(const char *file) {
    FILE *members = fopen(file, "r");
    alike = 1;
    char node[512], certificate[512];
    while (members && fscanf(members, "%511s %511s", node, certificate) == 2) {
        if (!(count & (count + 1))) fleet = realloc(fleet, ((size_t)count * 2 + 2) * sizeof *fleet);
        fleet[count++] = (proxy){.fd = -1, .node = strdup(node), .certificate = strdup(certificate)};
        alike &= !strcmp(certificate, fleet->certificate);
    }
    if (!count) { fprintf(stderr, "%s: no members\n", file); exit(2); }
    fclose(members);
}

int main(int argc, char **argv) {
    if (argc < 6) { fprintf(stderr, "usage: fleet gateways|sidecars PORT MEMBERS KEY CA [RCVBUF]\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    sidecars = !strcmp(argv[1], "sidecars");
    port = atoi(argv[2]);
    read_members(argv[3]);
    if (argc > 6) rcvbuf = atoi(argv[6]);
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_PrivateKey_file(tls, argv[4], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(tls, argv[5], NULL) != 1) { fprintf(stderr, "key or authority not readable\n"); return 2; }
    if (alike && SSL_CTX_use_certificate_chain_file(tls, fleet->certificate) != 1) { fprintf(stderr, "%s not readable\n", fleet->certificate); return 2; }
    SSL_CTX_set_read_ahead(tls, 1); /* a record in one call, not its head and its body */
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, keep_session);
    SSL_CTX_set_alpn_protos(tls, (const unsigned char *)"\2h2", 3);
    next_to_connect = count;
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    const char *running = NULL;
    double started = 0;
    for (;;) {
        while (next_to_connect < count && connecting < CONCURRENT_HANDSHAKES) {
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
