/* The physical limit: an open loop that sends, reads, stamps, and understands nothing but the end of an answer.
 *
 *   limit_client LOG PORT PATH BODY RATE REQUESTS CONNECTIONS [tls]
 *
 * BODY is a file. CONNECTIONS are opened before the first request, more when none is free. Columns of a record: id,
 * intended, sent, first read, last read, reads, whether the answer was whole, 0. An event is one read. */
#include "common.h"

enum { ID, INTENDED, SENT, FIRST, LAST, READS, WHOLE };
#define LEAD_NS 200000000LL
#define PATIENCE_NS (10 * NS_PER_S)
#define END "0\r\n\r\n"

typedef struct Connection {
    Channel channel;
    int64_t record;
    bool busy, closed;
    char tail[8];
    struct Connection *next_free;
} Connection;

static Log taken;
static Connection *free_ones;
static int epoll, port;
static int64_t in_flight;
#ifdef WITH_TLS
static SSL_CTX *secrets;
#endif

static void secure(Channel *channel) {
#ifdef WITH_TLS
    if (!secrets)
        return;
    channel->tls = SSL_new(secrets);
    SSL_set_fd(channel->tls, channel->fd);
    if (SSL_connect(channel->tls) != 1)
        die("the handshake failed");
#else
    (void)channel;
#endif
}

static Connection *open_connection(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    Connection *connection = calloc(1, sizeof *connection);
    connection->channel.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection->channel.fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("cannot connect: %s", strerror(errno));
    set_no_delay(connection->channel.fd);
    secure(&connection->channel);
    fcntl(connection->channel.fd, F_SETFL, O_NONBLOCK);
    watch(epoll, connection->channel.fd, connection);
    return connection;
}

static void set_free(Connection *connection) {
    connection->next_free = free_ones;
    free_ones = connection;
}

static Connection *free_connection(void) {
    while (free_ones) {
        Connection *connection = free_ones;
        free_ones = connection->next_free;
        if (!connection->closed)
            return connection;
        free(connection);
    }
    return open_connection();
}

static void start(int64_t record, const char *path, const char *body) {
    char request[65536];
    Connection *connection = free_connection();
    int64_t *columns = taken.records[record].columns;
    int size = snprintf(request, sizeof request,
                        "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
                        "x-request-id: %ld\r\ncontent-length: %zu\r\n\r\n%s",
                        path, port, (long)columns[ID], strlen(body), body);
    if (size >= (int)sizeof request)
        die("the request is too large");
    connection->record = record;
    connection->busy = true;
    memset(connection->tail, 0, sizeof connection->tail);
    in_flight++;
    columns[SENT] = now_ns();
    if (!channel_write(&connection->channel, request, (size_t)size))
        die("a request cannot be written: %s", strerror(errno));
}

static void lose(Connection *connection) {
    channel_close(&connection->channel);
    connection->closed = true;
    if (!connection->busy)
        return; /* it is freed when it is taken from the free ones */
    in_flight--;
    taken.lost++;
    free(connection);
}

/* Keep the last bytes over all reads, and say whether they end an answer. */
static bool ends(Connection *connection, const char *data, size_t size) {
    size_t kept = sizeof END - 1, from_data = size < kept ? size : kept;
    memmove(connection->tail, connection->tail + from_data, kept - from_data);
    memcpy(connection->tail + kept - from_data, data + size - from_data, from_data);
    return memcmp(connection->tail, END, kept) == 0;
}

static bool encrypted(const Connection *connection) {
#ifdef WITH_TLS
    return connection->channel.tls != NULL;
#else
    (void)connection;
    return false;
#endif
}

/* Take note of one read; return whether more may have come. */
static bool take(Connection *connection, const char *data, size_t size, int64_t t_ns) {
    int64_t *columns = taken.records[connection->record].columns;
    columns[FIRST] = columns[READS]++ ? columns[FIRST] : t_ns;
    columns[LAST] = t_ns;
    log_event(&taken, connection->record, t_ns);
    if (!ends(connection, data, size))
        return true;
    columns[WHOLE] = 1;
    connection->busy = false;
    in_flight--;
    set_free(connection);
    return false;
}

/* Read what has come; what OpenSSL holds already is announced by no event, so it is read until nothing is left. */
static void receive(Connection *connection) {
    char data[65536];
    ssize_t got;
    do {
        got = channel_read(&connection->channel, data, sizeof data);
        int64_t t_ns = now_ns();
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            lose(connection);
            return;
        }
        if (!take(connection, data, (size_t)got, t_ns))
            return;
    } while (encrypted(connection) || got == sizeof data);
}

/* One request a round, so that what has come is read between any two of them. */
static void play(double rate, int64_t requests, const char *path, const char *body) {
    struct epoll_event events[BATCH];
    int64_t anchor = now_ns() + LEAD_NS, sent = 0, give_up = anchor + (int64_t)((double)requests / rate * 1e9) + PATIENCE_NS;
    while (!interrupted && (sent < requests || in_flight) && now_ns() < give_up) {
        int64_t due = sent < requests ? anchor + (int64_t)((double)sent / rate * 1e9) : give_up;
        int ready = wait_events(epoll, events, due);
        for (int i = 0; i < ready; i++)
            receive(events[i].data.ptr);
        if (sent == requests || now_ns() < due)
            continue;
        int64_t record = log_record(&taken);
        taken.records[record].columns[ID] = ++sent;
        taken.records[record].columns[INTENDED] = due;
        start(record, path, body);
    }
    taken.lost += in_flight;
}

static char *text_of(const char *path) {
    static char text[32768];
    FILE *file = fopen(path, "rb");
    if (!file)
        die("%s: %s", path, strerror(errno));
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void use_tls(void) {
#ifdef WITH_TLS
    secrets = SSL_CTX_new(TLS_client_method());
#else
    die("built without TLS");
#endif
}

int main(int count, char **arguments) {
    if (count < 8 || count > 9)
        die("usage: limit_client LOG PORT PATH BODY RATE REQUESTS CONNECTIONS [tls]");
    port = atoi(arguments[2]);
    prepare_process();
    log_open(&taken);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (count == 9)
        use_tls();
    for (long left = atol(arguments[7]); left > 0; left--)
        set_free(open_connection());
    play(atof(arguments[5]), atoll(arguments[6]), arguments[3], text_of(arguments[4]));
    log_write(&taken, arguments[1]);
    return 0;
}
