/* A server whose timing is known: it answers at scripted instants and logs when it read each request and wrote each token.
 *
 *   truth_server LOG SCRIPT SEED [CERTIFICATE KEY]
 *
 * SCRIPT is TTFT_US:SIGMA:GAP_US:SIGMA:TOKENS (medians of lognormals and their sigmas in thousandths); a path may hold
 * its own as /s=SCRIPT/. The head and the opening frames leave with the first token and the closing ones with the last,
 * so that each write is one token. It prints its port, and writes LOG at SIGTERM.
 *
 * Columns of a record: the client's own id (x-request-id), received, connection, tokens, first write, last write,
 * writes, 0. A request was received when its last byte was read; a write is stamped before the system is asked for it. */
#include "shapes.h"
#include <math.h>
#include <strings.h>

enum { ID, RECEIVED, CONNECTION, TOKENS, FIRST, LAST, WRITES };

typedef struct {
    int ttft_us, ttft_sigma, gap_us, gap_sigma, tokens;
} Script;

typedef struct Connection {
    Channel channel;
    int64_t number, record, due_ns;
    size_t place; /* in the heap, 0 while nothing is due */
    Script script;
    Shape shape;
    int written;
    uint64_t random;
    bool closed;
    size_t filled, capacity;
    char *request;
    struct Connection *next_closed;
} Connection;

/* The connections whose next token is due, soonest first; entry 0 is not used. */
typedef struct {
    Connection **entries;
    size_t count, capacity;
} Heap;

static Log truth;
static Connection *closed_ones;
static Heap due;
static Script usual;
static uint64_t seed;
static int64_t connections;
static int epoll;
#ifdef WITH_TLS
static SSL_CTX *secrets;
#endif

static void heap_set(size_t place, Connection *connection) {
    due.entries[place] = connection;
    connection->place = place;
}

static void heap_settle(size_t place) {
    Connection *moving = due.entries[place];
    for (; place > 1 && due.entries[place / 2]->due_ns > moving->due_ns; place /= 2)
        heap_set(place, due.entries[place / 2]);
    for (size_t child; (child = 2 * place) <= due.count; place = child) {
        if (child < due.count && due.entries[child + 1]->due_ns < due.entries[child]->due_ns)
            child++;
        if (due.entries[child]->due_ns >= moving->due_ns)
            break;
        heap_set(place, due.entries[child]);
    }
    heap_set(place, moving);
}

static void heap_add(Connection *connection) {
    if (++due.count >= due.capacity) {
        due.capacity = 2 * due.capacity + 1024;
        due.entries = realloc(due.entries, due.capacity * sizeof *due.entries);
    }
    heap_set(due.count, connection);
    heap_settle(due.count);
}

static void heap_remove(Connection *connection) {
    size_t place = connection->place;
    Connection *last = due.entries[due.count--];
    connection->place = 0;
    if (last == connection)
        return;
    heap_set(place, last);
    heap_settle(place);
}

/* The generator is splitmix64; each request has a sequence of its own. */
static double uniform(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static int64_t lognormal_ns(uint64_t *state, int median_us, int sigma) {
    double normal = sqrt(-2.0 * log(uniform(state))) * cos(6.283185307179586 * uniform(state));
    return (int64_t)(median_us * 1000.0 * exp(normal * sigma / 1000.0));
}

static bool parse_script(const char *text, Script *into) {
    return sscanf(text, "%d:%d:%d:%d:%d", &into->ttft_us, &into->ttft_sigma, &into->gap_us, &into->gap_sigma,
                  &into->tokens) == 5 && into->tokens > 0;
}

/* Give the connection up; it is freed at the end of the round, since events of this round may still name it. */
static void drop(Connection *connection) {
    if (connection->closed)
        return;
    if (connection->place)
        heap_remove(connection);
    channel_close(&connection->channel);
    connection->closed = true;
    connection->next_closed = closed_ones;
    closed_ones = connection;
}

static void free_closed(void) {
    while (closed_ones) {
        Connection *connection = closed_ones;
        closed_ones = connection->next_closed;
        free(connection->request);
        free(connection);
    }
}

static void say(Connection *connection, const char *status, const char *body) {
    Buffer out = {.size = 0};
    put(&out, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", status, strlen(body), body);
    if (!channel_write(&connection->channel, out.bytes, out.size))
        drop(connection);
}

static void begin(Connection *connection, Shape shape, const char *target, const char *id) {
    const char *own = strstr(target, "/s=");
    connection->script = usual;
    if (own && !parse_script(own + 3, &connection->script)) {
        say(connection, "400 Bad Request", "{\"error\":{\"message\":\"a script is TTFT:SIGMA:GAP:SIGMA:TOKENS\"}}");
        return;
    }
    connection->record = log_record(&truth);
    connection->random = seed ^ ((uint64_t)connection->record * 0xD1342543DE82EF95ULL);
    connection->shape = shape;
    connection->written = 0;
    int64_t *columns = truth.records[connection->record].columns;
    columns[ID] = id ? atoll(id) : 0;
    columns[RECEIVED] = now_ns();
    columns[CONNECTION] = connection->number;
    columns[TOKENS] = connection->script.tokens;
    connection->due_ns = columns[RECEIVED] +
                         lognormal_ns(&connection->random, connection->script.ttft_us, connection->script.ttft_sigma);
    heap_add(connection);
}

/* Answer the first request in the buffer once it is whole. */
static void take_request(Connection *connection) {
    char *head = connection->request, *end = memmem(head, connection->filled, "\r\n\r\n", 4);
    if (!end || connection->place || connection->closed)
        return;
    *end = 0;
    const char *length = strcasestr(head, "\r\ncontent-length:"), *id = strcasestr(head, "\r\nx-request-id:");
    size_t size = (size_t)(end - head) + 4 + (length ? strtoul(length + 17, NULL, 10) : 0);
    if (connection->filled < size) {
        *end = '\r';
        return;
    }
    head[strcspn(head, "\r\n")] = 0;
    int shape = shape_of(head);
    if (shape < 0)
        say(connection, "200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"truth\",\"object\":\"model\"}]}");
    else
        begin(connection, (Shape)shape, head, id ? id + 15 : NULL);
    connection->filled -= size;
    memmove(connection->request, connection->request + size, connection->filled);
}

static void read_request(Connection *connection) {
    while (!connection->closed) {
        if (connection->filled + 1 >= connection->capacity) {
            connection->capacity = 2 * connection->capacity + 4096;
            connection->request = realloc(connection->request, connection->capacity);
        }
        size_t room = connection->capacity - connection->filled - 1;
        ssize_t got = channel_read(&connection->channel, connection->request + connection->filled, room);
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN)
                drop(connection);
            return;
        }
        connection->filled += (size_t)got;
        take_request(connection);
#ifdef WITH_TLS
        if (connection->channel.tls)
            continue; /* what OpenSSL holds already is announced by no event */
#endif
        if ((size_t)got < room)
            return;
    }
}

