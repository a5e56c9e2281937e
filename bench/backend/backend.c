/* A backend for throughput benchmarks: `backend PORT` answers every request on 127.0.0.1 with 17 bytes.

   HTTP/1.1 with keep-alive and pipelining, for requests without a body; one thread, epoll. Prints `ready`.
   It serves several times what one Envoy worker can ask of it, so that what is measured is not it. */

#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 17\r\n\r\nHello from here!\n";
enum { ANSWER_LENGTH = sizeof ANSWER - 1, EVENTS = 256, CONNECTIONS = 65536, AT_ONCE = 64 };

/* How much of the empty line that ends a request a connection has sent: 0 to 3 octets. */
static unsigned char progress[CONNECTIONS];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listening(int port) {
    int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 4096))
        fail("listen");
    return server;
}

static void watch(int poll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event)) fail("epoll_ctl");
}

static void accept_all(int poll, int server) {
    int one = 1, client;
    while ((client = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (client >= CONNECTIONS) {
            close(client);
            continue;
        }
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        progress[client] = 0;
        watch(poll, client);
    }
}

static int requests_in(int client, const char *octets, ssize_t length) {
    int found = 0;
    unsigned char seen = progress[client];
    for (ssize_t at = 0; at < length; at++) {
        char wanted = seen % 2 ? '\n' : '\r';
        seen = octets[at] == wanted ? seen + 1 : octets[at] == '\r';
        if (seen == 4) {
            seen = 0;
            found++;
        }
    }
    progress[client] = seen;
    return found;
}

/* Returns -1 when the client is gone. Answers are far smaller than a socket buffer: a short write is an end. */
static int serve(int client) {
    static char octets[65536], answers[AT_ONCE * ANSWER_LENGTH];
    ssize_t length = read(client, octets, sizeof octets);
    if (length <= 0) return length < 0 && errno == EAGAIN ? 0 : -1;
    if (!answers[0])
        for (int copy = 0; copy < AT_ONCE; copy++) memcpy(answers + copy * ANSWER_LENGTH, ANSWER, ANSWER_LENGTH);
    for (int left = requests_in(client, octets, length); left > 0; left -= AT_ONCE) {
        ssize_t wanted = (left < AT_ONCE ? left : AT_ONCE) * (ssize_t)ANSWER_LENGTH;
        if (write(client, answers, wanted) != wanted) return -1;
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: backend PORT\n");
        return 2;
    }
    int server = listening(atoi(arguments[1])), poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS];
    watch(poll, server);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int happened = epoll_wait(poll, events, EVENTS, -1);
        for (int each = 0; each < happened; each++) {
            int descriptor = events[each].data.fd;
            if (descriptor == server)
                accept_all(poll, server);
            else if (serve(descriptor) < 0)
                close(descriptor);
        }
    }
}