static void write_token(Connection *connection) {
    Buffer out;
    long serial = (long)connection->record + 1;
    int tokens = connection->script.tokens;
    bool last = ++connection->written == tokens;
    out.size = 0;
    if (connection->written == 1)
        put_opening(&out, connection->shape, serial);
    put_token(&out, connection->shape, serial, connection->written, last);
    if (last)
        put_ending(&out, connection->shape, serial, tokens);
    int64_t t_ns = now_ns(), *columns = truth.records[connection->record].columns;
    columns[FIRST] = connection->written == 1 ? t_ns : columns[FIRST];
    columns[LAST] = t_ns;
    columns[WRITES]++;
    log_event(&truth, connection->record, t_ns);
    heap_remove(connection);
    if (!channel_write(&connection->channel, out.bytes, out.size)) {
        truth.lost++;
        drop(connection);
    } else if (last) {
        take_request(connection);
    } else {
        connection->due_ns += lognormal_ns(&connection->random, connection->script.gap_us, connection->script.gap_sigma);
        heap_add(connection);
    }
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        Connection *connection = calloc(1, sizeof *connection);
        connection->channel.fd = fd;
        connection->number = connections++;
        set_no_delay(fd);
#ifdef WITH_TLS
        if (secrets) {
            connection->channel.tls = SSL_new(secrets);
            SSL_set_fd(connection->channel.tls, fd);
            SSL_set_accept_state(connection->channel.tls);
        }
#endif
        watch(epoll, fd, connection);
    }
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 65535) < 0)
        die("cannot listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void serve(int listener) {
    struct epoll_event events[BATCH];
    while (!interrupted) {
        int ready = wait_events(epoll, events, due.count ? due.entries[1]->due_ns : -1);
        for (int i = 0; i < ready; i++) {
            Connection *connection = events[i].data.ptr;
            if (connection)
                read_request(connection);
            else
                accept_all(listener);
        }
        while (due.count && due.entries[1]->due_ns <= now_ns())
            write_token(due.entries[1]);
        free_closed();
    }
}

static void use_tls(const char *certificate, const char *key) {
#ifdef WITH_TLS
    secrets = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(secrets, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(secrets, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(secrets, key, SSL_FILETYPE_PEM) != 1)
        die("the certificate %s or its key %s cannot be used", certificate, key);
#else
    die("built without TLS: %s and %s cannot be used", certificate, key);
#endif
}

int main(int count, char **arguments) {
    if ((count != 4 && count != 6) || !parse_script(arguments[2], &usual))
        die("usage: truth_server LOG TTFT_US:SIGMA:GAP_US:SIGMA:TOKENS SEED [CERTIFICATE KEY]");
    seed = strtoull(arguments[3], NULL, 10);
    prepare_process();
    log_open(&truth);
    if (count == 6)
        use_tls(arguments[4], arguments[5]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_loopback();
    watch(epoll, listener, NULL);
    serve(listener);
    log_write(&truth, arguments[1]);
    return 0;
}
